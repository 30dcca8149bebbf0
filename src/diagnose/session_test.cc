// The rules of "How growth is judged", end to end on heaps written as text (tests/heaps/README.md).
#include "diagnose/session.h"

#include <gtest/gtest.h>

#include "diagnose/names.h"
#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

// Feeds all looks of the text and concludes with these answers.
Json Diagnose(const std::string& text, const std::string& answers = "", const std::string& options = "") {
  auto looks = testing::ParseHeapText(text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  auto session = Session::Create(options);
  EXPECT_TRUE(session.ok());
  for (auto& look : *looks) {
    auto heap = graph::Heap::Build(std::move(look.columns));
    EXPECT_TRUE(heap.ok()) << heap.status().message();
    const Status added = session->Add(heap.Take());
    EXPECT_TRUE(added.ok()) << added.message();
  }
  EXPECT_TRUE(session->Questions().ok());
  auto document = session->Conclude(answers);
  EXPECT_TRUE(document.ok()) << document.status().message();
  return Json::parse(*document);
}

std::string Look(int number, const std::string& changes) {
  return "\nlook " + std::to_string(number) + "\nmeta at=" + std::to_string(10 + 2 * number) + "s cpu=" + std::to_string(number * 10) +
         "ms rss=" + std::to_string(100 + number) + "M\n" + changes;
}

const char* kStart = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .ACTIVE -> active }
active: dict { {*} -> s[1..100] }
s[1..100]: app.Session { .user -> u[i] }
u[1..100]: str
)";

std::string Add(int from, int to) {
  const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
  return "s" + range + ": app.Session { .user -> u[i] }\nu" + range + ": str\nadd active { {*} -> s" + range + " }\n";
}

const std::string kLeak = kStart + Look(2, Add(101, 120)) + Look(3, Add(121, 140)) + Look(4, Add(141, 160));
const char* kStored = R"({"answers": {"c0.stored": {"places": [{"file": "app.py", "line": 57, "function": "remember", "text": "", "from": "source"}]}}})";

TEST(Session, GrowingDictIsALeakWithHolderTypeAndLine) {
  const Json d = Diagnose(kLeak, kStored);
  EXPECT_EQ(d["verdict"], "leak");
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "growing-container");
  EXPECT_EQ(f["certainty"], "confirmed");
  EXPECT_EQ(f["what"][0]["type"], "app.Session");
  EXPECT_EQ(f["holder"]["text"], "app.ACTIVE{*}");
  EXPECT_EQ(f["holder"]["root"], "module app");
  EXPECT_EQ(f["sites"]["stored"][0]["line"], 57);
  EXPECT_EQ(f["remedy"]["action"], "remove-entry");
  EXPECT_NEAR(f["growth"]["per_s"]["objects"].get<double>(), 10.0, 0.5);
}

TEST(Session, WithoutALineItIsOnlyProbable) {
  EXPECT_EQ(Diagnose(kLeak)["findings"][0]["certainty"], "probable");
}

TEST(Session, ABoundAheadMakesItAFillingCache) {
  const Json d = Diagnose(kLeak, R"({"answers": {"c0.bound": {"literal": 1000}}})");
  EXPECT_EQ(d["verdict"], "not_a_leak");
  EXPECT_EQ(d["findings"][0]["kind"], "filling-cache");
  EXPECT_EQ(d["findings"][0]["bound"]["value"], 1000);
}

TEST(Session, ABoundOfUnknownValueLeavesItOpen) {
  const Json d = Diagnose(kLeak, R"({"answers": {"c0.bound": {"literal": null, "attribute": null, "how": "evicts", "value_known": false}}})");
  EXPECT_EQ(d["verdict"], "inconclusive");
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
}

TEST(Session, ABoundThatWasJustReachedIsOne) {  // 160 entries
  const Json d = Diagnose(kLeak, R"({"answers": {"c0.bound": {"literal": 160}}})");
  EXPECT_EQ(d["verdict"], "not_a_leak");
  EXPECT_EQ(d["findings"][0]["bound"]["full_in_s"], 0.0);
  EXPECT_EQ(Diagnose(kLeak, R"({"answers": {"c0.bound": {"literal": 158}}})")["verdict"], "leak");
}

TEST(Session, ABoundThatIsPassedIsNone) {
  EXPECT_EQ(Diagnose(kLeak, R"({"answers": {"c0.bound": {"literal": 50}}})")["verdict"], "leak");
}

TEST(Session, ARemoverThatReadsAClockLeavesItOpen) {
  const Json d = Diagnose(kLeak, R"({"answers": {"c0.removed": {"places": [{"file": "app.py", "line": 9, "reads_clock": true}]}}})");
  EXPECT_EQ(d["verdict"], "inconclusive");
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
}

TEST(Session, FlowThroughAContainerIsClean) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .QUEUE -> queue }
queue: list { [*] -> s[1..100] }
s[1..100]: app.Session
)";
  int first = 1, last = 100;
  for (int look = 2; look <= 4; ++look) {
    const std::string range = "[" + std::to_string(last + 1) + ".." + std::to_string(last + 60) + "]";
    text += Look(look, "s" + range + ": app.Session\nadd queue { [*] -> s" + range + " }\n");
    for (int i = 0; i < 40; ++i) text += "drop s[" + std::to_string(first++) + "]\n";
    last += 60;
  }
  EXPECT_EQ(Diagnose(text)["verdict"], "clean");
}

