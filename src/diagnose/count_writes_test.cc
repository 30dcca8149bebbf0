// What the processor told of reference counts, joined with the looks around it.
#include "diagnose/count_writes.h"

#include <gtest/gtest.h>

#include "diagnose/session.h"
#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

constexpr char kProgram[] = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .TABLE -> table }
table: dict { {*} -> kept }
kept: list
lost[1..20]: list rc=1
look 2
meta at=14s cpu=20ms
lost[21..40]: list rc=1
)";

struct Looks {
  std::vector<testing::HeapLook> looks;
  u64 address(size_t look, const std::string& name) const {
    return looks[look].columns.address[looks[look].node(name)];
  }
};

Looks Parse() { return {testing::ParseHeapText(kProgram).Take()}; }

Json Write(const std::string& library, const std::string& function, u32 line, const char* how,
           const char* certainty = "sure") {
  Json native = Json::array();
  if (!library.empty()) native.push_back({{"library", library}, {"function", function}});
  Json write = {
      {"native", native},
      {"python", Json::array({{{"file", "app.py"}, {"function", "step"}, {"line", line}, {"certainty", certainty}}})},
      {"up", 0u},
      {"down", 0u},
      {"unclear", 0u}};
  write[how] = 1u;
  return write;
}

Json Life(u64 object, u32 made) {
  return {{"object", object},
          {"writes",
           Json::array({Write("/usr/bin/python3.12", "PyList_New", made, "up"),
                        Write("/lib/fast.so", "fast_take", 9, "up"), Write("/lib/fast.so", "fast_give", 9, "down")})}};
}

TEST(CountWrites, NamesWhoTookReferencesToWhatIsLost) {
  Looks all = Parse();
  CountWrites writes;
  writes.Observe({{"lives", Json::array({Life(all.address(1, "lost[30]"), 8), Life(all.address(1, "lost[31]"), 8),
                                         Life(all.address(1, "kept"), 5), Life(0x1234, 6)})}});
  writes.Settle(graph::Heap::Build(std::move(all.looks[1].columns)).Take());
  const Json places = writes.PlacesOfType("list");
  ASSERT_EQ(places["allocated"].size(), 1u) << places;  // not of the kept one, nor of what is gone
  EXPECT_EQ(places["allocated"][0]["line"], 8);
  EXPECT_EQ(places["allocated"][0]["objects"], 2);
  EXPECT_EQ(places["allocated"][0]["certainty"], "probable");  // of two objects
  ASSERT_EQ(places["suspect"].size(), 1u) << places;  // not who gave back
  EXPECT_EQ(places["suspect"][0]["function"], "fast_take");
  EXPECT_EQ(places["suspect"][0]["library"], "fast.so");
  EXPECT_EQ(places["suspect"][0]["line"], 9);
  EXPECT_TRUE(writes.PlacesOfType("dict")["suspect"].empty());
}

TEST(CountWrites, ALineFoundSomewhereOnAStackIsNotConfirmed) {
  for (const int sure : {2, 3}) {  // of six lives so many were read where the interpreter keeps the line
    Looks all = Parse();
    CountWrites writes;
    Json lives = Json::array();
    for (int i = 0; i < 6; ++i) {
      Json life = Life(all.address(1, "lost[" + std::to_string(21 + i) + "]"), 8);
      for (Json& write : life["writes"]) write["python"][0]["certainty"] = i < sure ? "sure" : "likely";
      lives.push_back(life);
    }
    writes.Observe({{"lives", lives}});
    writes.Settle(graph::Heap::Build(std::move(all.looks[1].columns)).Take());
    const Json places = writes.PlacesOfType("list");
    EXPECT_EQ(places["allocated"][0]["certainty"], sure == 3 ? "confirmed" : "probable");
    EXPECT_EQ(places["suspect"][0]["certainty"], sure == 3 ? "confirmed" : "probable");
  }
}

TEST(CountWrites, OneObjectAloneNamesNobody) {
  Looks all = Parse();
  CountWrites writes;
  writes.Observe({{"lives", Json::array({Life(all.address(1, "lost[30]"), 8)})}});
  writes.Settle(graph::Heap::Build(std::move(all.looks[1].columns)).Take());
  EXPECT_TRUE(writes.PlacesOfType("list")["allocated"].empty());
}

TEST(CountWrites, ACountRisesWhereMoreIsTakenThanGivenBack) {
  CountWrites writes;
  Json leak = Write("/lib/fast.so", "fast_round", 12, "up"), even = Write("/lib/other.so", "call", 3, "up");
  Json loop = Write("/usr/lib/libpython3.12.so.1.0", "_PyEval_EvalFrameDefault", 12, "up");
  leak["up"] = 30u, even["up"] = 40u, even["down"] = 40u, loop["up"] = 90u;
  writes.Observe({{"counts", Json::array({{{"object", 0x1000u}, {"places", Json::array({even, loop, leak})}}})}});
  const Json suspect = writes.PlacesOfObject(0x1000)["suspect"];
  ASSERT_EQ(suspect.size(), 1u) << suspect;
  EXPECT_EQ(suspect[0]["function"], "fast_round");
  EXPECT_EQ(suspect[0]["calls"], 30);
  EXPECT_TRUE(writes.PlacesOfObject(0x2000)["suspect"].empty());
}

TEST(CountWrites, AMalformedReplySaysNothing) {
  CountWrites writes;
  for (
      const char* text :
      {"{}", "[]", R"({"lives": 3, "counts": {}})",
       R"({"lives": [1, {"object": "x", "writes": [7, {"native": [3]}]}]})",
       R"({"counts": [{"object": 4096, "places": [5, {"up": "many", "native": [{"library": 1}], "python": [null]}]}]})"})
    writes.Observe(Json::parse(text));
  EXPECT_TRUE(writes.PlacesOfObject(4096)["suspect"].empty());
}

TEST(CountWrites, TheSessionAsksForWhatIsLost) {
  Looks all = Parse();
  auto session = Session::Create("");
  ASSERT_TRUE(session->Add(graph::Heap::Build(std::move(all.looks[0].columns)).Take()).ok());
  const Json plan = Json::parse(session->Next());
  ASSERT_TRUE(plan.contains("references")) << plan;
  EXPECT_EQ(plan["references"]["like"].size(), 1u);
  EXPECT_EQ(plan["references"]["like"][0].size(), 20u);
  EXPECT_FALSE(session->Observe("no JSON").ok());
  EXPECT_TRUE(session->Observe("{}").ok());
}

}  // namespace
}  // namespace unleak::diagnose
