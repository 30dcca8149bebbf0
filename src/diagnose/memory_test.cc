// What the memory ledger of a series of looks makes the document say.
#include "diagnose/memory.h"

#include <gtest/gtest.h>

#include "diagnose/session.h"
#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

using snapshot::Allocator;
using snapshot::MemoryKind;

constexpr u64 kBlock = 3008;

struct Amounts {
  u64 blocks;          // native, of kBlock bytes
  u64 free = 1 << 20;  // resident
  u64 other = 0;       // anonymous memory that nothing explains
  std::string heap = {};  // changes of the heap
};

void Fill(const Amounts& now, snapshot::Columns* c) {
  const u64 native = (u64{4} << 20) + now.blocks * kBlock, python = u64{8} << 20;
  c->memory = {
      {.kind = MemoryKind::kPymallocUsed, .bytes = python, .resident = python, .blocks = 1000},
      {.kind = MemoryKind::kMallocNative, .bytes = native + (1 << 20), .resident = native, .blocks = now.blocks + 50},
      {.kind = MemoryKind::kMallocFree, .bytes = now.free, .resident = now.free, .blocks = 10},
      {.kind = MemoryKind::kOther, .bytes = now.other, .resident = now.other},
      {.kind = MemoryKind::kResident, .bytes = 0, .resident = python + native + now.free + now.other}};
  c->memory_sizes = {
      {.allocator = Allocator::kMalloc, .bytes = kBlock, .used = now.blocks, .total = now.blocks * kBlock}};
  const u32 lost = c->strings.Intern("/opt/lib/liblost.so.1"), libc = c->strings.Intern("/lib/libc.so.6");
  c->memory_pointers = {{.bytes = kBlock, .file = lost, .blocks = now.blocks},
                        {.bytes = kBlock, .file = libc, .blocks = now.blocks}};
}

Json Diagnose(const std::vector<Amounts>& series) {
  std::string text = R"(
meta pid=7 python=3.12.1 start=1s at=12s cpu=5ms rss=101M
root module app
app: module { .ACTIVE -> active }
active: dict { }
)";
  text += series.front().heap;
  for (size_t i = 1; i < series.size(); ++i)
    text += "\nlook " + std::to_string(i + 1) + "\nmeta at=" + std::to_string(12 + 3 * i) +
            "s cpu=" + std::to_string(5 + 10 * i) + "ms rss=101M\n" + series[i].heap;
  auto looks = testing::ParseHeapText(text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  auto session = Session::Create("");
  for (size_t i = 0; i < series.size(); ++i) {
    snapshot::Columns columns = std::move((*looks)[i].columns);
    Fill(series[i], &columns);
    auto heap = graph::Heap::Build(std::move(columns));
    EXPECT_TRUE(heap.ok());
    EXPECT_TRUE(session->Add(heap.Take()).ok());
  }
  auto document = session->Conclude("");
  EXPECT_TRUE(document.ok()) << document.status().message();
  return Json::parse(*document);
}

TEST(MemoryLedger, LostBlocksAreALeakOfTheLibraryThatTheyPointAt) {
  const Json d = Diagnose({{100}, {200}, {300}, {400}});
  EXPECT_EQ(d["verdict"], "leak");
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  const Json& f = d["findings"][0];
  EXPECT_EQ(f["kind"], "native-memory");
  EXPECT_EQ(f["certainty"], "confirmed");
  EXPECT_EQ(f["what"][0]["type"], "malloc block of 3,008 bytes");
  EXPECT_EQ(f["what"][0]["objects"], 300);
  ASSERT_EQ(f["sites"]["suspect"].size(), 1u);  // the C library is no suspect
  EXPECT_EQ(f["sites"]["suspect"][0]["library"], "liblost.so.1");
  EXPECT_EQ(f["remedy"]["action"], "fix-native");
}

TEST(MemoryLedger, WhatFallsOnceIsNoLeak) {
  EXPECT_EQ(Diagnose({{100}, {300}, {290}, {400}})["verdict"], "clean");
  EXPECT_EQ(Diagnose({{100}, {100}, {100}, {100}})["verdict"], "clean");
}