TEST(Session, RisingFlowIsCleanHoweverMuchIsUnderWay) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .PENDING -> pending }
pending: list { [*] -> s[1..100] }
s[1..100]: app.Request size=4K
)";
  int first = 1, last = 100;
  for (int look = 2; look <= 4; ++look) {
    const std::string range = "[" + std::to_string(last + 1) + ".." + std::to_string(last + 120) + "]";
    text += Look(look, "s" + range + ": app.Request size=4K\nadd pending { [*] -> s" + range + " }\n");
    for (int i = 0; i < 70; ++i) text += "drop s[" + std::to_string(first++) + "]\n";
    last += 120;
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "clean") << d.dump(1);
}

TEST(Session, NothingGrowsAndTheTargetWorked) {
  EXPECT_EQ(Diagnose(kStart + Look(2, "") + Look(3, "") + Look(4, ""))["verdict"], "clean");
}

TEST(Session, AHeapWithBrokenListsIsNotCalledClean) {
  const std::string still = Look(2, "") + Look(3, "");
  ASSERT_EQ(Diagnose(kStart + still + Look(4, ""))["verdict"], "clean");
  EXPECT_EQ(Diagnose(kStart + still + "\nlook 4\nmeta at=18s cpu=40ms broken=1\n")["verdict"], "inconclusive");
}

TEST(Session, AnIdleTargetSaysNothing) {
  const std::string idle = "\nlook 2\nmeta at=14s cpu=5ms\nlook 3\nmeta at=16s cpu=5ms\n";
  EXPECT_EQ(Diagnose(kStart + idle)["verdict"], "inconclusive");
}

TEST(Session, OneLookSaysNothingOfGrowth) { EXPECT_EQ(Diagnose(kStart)["verdict"], "inconclusive"); }

TEST(Session, MapOfGrowingListsIsFoundAlongItsPath) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .BY_USER -> users }
users: dict { {*} -> l[1..20] }
l[1..20]: list { [0] -> e[i] }
e[1..20]: app.Event
)";
  for (int look = 2; look <= 4; ++look) {
    std::string changes;
    for (int user = 1; user <= 20; ++user) {
      const std::string name = "n" + std::to_string(look) + "_" + std::to_string(user);
      changes += name + ": app.Event\nadd l[" + std::to_string(user) + "] { [*] -> " + name + " }\n";
    }
    text += Look(look, changes);
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.BY_USER{*}[*]");
}

TEST(Session, LinkedListIsFoundByItsType) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .HEAD -> n[400] }
n[1..400]: app.Node { .next -> n[i-1] }
)";
  int last = 400;
  for (int look = 2; look <= 4; ++look) {
    const int to = last + 100;
    const std::string range = "[" + std::to_string(last + 1) + ".." + std::to_string(to) + "]";
    text += Look(look, "n" + range + ": app.Node { .next -> n[i-1] }\napp: module { .HEAD -> n[" + std::to_string(to) + "] }\n");
    text += "add n[" + std::to_string(last + 1) + "] { .next -> n[" + std::to_string(last) + "] }\n";
    last = to;
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "app.Node");
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.HEAD.next+");
}

const std::string kCycles = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
collector threshold=700,10,10 collected=1000,0,0
root module app
app: module
a[1..20]: app.Node { .next -> b[i] }
b[1..20]: app.Node { .next -> a[i] }
)";

std::string Collected(int number, int collected, const std::string& collector = "") {
  return "\nlook " + std::to_string(number) + "\nmeta at=" + std::to_string(10 + 2 * number) + "s cpu=" + std::to_string(number * 10) +
         "ms\ncollector " + collector + " threshold=700,10,10 collected=" + std::to_string(collected) + ",0,0\n";
}

TEST(Session, NotesOfQuestionsStayWithTheirFindings) {
  const Json d = Diagnose(kLeak, R"({"notes": ["c0.stored: no line was found", "app.py was changed"]})");
  ASSERT_EQ(d["findings"].size(), 1u);
  EXPECT_EQ(d["notes"], Json({"c0.stored: no line was found", "app.py was changed"}));
}

TEST(Session, CyclesThatTheCollectorFreesAreGarbage) {
  const Json d = Diagnose(kCycles + Collected(2, 1100) + Collected(3, 1200) + Collected(4, 1300),
                          R"({"answers": {"g0.edge0": {"places": [{"file": "app.py", "line": 3, "function": "f"}]}}})");
  EXPECT_EQ(d["verdict"], "garbage") << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "reference-cycle");
  EXPECT_EQ(f["what"][0]["type"], "app.Node");
  EXPECT_EQ(f["cycle"]["edges"][0]["edge"], ".next");
  EXPECT_EQ(f["sites"]["stored"][0]["line"], 3);
  EXPECT_EQ(f["remedy"]["action"], "break-cycle");
}

