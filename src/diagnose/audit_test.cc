// Lost references, islands that are never freed and immortal strings, end to end on heaps written as text.
#include "diagnose/audit.h"

#include <gtest/gtest.h>

#include "diagnose/session.h"
#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

Json Diagnose(const std::string& text) {
  auto looks = testing::ParseHeapText(text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  auto session = Session::Create("");
  for (auto& look : *looks) {
    auto heap = graph::Heap::Build(std::move(look.columns));
    EXPECT_TRUE(heap.ok()) << heap.status().message();
    EXPECT_TRUE(session->Add(heap.Take()).ok());
  }
  return Json::parse(*session->Conclude(""));
}

const std::string kProgram = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .TABLE -> table, .Class -> klass }
table: dict { {*} -> v }
v: app.Value
klass: type
)";

std::string Look(int number, const std::string& changes) {
  return "\nlook " + std::to_string(number) + "\nmeta at=" + std::to_string(10 + 2 * number) +
         "s cpu=" + std::to_string(number * 10) + "ms\n" + changes;
}

// The statement in looks 1 to 4, its "%" replaced by ten times the number of the look.
std::string Growing(const std::string& statement) {
  std::string text = kProgram;
  for (int look = 1; look <= 4; ++look) {
    std::string changed = statement;
    for (size_t at = 0; (at = changed.find('%', at)) != std::string::npos;)
      changed.replace(at, 1, std::to_string(look * 10));
    text += look == 1 ? changed : Look(look, changed);
  }
  return text;
}

TEST(Audit, ObjectsThatNobodyCanGiveBackAreALeak) {
  const Json d = Diagnose(Growing("lost[1..%]: list rc=1 { [0] -> text[i] }\ntext[1..%]: str\n"));
  EXPECT_EQ(d["verdict"], "leak");
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "lost-reference");
  EXPECT_EQ(f["what"][0]["type"], "list");  // what was lost; the text only hangs on it
  EXPECT_EQ(f["what"][1]["type"], "str");
  EXPECT_EQ(f["growth"]["references"], Json::array({10, 20, 30, 40}));
  EXPECT_EQ(f["certainty"], "probable");
}

// A suspended stack of native code holds what its frames have in variables.
TEST(Audit, WhatComesWithLivingNativeObjectsMayBeTheirs) {
  const std::string type = "type ext.Coroutine role=other\n";
  const std::string keepers = "root module lib\nlib: module { .RUNS -> runs }\nruns: dict { {*} -> run[1..%0] }\nrun[1..%0]: ext.Coroutine\n";
  const std::string lost = "lost[1..%0]: list rc=1 { [0] -> text[i] }\ntext[1..%0]: str\n";
  const Json d = Diagnose(type + Growing(keepers + lost));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "growing-container") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["evidence"]["native_references"], Json::array({"list"}));
}

TEST(Audit, WhatComesAtAnotherRateIsLost) {
  const std::string type = "type ext.Coroutine role=other\n";
  const std::string keepers = "root module lib\nlib: module { .RUNS -> runs }\nruns: dict { {*} -> run[1..%0] }\nrun[1..%0]: ext.Coroutine\n";
  const Json d = Diagnose(type + Growing(keepers + "lost[1..%]: list rc=1\n"));
  EXPECT_TRUE(std::any_of(d["findings"].begin(), d["findings"].end(), [](const Json& f) {
    return f["kind"] == "lost-reference" && f["certainty"] == "probable";
  })) << d.dump(1);
}

TEST(Audit, WhatALostNativeObjectPointsToIsNamedWithIt) {
  const Json d = Diagnose("type numpy.ndarray no-gc\n" +
                          Growing("lost[1..%]: PyCapsule rc=1 opaque { [*] -> array[i] (conservative) }\narray[1..%]: "
                                  "numpy.ndarray rc=1\n"));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "PyCapsule");
  EXPECT_EQ(d["findings"][0]["what"][1]["type"], "numpy.ndarray");
}

