#include "diagnose/remedy_cut.h"

#include <gtest/gtest.h>

#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

graph::Heap HeapOf(const std::string& text) {
  auto looks = testing::ParseHeapText("meta pid=7 python=3.12.1 start=1s at=12s\n" + text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  auto heap = graph::Heap::Build(std::move(looks->at(0).columns));
  EXPECT_TRUE(heap.ok()) << heap.status().message();
  return heap.Take();
}

u32 OfType(const graph::Heap& heap, std::string_view type, u32 number = 0) {
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (heap.columns().type_name(n) == type && number-- == 0) return n;
  ADD_FAILURE() << "no " << type;
  return kNone;
}

const char* kShared = R"(
root module app
app: module { .ACTIVE -> active, .OTHER -> other }
active: dict { {*} -> s1, {*} -> s2, {*} -> s3 }
other: list { [0] -> s2 }
s1: app.Session { .data -> d1 }
d1: bytes size=1000
s2: app.Session { .data -> d2 }
d2: bytes size=1000
s3: app.Session
)";

TEST(CutEntries, FreesWhatOnlyTheContainerKeeps) {
  const graph::Heap heap = HeapOf(kShared);
  const u32 active = OfType(heap, "dict");
  const Cut cut = CutEntries(heap, active);
  EXPECT_EQ(cut.entries, 3u);
  EXPECT_EQ(cut.kept, 1u);
  EXPECT_EQ(cut.kept_by, "app.OTHER[*]");
  EXPECT_EQ(cut.frees, heap.retained(active));
  EXPECT_GE(cut.frees, 1000u);
  EXPECT_LT(cut.frees, 2000u) << "the data of s2 has another owner";
}

TEST(CutEntries, PlainValuesCountOnlyWhereThereIsNothingElse) {
  const graph::Heap heap =
      HeapOf("root module app\napp: module { .A -> a }\na: list { [0] -> x, [1] -> y }\nx: str\ny: str\n");
  EXPECT_EQ(CutEntries(heap, OfType(heap, "list")).entries, 2u);
}

TEST(OtherHolder, IsEmptyWhenEveryPathMeetsTheOneToAvoid) {
  const graph::Heap heap = HeapOf(kShared);
  EXPECT_EQ(OtherHolder(heap, OfType(heap, "app.Session"), OfType(heap, "dict")), "");
}

TEST(OtherHolder, WhatTheObjectItselfHoldsIsNobodyElse) {
  const graph::Heap heap = HeapOf(
      "root module app\napp: module { .A -> a }\na: list { [0] -> n }\nn: app.Node { .child -> m }\nm: app.Node { "
      ".parent -> n }\n");
  EXPECT_EQ(OtherHolder(heap, OfType(heap, "app.Node"), OfType(heap, "list")), "");
}

// A parent with three children that point back: cutting the way back leaves no cycle, and it is the one from many to
// one.
const char* kFamily = R"(
root module app
app: module { .X -> x }
x: int
p: app.Parent { .first -> c1, .second -> c2, .third -> c3 }
c1: app.Child { .parent -> p }
c2: app.Child { .parent -> p }
c3: app.Child { .parent -> p }
)";

TEST(CutsOfCycle, TheWayBackFromManyToOneIsTheCut) {
  const graph::Heap heap = HeapOf(kFamily);
  ASSERT_EQ(heap.cycles().size(), 1u);
  const auto& c = heap.columns();
  const u32 parent = OfType(heap, "app.Parent"), child = OfType(heap, "app.Child");
  u32 back = kNone, forth = kNone;
  for (u32 e = 0; e < c.edge_count(); ++e) {
    if (c.edge_target[e] == parent && e >= c.edge_row[child] && e < c.edge_row[child + 1]) back = e;
    if (c.edge_target[e] == child && e >= c.edge_row[parent] && e < c.edge_row[parent + 1]) forth = e;
  }
  ASSERT_NE(back, kNone);
  ASSERT_NE(forth, kNone);
  const std::vector<u32> edges = {back, forth};
  const auto cuts = CutsOfCycle(heap, heap.cycles()[0].nodes, edges, false);
  ASSERT_EQ(cuts.size(), 2u);
  EXPECT_EQ(cuts[0].left, 0u);
  EXPECT_EQ(cuts[0].sources, 3u);
  EXPECT_EQ(cuts[0].targets, 1u);
  EXPECT_EQ(cuts[1].left, 3u) << "`.first` alone leaves the cycles through the other two";
  EXPECT_EQ(BestCut(c, edges, cuts), 0u);
}

std::string Living(bool registered) {
  std::string text =
      "root module app\napp: module { .KIDS -> kids, .ALL -> all }\nkids: list { [*] -> c[1..4] }\nall: list {";
  text += registered ? " [*] -> p[1..4] }\n" : " }\n";
  return text + "c[1..4]: app.Child { .parent -> p[i] }\np[1..4]: app.Parent\n";
}

TEST(AlwaysHeldElsewhere, AnotherOwnerOfEachIsProof) {
  EXPECT_TRUE(AlwaysHeldElsewhere(HeapOf(Living(true)), "app.Child", "parent"));
}

TEST(AlwaysHeldElsewhere, AnOnlyOwnerIsNotWeakened) {
  EXPECT_FALSE(AlwaysHeldElsewhere(HeapOf(Living(false)), "app.Child", "parent"));
}

TEST(AlwaysHeldElsewhere, NoLivingObjectIsNoProof) {
  EXPECT_FALSE(AlwaysHeldElsewhere(HeapOf(kFamily), "app.Child", "parent"));
}

TEST(AlwaysHeldElsewhere, SeveralOwnersByTheSameAttributeDoNotCountForEachOther) {
  EXPECT_FALSE(
      AlwaysHeldElsewhere(HeapOf("root module app\napp: module { .KIDS -> kids }\nkids: list { [*] -> c[1..4] }\n"
                                 "c[1..4]: app.Child { .parent -> p }\np: app.Parent\n"),
                          "app.Child", "parent"));
}

}  // namespace
}  // namespace unleak::diagnose