TEST(Session, WhatKeepsItselfIsToldToLeaveThatOut) {
  const std::string living = "add active { {*} -> n[1..90] }\nn[1..90]: app.Node { .me -> n[i] }\n";
  const std::string waiting = "a[1..90]: app.Node { .me -> a[i] }\n";
  const std::string collector = "collector threshold=700,10,10 collected=1000,0,0\n";
  const Json d = Diagnose(kStart + collector + living + waiting + Collected(2, 1100) + Collected(3, 1200) + Collected(4, 1300));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["remedy"]["action"], "weakref");
  EXPECT_NE(d["findings"][0]["remedy"]["text"].get<std::string>().find("keeps itself in Node.me"), std::string::npos) << d.dump(1);
}

TEST(Session, WhatTheInterpreterTakesApartAtTheEndOfARunIsNoGarbage) {
  const std::string running = "thread main\ncode main file=/srv/job.py line=3\nframe f thread=main code=main line=9\n";
  std::string quiet = kCycles.substr(0, kCycles.find("a[1..20]"));
  const std::string cycles = "a[1..90]: app.Node { .next -> b[i] }\nb[1..90]: app.Node { .next -> a[i] }\n";
  const std::string text = quiet + Collected(2, 1000) + Collected(3, 1000) + Collected(4, 1000) + cycles;
  EXPECT_EQ(Diagnose(text, "", R"({"run": true})")["verdict"], "clean");
  EXPECT_EQ(Diagnose(text)["verdict"], "garbage");
  EXPECT_EQ(Diagnose(quiet + running + Collected(2, 1000) + Collected(3, 1000) + Collected(4, 1000) + cycles, "",
                     R"({"run": true})")["verdict"],
            "garbage");
  // A daemon thread still runs when the main thread, whose id is that of the process, is done.
  const std::string daemon = "thread main tid=7\nthread server tid=9\ncode serve file=/srv/job.py line=3\nframe f thread=server code=serve line=9\n";
  EXPECT_EQ(Diagnose(quiet + daemon + Collected(2, 1000) + Collected(3, 1000) + Collected(4, 1000) + cycles, "",
                     R"({"run": true})")["verdict"],
            "clean");
}

TEST(Session, LittleGarbageIsNotReported) {
  EXPECT_EQ(Diagnose(kCycles + Collected(2, 1010) + Collected(3, 1020) + Collected(4, 1030))["verdict"], "clean");
}

TEST(Session, GarbageWithTheCollectorOffIsALeak) {
  std::string text = kCycles;
  int last = 20;
  for (int look = 2; look <= 4; ++look) {
    const std::string range = "[" + std::to_string(last + 1) + ".." + std::to_string(last + 60) + "]";
    text += Collected(look, 1000, "disabled") + "a" + range + ": app.Node { .next -> b[i] }\nb" + range + ": app.Node { .next -> a[i] }\n";
    last += 60;
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "reference-cycle");
}

const std::string kPeak = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=20M peak=20M
thread main
code main file=/srv/job.py line=3
frame f thread=main code=main line=9
)" + std::string("\nlook 2\nmeta at=14s cpu=20ms rss=120M peak=120M\ncontent: str size=100M length=104857000\nroot frame f content -> content\n");

TEST(Session, WholeFileInALocalIsAPeak) {
  const char* bulk = R"({"answers": {"p0.bulk": {"places": [{"file": "/srv/job.py", "line": 5, "function": "main"}], "streamable": true,
                         "source": "file", "chunked": "for line in f: ..."}}})";
  const Json d = Diagnose(kPeak, bulk, R"({"run": true})");
  EXPECT_EQ(d["verdict"], "peak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "bulk-read");
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "str");
  EXPECT_EQ(d["findings"][0]["remedy"]["action"], "stream");
  EXPECT_EQ(d["findings"][0]["peak"]["bytes"].get<u64>(), 100u << 20);
}

// A list on the frame's stack, in the middle of a comprehension.
const std::string kBeingBuilt = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=20M peak=20M
thread main
code main file=/srv/job.py line=3
frame f thread=main code=main line=9
)" + std::string("\nlook 2\nmeta at=14s cpu=20ms rss=120M peak=120M\nmade: list { [*] -> r[1..50] }\nr[1..50]: app.Row size=1M\nroot frame f '' -> made\n");

TEST(Session, AValueWithoutANameThatNobodyKnowsIsNotCalledClean) {
  const Json d = Diagnose(kBeingBuilt, "", R"({"run": true, "target": {"exit": 0}})");
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  EXPECT_NE(d["summary"].get<std::string>().find("in one go"), std::string::npos) << d["summary"];
}

TEST(Session, AListThatIsBeingBuiltIsThePeakOfItsVariable) {
  const char* bulk = R"({"answers": {"p0.bulk": {"places": [{"file": "/srv/job.py", "line": 8, "function": "main", "qualname": "Job.main"}], "streamable": true,
                         "source": "unknown", "chunked": "for line in source(): ...", "variable": "lines"}}})";
  const Json d = Diagnose(kBeingBuilt, bulk, R"({"run": true})");
  EXPECT_EQ(d["verdict"], "peak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "Job.main local lines");
  EXPECT_EQ(d["findings"][0]["sites"]["stored"][0]["line"], 8);
}

TEST(Session, WhatASortHoldsForAMomentIsItsVariables) {
  const std::string later = "\nlook 3\nmeta at=16s cpu=30ms rss=120M peak=120M\ndrop made\nmore: list { [*] -> r[1..50] }\nroot frame f lines -> more\n";
  EXPECT_EQ(Diagnose(kBeingBuilt, "", R"({"run": true, "target": {"exit": 0}})")["verdict"], "inconclusive");
  EXPECT_EQ(Diagnose(kBeingBuilt + later, "", R"({"run": true, "target": {"exit": 0}})")["verdict"], "clean");
}

