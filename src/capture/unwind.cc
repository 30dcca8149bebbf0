#include "capture/unwind.h"

#include <cstring>

namespace unleak::capture {
namespace {

constexpr size_t kMostFrames = 96, kMostRules = 1 << 13;
constexpr i64 kReturn = -8;  // where a call leaves the return address (System V ABI 3.2.2)
constexpr u32 kAll = (1u << kRegisters) - 1;
// A function gives these back as they were (System V ABI 3.2.1).
constexpr u32 kGivenBack = 1u << kRbx | 1u << kRbp | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;
// DWARF's numbers to the processor's.
constexpr u8 kNumbers[kRegisters] = {kRax, kRdx, kRcx, kRbx, kRsi, kRdi, kRbp, kRsp, 8, 9, 10, 11, 12, 13, 14, 15};

// A word of the sample's stack by its address in the process.
bool StackWord(const CallSample& sample, u64 address, u64* word) {
  const u64 start = sample.registers[kRsp], bytes = sample.stack.size();
  if (address < start || bytes < sizeof *word || address - start > bytes - sizeof *word) return false;
  std::memcpy(word, sample.stack.data() + (address - start), sizeof *word);
  return true;
}

}  // namespace

const std::optional<elf::FrameRule>& Unwinder::RuleAt(u64 address) {
  static const std::optional<elf::FrameRule> kNone;
  const auto known = rules_.find(address);
  if (known != rules_.end()) return known->second;
  if (rules_.size() == kMostRules) return kNone;
  return rules_.emplace(address, ask_(address)).first->second;
}

// Fills the end of `frame` and what goes on in its caller.
bool Unwinder::Return(const CallSample& sample, StackFrame* frame, StackFrame* caller) {
  using Saved = elf::FrameRule::Saved;
  const std::optional<elf::FrameRule>& rule = RuleAt(frame->code);
  if (!rule || !rule->known) return false;
  const u8 base = kNumbers[rule->base];
  if (!(frame->known >> base & 1)) return false;
  const u64 start = frame->registers[base] + static_cast<u64>(rule->distance);
  const Saved& back = rule->registers[elf::kDwarfReturn];
  u64 address = 0;
  if (start < frame->stack || start - frame->stack < sizeof address || back.kind != Saved::kAtOffset ||
      back.offset != kReturn || !StackWord(sample, start + static_cast<u64>(kReturn), &address) || address == 0)
    return false;
  *caller = StackFrame();
  caller->code = address - 1;
  caller->stack = start;
  for (u8 dwarf = 0; dwarf < kRegisters; ++dwarf) {
    const u8 number = kNumbers[dwarf];
    const Saved& saved = rule->registers[dwarf];
    if (!(kGivenBack >> number & 1)) continue;
    if (saved.kind == Saved::kAtOffset) frame->saved[number] = start + static_cast<u64>(saved.offset);
    u64 value = frame->registers[number];
    const bool known =
        saved.kind == Saved::kSame
            ? frame->known >> number & 1
            : saved.kind == Saved::kAtOffset && StackWord(sample, start + static_cast<u64>(saved.offset), &value);
    if (!known) continue;
    caller->registers[number] = value;
    caller->known |= 1u << number;
  }
  caller->registers[kRsp] = start;
  caller->known |= 1u << kRsp;
  frame->end = start - sizeof(u64);
  frame->function = rule->function;
  return true;
}

std::vector<StackFrame> Unwinder::Unwind(const CallSample& sample, u64 running) {
  std::vector<StackFrame> frames(1);
  frames[0].code = running;
  frames[0].stack = sample.registers[kRsp];
  std::memcpy(frames[0].registers, sample.registers, sizeof sample.registers);
  frames[0].known = kAll;
  while (frames.size() < kMostFrames) {
    StackFrame caller;
    if (!Return(sample, &frames.back(), &caller)) break;
    frames.push_back(caller);
  }
  return frames;
}

}  // namespace unleak::capture
