#include "capture/eval_slots.h"

#include <gtest/gtest.h>

namespace unleak::capture {
namespace {

constexpr u64 kLoop = 0x1000, kOther = 0x2000;
constexpr u32 kHome = 13, kStale = EvalFrame::kFirstPlace + 5, kRare = EvalFrame::kFirstPlace + 9;

// A pointer 0xRLI: row R, line L, instruction I.
EvalFrame::Held Pointer(u32 slot, u64 pointer) { return {slot, static_cast<u32>(pointer >> 8), pointer}; }
bool SameLine(const EvalFrame::Held& a, const EvalFrame::Held& b) { return a.pointer >> 4 == b.pointer >> 4; }

// A loop that keeps its pointer in kHome, and often an older one on the stack; a function that always holds the same.
EvalSlots Learned(const char* name) {
  EvalSlots slots;
  for (u64 i = 0; i < 40; ++i) {
    EvalFrame loop{kLoop, {Pointer(kHome, (1 + i % 5) << 8 | 0x21)}};
    if (i % 2) loop.held.push_back(Pointer(kStale, 0x411));
    slots.Add(loop, [&] { return name; });
    slots.Add({kOther, {Pointer(kHome, 0x911)}}, [] { return "thread_run"; });
  }
  return slots;
}

TEST(EvalSlots, WhatTheHomeHoldsIsSureWhateverElseLiesThere) {
  for (const char* name : {"_PyEval_EvalFrameDefault", "", "_PyEval_EvalFrameDefault.cold"}) {
    const EvalSlots slots = Learned(name);
    const EvalFrame frame{kLoop, {Pointer(kStale, 0x351), Pointer(kHome, 0x231)}};
    const auto choice = slots.Choose(frame, SameLine);
    ASSERT_NE(choice.held, nullptr) << name;
    EXPECT_EQ(choice.held->slot, kHome) << name;
    EXPECT_TRUE(choice.sure) << name;
  }
}

TEST(EvalSlots, APlaceThatSeldomHoldsOneAndTellsAnotherLineMakesItUnsure) {
  const EvalSlots slots = [] {
    EvalSlots learned = Learned("");
    learned.Add({kLoop, {Pointer(kHome, 0x211), Pointer(kRare, 0x241)}}, [] { return ""; });
    return learned;
  }();
  const auto later = slots.Choose({kLoop, {Pointer(kHome, 0x211), Pointer(kRare, 0x241)}}, SameLine);
  EXPECT_EQ(later.held->slot, kRare);  // of one code object the later line
  EXPECT_FALSE(later.sure);
  const auto agree = slots.Choose({kLoop, {Pointer(kHome, 0x241), Pointer(kRare, 0x242)}}, SameLine);
  EXPECT_TRUE(agree.sure);
}

TEST(EvalSlots, AFunctionThatHoldsAlwaysTheSameIsNotTheLoop) {
  const EvalSlots slots = Learned("");
  EXPECT_EQ(slots.Choose({kOther, {Pointer(kHome, 0x911)}}, SameLine).held, nullptr);
  EXPECT_EQ(slots.Choose({0x3000, {Pointer(kHome, 0x911)}}, SameLine).held, nullptr);
  EXPECT_EQ(slots.Choose({kLoop, {}}, SameLine).held, nullptr);
}

TEST(EvalSlots, WhereOneCodeObjectRunsTheBusiestFunctionIsTakenButNothingIsSure) {
  EvalSlots slots;
  for (u64 i = 0; i < 40; ++i) {
    slots.Add({kLoop, {Pointer(kHome, 0x111 + 0x10 * (i % 2))}}, [] { return ""; });
    if (i % 4 == 0) slots.Add({kOther, {Pointer(kStale, 0x111)}}, [] { return "list_append"; });
  }
  const auto choice = slots.Choose({kLoop, {Pointer(kHome, 0x121)}}, SameLine);
  ASSERT_NE(choice.held, nullptr);
  EXPECT_FALSE(choice.sure);
  EXPECT_EQ(slots.Choose({kOther, {Pointer(kStale, 0x111)}}, SameLine).held, nullptr);
}

TEST(EvalSlots, FewSamplesAreNotSure) {
  EvalSlots slots;
  for (u64 i = 0; i < 3; ++i)
    slots.Add({kLoop, {Pointer(kHome, (1 + i) << 8)}}, [] { return "_PyEval_EvalFrameDefault"; });
  const auto choice = slots.Choose({kLoop, {Pointer(kHome, 0x100)}}, SameLine);
  ASSERT_NE(choice.held, nullptr);
  EXPECT_FALSE(choice.sure);
}

}  // namespace
}  // namespace unleak::capture