TEST(Session, WhatOneLineMadeIsOnePeak) {
  const std::string later = "\nlook 3\nmeta at=16s cpu=30ms rss=130M peak=130M\ndrop made\nmore: list { [*] -> r[1..50] }\nroot frame f lines -> more\n";
  const std::string answer = R"({"places": [{"file": "/srv/job.py", "line": 8, "function": "main"}], "streamable": true})";
  const Json d = Diagnose(kBeingBuilt + later, R"({"answers": {"p0.bulk": )" + answer + R"(, "p1.bulk": )" + answer + "}}", R"({"run": true})");
  EXPECT_EQ(d["verdict"], "peak") << d.dump(1);
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "main local lines");
}

TEST(Session, WhileALibraryReadsTheLineThatAskedIsNamed) {
  const std::string text = kPeak + "code outer file=/srv/app.py line=1 name=outer\nframe g thread=main code=outer line=30 depth=1\n";
  const char* bulk = R"({"answers": {"p0.caller0": {"places": [{"file": "/srv/app.py", "line": 30, "function": "outer"}], "streamable": true}}})";
  const Json d = Diagnose(text, bulk, R"({"run": true})");
  EXPECT_EQ(d["verdict"], "peak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["sites"]["stored"][0]["line"], 30);
}

TEST(Session, AHighThatNoLookSawLeavesItOpen) {
  const std::string quiet = kStart + Look(2, "") + Look(3, "") + Look(4, "");
  EXPECT_EQ(Diagnose(quiet, R"({"target": {"missed_highs": [{"at_s": 1.0, "rss": 999000000}]}})", R"({"run": true})")["verdict"], "inconclusive");
  EXPECT_EQ(Diagnose(quiet, R"({"target": {"missed_highs": []}})", R"({"run": true})")["verdict"], "clean");
}

TEST(Session, ABigLocalThatIsNotReadInOneGoIsNoPeak) {
  EXPECT_NE(Diagnose(kPeak, "", R"({"run": true})")["verdict"], "peak");
}

// Hidden objects by which the heap grows from look to look, held where no detector looks: alone in slots of new objects.
std::string Spread(const std::vector<int>& kib) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .KEEPER -> keeper }
keeper: app.Keeper
)";
  for (size_t look = 0; look < kib.size(); ++look)
    text += Look(static_cast<int>(look) + 2, "blob" + std::to_string(look) + ": bytes size=" + std::to_string(kib[look]) +
                                                 "K\nadd keeper { .part" + std::to_string(look) + " -> blob" + std::to_string(look) + " }\n");
  return text;
}

TEST(Session, SteadyGrowthThatNothingHoldsIsNeverClean) {
  const Json d = Diagnose(Spread({240, 230, 250}));
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  EXPECT_NE(d["summary"].get<std::string>().find("720 KiB"), std::string::npos) << d["summary"];
  EXPECT_EQ(d["uncovered"]["bytes"].get<u64>(), 720u << 10);
}

TEST(Session, SteadyGrowthIsNotCleanThoughALookCaughtACopy) {
  std::string text = Spread({240, 230, 250, 240, 235});
  const std::string copy = "copy: bytes size=2M\nadd keeper { .copy -> copy }\n";
  text.insert(text.find("blob2:"), copy);
  text.insert(text.find("blob3:"), "drop copy\n");
  EXPECT_EQ(Diagnose(text)["verdict"], "inconclusive");
}

TEST(Session, GrowthThatFallsAllTheWayIsWarmUp) { EXPECT_EQ(Diagnose(Spread({300, 200, 110}))["verdict"], "clean"); }

TEST(Session, GrowthInOneIntervalIsNoTrend) { EXPECT_EQ(Diagnose(Spread({1, 600, 1}))["verdict"], "clean"); }

TEST(Session, GrowthBelowTheFloorIsClean) { EXPECT_EQ(Diagnose(Spread({20, 20, 20}))["verdict"], "clean"); }

// One global by four looks: `make(look, size)` says it anew.
std::string Global(const std::string& type, const std::vector<int>& kib, bool same) {
  std::string text = "\nmeta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\n";
  for (size_t look = 0; look < kib.size(); ++look) {
    const std::string name = same ? "block" : "block" + std::to_string(look);
    const std::string changes = "app: module { .LOG -> " + name + " }\n" + name + ": " + type + " size=" + std::to_string(kib[look]) + "K\n";
    text += look == 0 ? changes : Look(static_cast<int>(look) + 1, (same ? "" : "drop block" + std::to_string(look - 1) + "\n") + changes);
  }
  return text;
}

TEST(Session, AnArrayThatGrowsIsALeakInBytes) {
  const Json d = Diagnose(Global("array.array", {100, 300, 500, 700}, true));
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "growing-container");
  EXPECT_EQ(f["what"][0]["type"], "array.array");
  EXPECT_EQ(f["what"][0]["bytes"].get<u64>(), 600u << 10);
  EXPECT_EQ(f["title"], "app.LOG (array) grows by 100 KiB a second");
  EXPECT_EQ(d["uncovered"]["bytes"], 0);
}