TEST(MemoryLedger, WhatLevelsOffIsWarmUp) {
  const Json d = Diagnose({{100}, {900}, {1100}, {1110}});
  EXPECT_EQ(d["verdict"], "not_a_leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "warm-up");
}

TEST(MemoryLedger, BlocksThatComeWithObjectsOfAContainerAreTheirs) {
  const auto add = [](int from, int to) {
    const std::string range = "[" + std::to_string(from) + ".." + std::to_string(to) + "]";
    return "s" + range + ": app.Session { }\nadd active { {*} -> s" + range + " }\n";
  };
  const Json d = Diagnose(
      {{100}, {200, 1 << 20, 0, add(1, 100)}, {300, 1 << 20, 0, add(101, 200)}, {400, 1 << 20, 0, add(201, 300)}});
  EXPECT_EQ(d["verdict"], "leak");
  ASSERT_EQ(d["findings"].size(), 1u) << d.dump(1);
  EXPECT_NE(d["findings"][0]["kind"], "native-memory");
}

TEST(MemoryLedger, GarbageThatIsCollectedOwnsNoMemoryThatStays) {
  // Cycles at many times the rate of the blocks, but what waits of them does not become more.
  const auto made = [](int collected) {
    return "collector threshold=700,10,10 collected=" + std::to_string(collected) + ",0,0\n";
  };
  const std::string cycles = "a[1..20]: app.Node { .next -> b[i] }\nb[1..20]: app.Node { .next -> a[i] }\n";
  const Json d = Diagnose({{100, 1 << 20, 0, made(20000) + cycles},
                           {200, 1 << 20, 0, made(40000)},
                           {300, 1 << 20, 0, made(60000)},
                           {400, 1 << 20, 0, made(80000)}});
  EXPECT_EQ(d["verdict"], "leak") << d.dump(1);
  EXPECT_EQ(d["findings"][0]["kind"], "native-memory");
}

// Garbage at four looks, `more` cycles more of it at each, and a hundred blocks.
Json DiagnoseRisingGarbage(int more) {
  const auto look = [more](int number) {
    const std::string range =
        "[" + std::to_string(more * number + 1) + ".." + std::to_string(more * number + more) + "]";
    return "collector threshold=700,10,10 collected=" + std::to_string(20000 * number) + ",0,0\na" + range +
           ": app.Node { .next -> b[i] }\nb" + range + ": app.Node { .next -> a[i] }\n";
  };
  return Diagnose(
      {{100, 1 << 20, 0, look(0)}, {200, 1 << 20, 0, look(1)}, {300, 1 << 20, 0, look(2)}, {400, 1 << 20, 0, look(3)}});
}

TEST(MemoryLedger, GarbageThatWaitsInRisingNumbersMayOwnTheMemory) {
  EXPECT_EQ(DiagnoseRisingGarbage(20)["verdict"], "garbage");
  EXPECT_EQ(DiagnoseRisingGarbage(2)["verdict"], "leak");  // one object for fifty blocks
}

TEST(MemoryLedger, FreeButResidentIsFragmentationAndNoLeak) {
  constexpr u64 kMiB = 1 << 20;
  const Json d = Diagnose({{100, 20 * kMiB}, {100, 30 * kMiB}, {100, 40 * kMiB}, {100, 50 * kMiB}});
  EXPECT_EQ(d["verdict"], "not_a_leak") << d.dump(1);
  ASSERT_EQ(d["findings"].size(), 1u);
  EXPECT_EQ(d["findings"][0]["kind"], "fragmentation");
  EXPECT_EQ(d["findings"][0]["remedy"]["action"], "trim");
}

TEST(MemoryLedger, GrowthThatNothingExplainsIsInconclusive) {
  constexpr u64 kMiB = 1 << 20;
  EXPECT_EQ(
      Diagnose({{100, kMiB, 0}, {100, kMiB, 9 * kMiB}, {100, kMiB, 18 * kMiB}, {100, kMiB, 27 * kMiB}})["verdict"],
      "inconclusive");
}

TEST(MemoryLedger, TheDocumentsPartsAddUp) {
  snapshot::Columns c;
  Fill({100, 1 << 20, 5000}, &c);
  const Json memory = MemoryDocument(c);
  u64 sum = memory["unexplained"];
  for (const Json& part : memory["ledger"]) sum += part["bytes"].get<u64>();
  EXPECT_EQ(sum, memory["rss"].get<u64>());
  EXPECT_EQ(memory["unexplained"], 5000);
  EXPECT_EQ(memory["fragmentation"]["free_resident"], 1 << 20);
  EXPECT_TRUE(MemoryDocument(snapshot::Columns()).is_null());
}

}  // namespace
}  // namespace unleak::diagnose
