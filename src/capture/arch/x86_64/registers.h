// Registers of a stopped x86-64 thread, and the ways in which capture changes them.
#pragma once

#include <sys/user.h>

#include <optional>

#include "base/types.h"

namespace unleak::capture::arch {

using Registers = user_regs_struct;

inline constexpr u64 kSyscallInstructionBytes = 2;  // 0f 05
inline constexpr u64 kRedZone = 128;                // bytes below rsp that leaf functions use (System V ABI)
// Results of an interrupted system call, negated (include/linux/errno.h): never seen by user space.
inline constexpr long kRestartSys = 512, kRestartNoIntr = 513, kRestartNoHand = 514, kRestartBlock = 516;

bool GetRegisters(int tid, Registers* registers);
bool SetRegisters(int tid, const Registers& registers);

// Registers for a system call whose instruction is at `instruction`; not a restart of one that was interrupted.
Registers ForSystemCall(Registers base, u64 instruction, u64 number, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0,
                        u64 a4 = 0, u64 a5 = 0);
// Registers for a call of `function(argument)` on the stack that ends at `stack_top`; it must not return, or faults
// at address 0 (the return address must be there already).
Registers ForCall(Registers base, u64 function, u64 argument, u64 stack_top);

inline bool IsRestart(const Registers& registers) {
  long error = -static_cast<long>(registers.rax);
  return static_cast<long>(registers.orig_rax) >= 0 &&
         (error == kRestartSys || error == kRestartNoIntr || error == kRestartNoHand || error == kRestartBlock);
}

}  // namespace unleak::capture::arch