TEST(Session, ATextThatIsReplacedByALongerOneIsALeak) {
  const Json d = Diagnose(Global("str", {100, 300, 500, 700}, false));
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "str");
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.LOG");
}

TEST(Session, ColumnsThatAreReplacedTogetherByLongerOnesAreALeak) {
  std::string text = "\nmeta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\n";
  for (int look = 1; look <= 4; ++look) {
    const std::string n = std::to_string(look), before = std::to_string(look - 1);
    const std::string size = std::to_string(100 * look) + "K\n";
    const std::string now = "app: module { .TABLE -> table" + n + " }\ntable" + n + ": app.Table { .columns -> columns" + n + " }\ncolumns" + n +
                            ": tuple { [0] -> a" + n + " [1] -> b" + n + " }\na" + n + ": array.array size=" + size + "b" + n + ": array.array size=" + size;
    text += look == 1 ? now : Look(look, "drop table" + before + "\ndrop columns" + before + "\ndrop a" + before + "\ndrop b" + before + "\n" + now);
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "array.array");
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.TABLE.columns[*]");
}

TEST(Session, ATupleThatIsReplacedByALongerOneIsALeak) {
  std::string text = "\nmeta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\ne[1..10]: app.Entry\n"
                     "app: module { .LOG -> log1 }\nlog1: tuple { [*] -> e[1..10] }\n";
  for (int look = 2; look <= 4; ++look) {
    const std::string n = std::to_string(look), first = std::to_string(30 * (look - 2) + 11), last = std::to_string(30 * (look - 1) + 10);
    text += Look(look, "drop log" + std::to_string(look - 1) + "\ne[" + first + ".." + last + "]: app.Entry\napp: module { .LOG -> log" + n + " }\nlog" + n +
                           ": tuple { [*] -> e[1.." + last + "] }\n");
  }
  const Json d = Diagnose(text);
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "app.Entry");
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.LOG[*]");
}

TEST(Session, TextsOfAnyLengthThatPassAreNone) {
  EXPECT_EQ(Diagnose(Global("str", {100, 700, 300, 400}, false))["verdict"], "clean");
  EXPECT_EQ(Diagnose(Global("str", {100, 110, 600, 610}, true))["verdict"], "clean");
}

// A list in the running main function that takes on eight results at a time.
std::string Collecting(const std::string& size) {
  const int each = 8;
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M peak=101M
thread main
code main file=/srv/job.py line=3
frame f thread=main code=main line=9
root frame f results -> results
results: list { [*] -> r[1..8] }
r[1..8]: app.Result size=100K
)";
  for (int look = 2, last = 8; look <= 4; ++look, last += each) {
    const std::string range = "[" + std::to_string(last + 1) + ".." + std::to_string(last + each) + "]";
    text += Look(look, "r" + range + ": app.Result size=" + size + "\nadd results { [*] -> r" + range + " }\n");
  }
  return text;
}

TEST(Session, WhatComesWithModulesInARunIsNoLeak) {
  const auto text = [](int modules) {
    std::string made = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .TABLES -> tables .MODULES -> modules }
tables: dict { }
modules: dict { }
)";
    for (int look = 2; look <= 4; ++look) {
      const auto range = [look](int count) {
        return "[" + std::to_string(look * count + 1) + ".." + std::to_string(look * count + count) + "]";
      };
      made += Look(look, "t" + range(100) + ": app.Table { }\nadd tables { {*} -> t" + range(100) + " }\n");
      if (modules) made += "m" + range(modules) + ": module { }\nadd modules { {*} -> m" + range(modules) + " }\n";
    }
    return made;
  };
  EXPECT_EQ(Diagnose(text(0), "", R"({"run": true})")["verdict"], "leak");
  EXPECT_EQ(Diagnose(text(0))["verdict"], "leak");
  EXPECT_EQ(Diagnose(text(20), "", R"({"run": true})")["verdict"], "inconclusive");
  EXPECT_EQ(Diagnose(text(20))["verdict"], "leak");
}

TEST(Session, WhatMainCollectsOverAWholeRunIsNamed) {
  const Json d = Diagnose(Collecting("1M"), "", R"({"run": true})");
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  EXPECT_NE(d["summary"].get<std::string>().find("results"), std::string::npos) << d["summary"];
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
}

TEST(Session, LittleThatMainCollectsIsItsWork) {
  const Json d = Diagnose(Collecting("100K"), "", R"({"run": true})");
  EXPECT_EQ(d["verdict"], "clean") << d["summary"];
}

TEST(Session, LooksOfDifferentProcessesAreRefused) {
  auto session = Session::Create("");
  ASSERT_TRUE(session.ok());
  auto one = graph::Heap::Build(testing::HeapOf("meta pid=1 at=1s\nroot module a\na: module\n").columns);
  auto two = graph::Heap::Build(testing::HeapOf("meta pid=2 at=2s\nroot module a\na: module\n").columns);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(session->Add(one.Take()).ok());
  EXPECT_EQ(session->Add(two.Take()).code(), Code::kUsage);
}

