// The calls that led to a moment of a thread, exactly: from its registers and the top of its stack by the tables of the
// objects that the code lies in (elf/call_frames.h). Ends where there is no table or no more of the stack.
//
// Addresses in a process. Only the sample is read and no thread waits: what the tables say of an address is asked once.
// Tables and stack are hostile: a function's part of the stack lies in the sample, above that of what it calls.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "capture/call_events.h"
#include "elf/call_frames.h"

namespace unleak::capture {

// One function on the stack, innermost first.
struct StackFrame {
  u64 code = 0;                    // in the instruction that runs or calls; 0 beyond the last function that is known
  u64 stack = 0, end = 0;          // its part of the stack, without the return address; end 0: not known
  u64 registers[kRegisters] = {};  // as they are when it goes on
  u32 known = 0;                   // bit of each register whose content is known
  u64 function = 0;                // where its code begins, 0 where there is no table
  std::array<u64, kRegisters> saved = {};  // places of its part of the stack that keep registers of its caller, or 0

  bool Saved(u64 place) const { return std::find(saved.begin(), saved.end(), place) != saved.end(); }
};

class Unwinder {
 public:
  // The rule at an address of the process; nothing where no table tells.
  using Rules = std::function<std::optional<elf::FrameRule>(u64 address)>;
  explicit Unwinder(Rules rules) : ask_(std::move(rules)) {}

  // At least the innermost one. `running` is in the instruction at which the sample was taken. The last frame has no
  // end where the stack could not be followed further.
  std::vector<StackFrame> Unwind(const CallSample& sample, u64 running);

 private:
  const std::optional<elf::FrameRule>& RuleAt(u64 address);
  bool Return(const CallSample& sample, StackFrame* frame, StackFrame* caller);

  Rules ask_;
  std::unordered_map<u64, std::optional<elf::FrameRule>> rules_;  // by address
};

}  // namespace unleak::capture
