// What running frames and queues hold at a high of memory, on heaps written as text.
#include "diagnose/peaks.h"

#include <gtest/gtest.h>

#include "diagnose/queue_peaks.h"
#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

graph::Heap Build(const std::string& text) {
  testing::HeapLook look = testing::HeapOf(text);
  auto heap = graph::Heap::Build(std::move(look.columns));
  EXPECT_TRUE(heap.ok()) << heap.status().message();
  return heap.Take();
}

const std::string kFrames = R"(
thread main
code main qualname=main file=app.py line=1
code work qualname=work file=app.py line=20
frame inner thread=main code=work line=22 depth=0
frame outer thread=main code=main line=5 depth=1
)";

TEST(Peaks, ALocalThatKeepsMuch) {
  const auto found = FindPeakHolders(Build(kFrames + "root frame outer data -> data\ndata: bytes size=40M\n"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].variable, "data");
  EXPECT_EQ(found[0].function, "main");
  EXPECT_EQ(found[0].bytes, 40u << 20);
  EXPECT_TRUE(found[0].together.empty());
}

TEST(Peaks, AnArgumentIsTheOutermostCallersThing) {
  const auto found = FindPeakHolders(
      Build(kFrames + "root frame inner text -> data\nroot frame outer data -> data\ndata: bytes size=40M\n"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].function, "main");
}

// A slot of a running frame's stack, and the C stack, are words that may be references.
TEST(Peaks, AValueOnItsWayIsFoundWhereNothingElseHoldsIt) {
  const std::string made = "made: list rc=1 { [*] -> r[1..40] }\nr[1..40]: app.Row size=1M\n";
  for (const std::string root :
       {"root frame inner '' -> made (conservative)\n", "root thread main 'C stack' -> made (conservative)\n"}) {
    const auto found = FindPeakHolders(Build(kFrames + root + made));
    ASSERT_EQ(found.size(), 1u) << root;
    EXPECT_EQ(found[0].function, "work");
    EXPECT_EQ(found[0].variable, "");
    EXPECT_EQ(found[0].line, 22u);
    EXPECT_EQ(found[0].type, "list");
  }
  const std::string module = "root module app\napp: module { .ROWS -> made }\n";
  EXPECT_TRUE(FindPeakHolders(Build(kFrames + "root frame inner '' -> made (conservative)\n" + module + made)).empty());
}

TEST(Peaks, WhatNoReferenceExplainsIsAskedOfTheRunningLine) {
  const std::string rows = "root module app\napp: module\nr[1..40]: tuple rc=1 size=1M\n";
  const auto found = FindPeakHolders(Build(kFrames + rows));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].objects, 40u);
  EXPECT_EQ(found[0].line, 22u);
  const std::string other = "thread second\nframe far thread=second code=main line=9 depth=0\n";
  EXPECT_TRUE(FindPeakHolders(Build(kFrames + other + rows)).empty());  // whose it is nobody knows
}

TEST(Peaks, AVariableIsNamedBeforeAValueOnTheStack) {
  const auto found = FindPeakHolders(
      Build(kFrames + "root frame inner text -> data\nroot frame outer '' -> data\ndata: bytes size=40M\n"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].variable, "text");
}

TEST(Peaks, AVariableOfAFrameObjectIsNamedAsOne) {  // 3.9 and 3.10
  const auto found = FindPeakHolders(
      Build(kFrames + "root frame outer '' -> f\nf: frame { .data -> data, .n -> n }\ndata: bytes size=40M\nn: int\n"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].variable, "data");
  EXPECT_EQ(found[0].type, "bytes");
  EXPECT_EQ(found[0].objects, 1u);
}

TEST(Peaks, LittleIsNoPeak) {
  EXPECT_TRUE(FindPeakHolders(Build(kFrames + "root frame outer data -> data\ndata: bytes size=20M\n")).empty());
}

// Two lists of one frame with the same elements: neither keeps them alone.
const std::string kStages = kFrames + R"(
root frame outer lines -> lines
root frame outer kept -> kept
lines: list size=4M { [*] -> r[1..40] }
kept: list size=4M { [*] -> r[1..40] }
r[1..40]: app.Reading size=1M
)";

TEST(Peaks, StagesThatShareTheirElementsAreOneHolder) {
  const auto found = FindPeakHolders(Build(kStages));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].bytes, 48u << 20);
  EXPECT_EQ(found[0].objects, 42u);
  std::vector<std::string> together = found[0].together;
  std::sort(together.begin(), together.end());
  EXPECT_EQ(together, (std::vector<std::string>{"kept", "lines"}));
}

TEST(Peaks, WhatAModuleHoldsTooIsNotTheFrames) {
  EXPECT_TRUE(
      FindPeakHolders(Build(kStages + "root module app\napp: module { .ALL -> all }\nall: list { [*] -> r[1..40] }\n"))
          .empty());
}

TEST(Peaks, TheBiggestVariableIsNamedAloneWhereTheOthersAddLittle) {
  const auto found = FindPeakHolders(Build(
      kFrames +
      "root frame outer data -> data\nroot frame outer rest -> rest\ndata: bytes size=40M\nrest: bytes size=5M\n"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].variable, "data");
  EXPECT_TRUE(found[0].together.empty());
}

// -- queues --

std::string Queue(const std::string& attributes) {
  return "root module app\napp: module { .JOBS -> owner }\nowner: app.Pool { .queue -> q }\nq: queue.Queue { .queue -> "
         "d" +
         attributes +
         " }\nd: collections.deque { [*] -> j[1..100] }\nj[1..100]: app.Job size=1M\nn: int int=50\nzero: int int=0\n";
}

TEST(QueuePeaks, WorkQueuedAllAtOnceIsNamedByTheAttributeThatHasTheQueue) {
  const auto found = FindQueuePeaks(Build(Queue("")));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].entries, 100u);
  EXPECT_GE(found[0].bytes, 100u << 20);
  EXPECT_EQ(found[0].container, "queue.Queue");
  EXPECT_EQ(found[0].holder.text, "app.JOBS.queue");
  EXPECT_EQ(found[0].holder.owner_class, "Pool");
  EXPECT_EQ(found[0].element_types[0], "app.Job");
  EXPECT_FALSE(found[0].bounded);
}

TEST(QueuePeaks, AMaxsizeAboveZeroIsABound) {
  EXPECT_TRUE(FindQueuePeaks(Build(Queue(", .maxsize -> n")))[0].bounded);
  EXPECT_FALSE(FindQueuePeaks(Build(Queue(", .maxsize -> zero")))[0].bounded);
}

}  // namespace
}  // namespace unleak::diagnose