TEST(Session, ALookThatDoesNotFitLosesNothing) {
  auto looks = testing::ParseHeapText(kLeak);
  auto session = Session::Create("");
  ASSERT_TRUE(session->Add(graph::Heap::Build(std::move((*looks)[1].columns)).Take()).ok());
  EXPECT_FALSE(session->Fits((*looks)[0].columns.meta).ok());  // older
  EXPECT_TRUE(session->Questions().ok());
  session->MakeRoom();
  EXPECT_FALSE(session->Conclude("").ok());
  ASSERT_TRUE(session->Add(graph::Heap::Build(std::move((*looks)[2].columns)).Take()).ok());
  EXPECT_TRUE(session->Conclude("").ok());
}

TEST(Session, EndsEarlyWhenTheAnswerIsClear) {
  auto session = Session::Create("");
  ASSERT_TRUE(session.ok());
  auto looks = testing::ParseHeapText(kLeak);
  ASSERT_TRUE(looks.ok());
  for (size_t i = 0; i < looks->size(); ++i) {
    EXPECT_FALSE(Json::parse(session->Next())["done"].get<bool>()) << i;
    auto heap = graph::Heap::Build(std::move((*looks)[i].columns));
    ASSERT_TRUE(heap.ok() && session->Add(heap.Take()).ok());
  }
  EXPECT_TRUE(Json::parse(session->Next())["done"].get<bool>());
}

const std::string kFading = kStart + Look(2, Add(101, 459)) + Look(3, Add(460, 674)) + Look(4, Add(675, 812));

TEST(Session, WhatComesAtAFallingRateMayLevelOff) {
  const Json d = Diagnose(kFading, kStored);
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
  EXPECT_EQ(Diagnose(kFading + Look(5, Add(813, 820)), kStored)["verdict"], "not_a_leak");
}

// The same growth, of a thread that gets less of the CPU in each interval: 1.8, 1.0, 0.6 of 2 s, or always what it asks for.
std::string Fading(const std::vector<int>& waited_ms) {
  std::string text = kStart + std::string("thread main cpu=1s waited=0s\n");
  const std::vector<std::pair<int, int>> added = {{101, 459}, {460, 659}, {660, 779}};
  for (size_t i = 0; i < added.size(); ++i)
    text += Look(static_cast<int>(i) + 2, Add(added[i].first, added[i].second) + "thread main cpu=" + std::to_string(2 + i) +
                                              "s waited=" + std::to_string(waited_ms[i]) + "ms\n");
  return text;
}

TEST(Session, AStarvedTargetThatLeaksIsNotTakenForOneThatLevelsOff) {
  EXPECT_EQ(Diagnose(Fading({0, 0, 0}), kStored)["verdict"], "inconclusive");
  EXPECT_EQ(Diagnose(Fading({200, 1200, 2600}), kStored)["verdict"], "leak");
  EXPECT_EQ(Diagnose(Fading({600, 1200, 1800}), kStored)["verdict"], "inconclusive");  // starved, but evenly
  EXPECT_EQ(Diagnose(Fading({0, 900000, 1}), kStored)["verdict"], "inconclusive");     // numbers that cannot be
}

TEST(Session, AFallingRateIsLookedAtForLonger) {
  auto session = Session::Create("");
  ASSERT_TRUE(session.ok());
  auto looks = testing::ParseHeapText(kFading);
  ASSERT_TRUE(looks.ok());
  for (auto& look : *looks) ASSERT_TRUE(session->Add(graph::Heap::Build(std::move(look.columns)).Take()).ok());
  EXPECT_FALSE(Json::parse(session->Next())["done"].get<bool>());
}

// A dict that only a word of the interpreter's state leads to, with `entry` for each of its entries.
std::string HeldByAWord(const std::string& entry) {
  const auto add = [&](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "e" + range + ": " + entry + "\nadd table { {*} -> e" + range + " }\n";
  };
  return "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module\n"
         "root interpreter state -> table (conservative)\ntable: dict rc=1\n" +
         add(1, 100) + Look(2, add(101, 140)) + Look(3, add(141, 180)) + Look(4, add(181, 220));
}

TEST(Session, AHolderThatIsAGuessIsOnlyPossibleAndNoRegistry) {
  const Json d = Diagnose(HeldByAWord("function"), kStored);
  EXPECT_EQ(d["verdict"], "inconclusive") << d.dump(1);
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "growing-container");
  EXPECT_EQ(d["findings"][0]["certainty"], "possible");
}

TEST(Session, TheTableOfInternedStringsIsNoContainerOfTheProgram) {
  const Json d = Diagnose(HeldByAWord("str immortal"), kStored);
  EXPECT_EQ(d["verdict"], "clean") << d.dump(1);
  EXPECT_TRUE(d["findings"].empty());
  const auto table = [](int length) { return "table: dict rc=1 length=" + std::to_string(length) + "\n"; };
  const std::string not_counted = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module\n"
                                  "root interpreter state -> table (conservative)\n" + table(100);
  EXPECT_EQ(Diagnose(not_counted + Look(2, table(140)) + Look(3, table(180)) + Look(4, table(220)))["verdict"], "clean");
}

TEST(Session, OneAttributeOfSeveralOwnersIsOneFinding) {
  const auto calls = [](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "c" + range + ": app.Call\nd" + range + ": app.Call\nadd one { [*] -> c" + range + " }\nadd two { [*] -> d" + range + " }\n";
  };
  const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .A -> a, .B -> b }\n"
                            "a: app.Recorder { .calls -> one }\nb: app.Recorder { .calls -> two }\none: list\ntwo: list\n";
  const Json d = Diagnose(start + calls(1, 100) + Look(2, calls(101, 140)) + Look(3, calls(141, 180)) + Look(4, calls(181, 220)));
  EXPECT_EQ(d["verdict"], "leak");
  EXPECT_EQ(d["findings"].size(), 1u) << d.dump(1);
}

