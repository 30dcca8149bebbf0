#include "capture/unwind.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace unleak::capture {
namespace {

using elf::FrameRule;

constexpr u64 kStack = 0x7000'0000;
constexpr i64 kReturn = -8;

FrameRule Rule(u8 base, i64 distance) {
  FrameRule rule;
  rule.known = true;
  rule.base = base;
  rule.distance = distance;
  rule.registers[elf::kDwarfReturn] = {FrameRule::Saved::kAtOffset, kReturn};
  return rule;
}

struct Stack {
  std::vector<u64> words = std::vector<u64>(32);
  CallSample sample;

  CallSample& Sample() {
    sample.registers[kRsp] = kStack;
    sample.stack = {reinterpret_cast<const u8*>(words.data()), words.size() * sizeof(u64)};
    return sample;
  }
};

constexpr u8 kDwarfRbp = 6, kDwarfRsp = 7;

// 100 called by 200 called by 300: the first keeps rbp on its part, the second finds its own by rbp.
TEST(Unwind, FollowsCallsAndTheRegistersThatTheyKeep) {
  Stack stack;
  stack.words[1] = kStack + 6 * 8;  // rbp of the caller
  stack.words[2] = 201;
  stack.words[6] = 0x1234;  // rbp of its caller
  stack.words[7] = 301;
  CallSample& sample = stack.Sample();
  sample.registers[kRbp] = 77;
  sample.registers[kRbx] = 5;
  Unwinder unwinder([](u64 address) -> std::optional<FrameRule> {
    FrameRule rule = address == 100 ? Rule(kDwarfRsp, 24) : Rule(kDwarfRbp, 16);
    rule.registers[kDwarfRbp] = {FrameRule::Saved::kAtOffset, -16};
    rule.function = address - 10;
    if (address == 300) return std::nullopt;
    return rule;
  });
  const auto frames = unwinder.Unwind(sample, 100);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].code, 200u);
  EXPECT_EQ(frames[2].code, 300u);
  EXPECT_EQ(frames[0].function, 90u);
  EXPECT_EQ(frames[0].end, kStack + 16);
  EXPECT_TRUE(frames[0].Saved(kStack + 8));
  EXPECT_EQ(frames[1].stack, kStack + 24);
  EXPECT_EQ(frames[1].registers[kRbp], kStack + 48);
  EXPECT_EQ(frames[2].registers[kRbp], 0x1234u);
  EXPECT_EQ(frames[2].registers[kRbx], 5u);
  EXPECT_EQ(frames[2].known >> kRax & 1, 0u);  // not given back
  EXPECT_EQ(frames[2].end, 0u);
}

TEST(Unwind, ATableThatPutsTheReturnAddressElsewhereEndsIt) {
  Stack stack;
  stack.words[0] = 201;
  Unwinder unwinder([](u64) {
    FrameRule far = Rule(kDwarfRsp, i64{1} << 40);  // its part of the stack would be a terabyte
    far.registers[elf::kDwarfReturn].offset = -(i64{1} << 40);
    return std::optional(far);
  });
  EXPECT_EQ(unwinder.Unwind(stack.Sample(), 100).size(), 1u);
}

TEST(Unwind, AFunctionThatCallsItselfForEverEnds) {
  Stack stack;
  stack.words.assign(4096, 101);
  Unwinder unwinder([](u64) { return std::optional(Rule(kDwarfRsp, 8)); });
  EXPECT_LE(unwinder.Unwind(stack.Sample(), 100).size(), 96u);
}

FrameRule AnyRule(std::mt19937_64& random) {
  const auto number = [&] {
    const i64 small = static_cast<i64>(random() % 1024) / (random() % 2 ? 8 : 1) * (random() % 4 ? 8 : 1) - 64;
    return random() % 8 ? small : static_cast<i64>(random());
  };
  const bool likely = random() % 4 != 0;
  FrameRule rule = likely ? Rule(kDwarfRsp, static_cast<i64>(random() % 40))
                          : Rule(static_cast<u8>(random() % elf::kDwarfReturn), number());
  for (FrameRule::Saved& saved : rule.registers)
    if (random() % 4 == 0) saved = {static_cast<FrameRule::Saved::Kind>(random() % 3), number()};
  if (random() % 8) rule.registers[elf::kDwarfReturn] = {FrameRule::Saved::kAtOffset, kReturn};
  return rule;
}

// Whatever tables and stack say: each part lies in the sample, above that of what it calls.
TEST(Unwind, AnyRulesStayInTheSample) {
  size_t followed = 0;
  for (u32 seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    Stack stack;
    for (u64& word : stack.words) word = random() % 2 ? kStack + random() % 256 : random();
    CallSample& sample = stack.Sample();
    for (u8 reg = 0; reg < kRegisters; ++reg)
      if (reg != kRsp) sample.registers[reg] = random() % 2 ? kStack + random() % 256 : random();
    Unwinder unwinder([&](u64) { return std::optional(AnyRule(random)); });
    const auto frames = unwinder.Unwind(sample, 100);
    followed += frames.size() > 2;
    for (size_t i = 0; i + 1 < frames.size(); ++i) {
      ASSERT_LE(frames[i].stack, frames[i].end) << seed;
      ASSERT_LE(frames[i].end + sizeof(u64), kStack + sample.stack.size()) << seed;
      ASSERT_EQ(frames[i + 1].stack, frames[i].end + sizeof(u64)) << seed;
    }
  }
  EXPECT_GT(followed, 100u);
}

}  // namespace
}  // namespace unleak::capture