TEST(Audit, AnObjectInUseIsNamedByWhoRefersToIt) {
  const Json d = Diagnose(Growing("v: app.Value rc=+%\n"));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "lost-reference");
  EXPECT_EQ(f["holder"]["root"], "module app");
  EXPECT_EQ(f["growth"]["objects"], Json::array({1, 1, 1, 1}));
  EXPECT_EQ(f["growth"]["references"], Json::array({10, 20, 30, 40}));
  EXPECT_EQ(f["evidence"]["referrers"][0]["type"], "dict");
}

TEST(Audit, AClassWhoseCountRisesDecidesNothing) {
  const Json d = Diagnose(Growing("klass: type rc=+%\n"));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
  EXPECT_EQ(d["verdict"], "clean");
}

TEST(Audit, ACountOnAnObjectInALibrarysImageDecidesNothing) {
  const Json d = Diagnose(Growing("add table { {*} -> float64 }\nfloat64: ext.dtype static rc=+%\n"));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "ext.dtype");
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
  EXPECT_EQ(d["verdict"], "clean");
}

TEST(Audit, WhatConservativeReferencesExplainIsNoLoss) {
  const Json d = Diagnose(
      Growing("box: ext.Box opaque { [*] -> v (conservative) }\nadd app { .box -> box }\nv: app.Value rc=+1\n"));
  EXPECT_EQ(d["findings"].size(), 0u) << d.dump(1);
}

TEST(Audit, LostObjectsThatComeAndGoAreNone) {
  std::string text = kProgram + "lost[1..40]: str rc=1\n";
  for (int look = 2; look <= 4; ++look) {
    std::string changes;
    for (int n = 1; n <= 40; ++n) changes += "drop lost[" + std::to_string((look - 2) * 100 + n) + "]\n";
    const int first = (look - 1) * 100 + 1;
    text += Look(look, changes + "lost[" + std::to_string(first) + ".." + std::to_string(first + 39) + "]: str rc=1\n");
  }
  EXPECT_EQ(Diagnose(text)["findings"].size(), 0u);
}

TEST(Audit, StringsInternedForGoodAreALeakOfTheirOwnKind) {
  std::string text = kProgram + "s[1..100]: str immortal interned\n";
  for (int look = 2; look <= 4; ++look) {
    const int first = (look - 1) * 100 + 1;
    text += Look(look, "s[" + std::to_string(first) + ".." + std::to_string(first + 99) + "]: str immortal interned\n");
  }
  const Json d = Diagnose(text);
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "immortal-string");
  EXPECT_EQ(d["findings"][0]["remedy"]["action"], "bound");
}

TEST(Audit, InternedStringsThatComeAtAFallingRateMayBeWarmUp) {
  std::string text = kProgram + "s[1..100]: str immortal interned\n";
  int last = 100;
  for (int look = 2; look <= 4; ++look) {
    const int to = last + (look == 2 ? 200 : look == 3 ? 140 : 98);
    text += Look(look, "s[" + std::to_string(last + 1) + ".." + std::to_string(to) + "]: str immortal interned\n");
    last = to;
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  ASSERT_EQ(d["findings"].size(), 1u);
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
}

TEST(Audit, AnIslandThroughAnOpaqueTypeIsNeverFreedAndSaysWhy) {
  const Json d =
      Diagnose("type datetime.datetime no-gc\n" + Growing("zone[1..%]: app.Zone { .created -> when[i] }\nwhen[1..%]: "
                                                          "datetime.datetime { .tzinfo -> zone[i] (omitted) }\n"));
  EXPECT_EQ(d["verdict"], "leak");
  ASSERT_GE(d["findings"].size(), 1u) << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "uncollectable-cycle");
  EXPECT_EQ(f["what"][0]["type"], "app.Zone");
  EXPECT_NE(f["cycle"]["opaque"].get<std::string>().find("datetime.datetime"), std::string::npos);
}

}  // namespace
}  // namespace unleak::diagnose