// A task and the future that it waits for: the future has a few more bytes in some versions.
TEST(Session, OfWhatGrowsInStepTheMoreTellingIsFirst) {
  const auto first = [](int future) {
    const auto asked = [](int from, int to) {
      const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
      return "t" + range + ": _asyncio.Task\nf" + range + ": _asyncio.Future\nadd running { [*] -> t" + range + " }\nadd answers { {*} -> f" + range + " }\n";
    };
    const std::string start = "type _asyncio.Task role=task size=200\ntype _asyncio.Future role=future size=" + std::to_string(future) +
                              "\nmeta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .BUS -> bus }\n"
                              "bus: app.Bus { .running -> running, .answers -> answers }\nrunning: set\nanswers: dict\n";
    const Json d = Diagnose(start + asked(1, 100) + Look(2, asked(101, 140)) + Look(3, asked(141, 180)) + Look(4, asked(181, 220)));
    EXPECT_EQ(d["findings"].size(), 2u) << d.dump(1);
    return d["findings"][0]["holder"]["text"].get<std::string>();
  };
  EXPECT_EQ(first(110), "app.BUS.running[*]");
  EXPECT_EQ(first(140), "app.BUS.running[*]");
  EXPECT_EQ(first(900), "app.BUS.answers{*}");  // much more is not chance
}

// A recorder that notes each call in two lists, and its part in a third, has one cause; two objects that grow alike have two.
TEST(Session, WhatOneObjectNotesInSeveralListsIsOneFinding) {
  const auto found = [](const std::string& owners) {
    const auto calls = [](int from, int to) {
      const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
      std::string text;
      for (const char* list : {"calls", "methods", "args"})
        text += std::string(list) + "_" + range + ": app.Call\nadd " + list + " { [*] -> " + list + "_" + range + " }\n";
      return text;
    };
    const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\n" + owners + "calls: list\nmethods: list\nargs: list\n";
    return Diagnose(start + calls(1, 100) + Look(2, calls(101, 140)) + Look(3, calls(141, 180)) + Look(4, calls(181, 220)))["findings"];
  };
  const Json one = found("app: module { .CLIENT -> client }\nclient: app.Recorder { .calls -> calls, .methods -> methods, .send -> send }\nsend: app.Recorder { .args -> args }\n");
  ASSERT_EQ(one.size(), 1u) << one.dump(1);
  EXPECT_EQ(one[0]["evidence"]["also_in"].size(), 2u);
  EXPECT_EQ(found("app: module { .A -> a, .B -> b, .C -> c }\na: app.Recorder { .calls -> calls }\nb: app.Recorder { .methods -> methods }\nc: app.Recorder { .args -> args }\n").size(), 3u);
}

// What a namespace has held all the time is not what it fills with, however telling its class is.
TEST(Session, TheTypeThatGrewIsNamedFirst) {
  const auto results = [](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "r" + range + ": bytearray size=30000\nadd names { {*} -> r" + range + " }\n";
  };
  const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .NAMES -> names }\n"
                            "names: dict { ['exit'] -> exit }\nexit: app.Exit size=64\n";
  const Json d = Diagnose(start + results(1, 30) + Look(2, results(31, 60)) + Look(3, results(61, 90)) + Look(4, results(91, 120)));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "bytearray");
}

TEST(Session, ATableIsNamedBeforeTheNamespaceThatHasItsEntriesToo) {
  const auto results = [](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "r" + range + ": app.Result\nadd names { {*} -> r" + range + " }\nadd out { {*} -> r" + range + " }\n";
  };
  const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .__dict__ -> names }\n"
                            "names: dict { ['out'] -> out }\nout: dict\n";
  const Json d = Diagnose(start + results(1, 100) + Look(2, results(101, 140)) + Look(3, results(141, 180)) + Look(4, results(181, 220)));
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.out{*}");
  EXPECT_EQ(d["findings"][0]["evidence"]["also_in"][0], "app.__dict__{*}");
}

// Members that no Python code has a name for are no attributes, whether their type lies on the heap (3.10 and later) or not (3.9).
TEST(Session, TheStorageOfAThreadLocalIsTheSameInAllVersions) {
  const auto id = [](const char* kind) {
    const auto spans = [](int from, int to) {
      const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
      return "s" + range + ": app.Span\nadd spans { [*] -> s" + range + " }\n";
    };
    const std::string start = "type _thread._local role=thread-local " + std::string(kind) +
                              "\nmeta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .state -> state }\n"
                              "state: _thread._local { .\"per-thread values\" -> all }\nall: dict { {*} -> one }\none: dict { ['spans'] -> spans }\nspans: list\n";
    const Json d = Diagnose(start + spans(1, 100) + Look(2, spans(101, 140)) + Look(3, spans(141, 180)) + Look(4, spans(181, 220)));
    EXPECT_EQ(d["findings"].size(), 1u) << d.dump(1);
    EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.state.per-thread values{*}['spans'][*]");
    return d["findings"][0]["id"].get<std::string>();
  };
  EXPECT_EQ(id(""), id("static"));
}

TEST(Session, WhatThreadsWereStartedWithIsNotLost) {
  const auto look = [](int number, bool threads) {
    const std::string range = "[" + std::to_string(20 * number - 19) + ".." + std::to_string(20 * number) + "]";
    std::string text = "m" + range + ": method rc=1\n";
    for (int i = 0; threads && i < 20; ++i) text += "thread t" + std::to_string(number) + "_" + std::to_string(i) + "\n";
    return number == 1 ? text : Look(number, text);
  };
  const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module\n";
  const auto verdict = [&](bool threads) {
    return Diagnose(start + look(1, threads) + look(2, threads) + look(3, threads) + look(4, threads))["findings"].size();
  };
  EXPECT_EQ(verdict(false), 1u);
  EXPECT_EQ(verdict(true), 0u);
}

TEST(Session, AClosureVariableIsAskedWithoutTheWayToItsCell) {
  auto session = Session::Create("");
  const std::string program = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M\nroot module app\napp: module { .page -> page }\n"
                              "page: function { .__closure__ -> cells, .__code__ -> body }\nbody: code\n"
                              "code wrapper node=body qualname=memo.<locals>.wrapper file=/srv/app.py line=3\n"
                              "cells: tuple { [0] -> one, [1] -> two }\none: cell { .cell_contents -> page }\ntwo: cell { .cell_contents -> known }\nknown: dict\n";
  auto add = [](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "p" + range + ": app.Page\nadd known { {*} -> p" + range + " }\n";
  };
  auto looks = testing::ParseHeapText(program + add(1, 100) + Look(2, add(101, 140)) + Look(3, add(141, 180)) + Look(4, add(181, 220)));
  ASSERT_TRUE(looks.ok()) << looks.status().message();
  for (auto& look : *looks) ASSERT_TRUE(session->Add(graph::Heap::Build(std::move(look.columns)).Take()).ok());
  const Json holder = Json::parse(*session->Questions())["questions"][0]["holder"];
  EXPECT_EQ(holder["kind"], "closure-variable");
  EXPECT_EQ(holder["function"], "memo.<locals>.wrapper");
  EXPECT_EQ(holder["inner"], Json::array());
}

TEST(Session, AProcessOfMultiprocessingHasItsParentsMainFile) {
  auto session = Session::Create("");
  auto look = testing::HeapOf(R"(
meta pid=7 python=3.12.1 start=1s at=12s
root module __mp_main__
__mp_main__: module { .__dict__ -> names }
names: dict { ['work'] -> work }
work: function { .__globals__ -> names, .__code__ -> body }
body: code
code body node=body file=/srv/job.py line=3
code start name=<module> file=<string> line=1
thread main
frame outer thread=main code=start line=1 depth=0
)");
  ASSERT_TRUE(session.ok() && session->Add(graph::Heap::Build(std::move(look.columns)).Take()).ok());
  EXPECT_EQ(Json::parse(*session->Questions())["main_file"], "/srv/job.py");
}

TEST(Session, SignaturesDoNotDependOnSizesOrAddresses) {
  const Json a = Diagnose(kLeak), b = Diagnose(kStart + Look(2, Add(101, 150)) + Look(3, Add(151, 190)) + Look(4, Add(191, 260)));
  EXPECT_EQ(a["findings"][0]["id"], b["findings"][0]["id"]);
}

// A file in memory takes room in jumps, but is as long as what was written to it; what it keeps that in is no leak of its own.
TEST(Session, AFileInMemoryIsJudgedByItsLength) {
  const std::string program = R"(
type io.Text role=file size=200
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .REPORT -> report }
)";
  const auto file = [](int length, int room) {
    return "report: io.Text length=" + std::to_string(length) + "K { .text -> text }\ntext: str size=" + std::to_string(room) + "K\n";
  };
  const Json d = Diagnose(program + file(1000, 1200) + Look(2, file(1090, 1250)) + Look(3, file(1180, 1300)) + Look(4, file(1270, 1350)));
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_EQ(d["findings"][0]["holder"]["text"], "app.REPORT");
  EXPECT_EQ(d["findings"][0]["what"][0]["type"], "io.Text");
}

// An anonymous block that native code fills: nothing is allocated any more, more is resident each time.
TEST(Session, MemoryThatIsFilledIsNotCalledClean) {
  const auto look = [](int number, int rss) {
    return "\nlook " + std::to_string(number) + "\nmeta at=" + std::to_string(10 + 2 * number) + "s cpu=" + std::to_string(number * 10) +
           "ms rss=" + std::to_string(rss) + "K\n";
  };
  const std::string start = "meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=18152K\nroot module app\napp: module\n";
  EXPECT_EQ(Diagnose(start + look(2, 19696) + look(3, 21136) + look(4, 22872))["verdict"], "inconclusive");
  EXPECT_EQ(Diagnose(start + look(2, 21000) + look(3, 22600) + look(4, 22900))["verdict"], "clean");  // it levels off
  EXPECT_EQ(Diagnose(start + look(2, 18500) + look(3, 18800) + look(4, 19100))["verdict"], "clean");  // it is little
}

}  // namespace
}  // namespace unleak::diagnose
