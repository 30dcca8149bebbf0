#if defined(__x86_64__)
#include "capture/arch/x86_64/registers.h"

#include <sys/ptrace.h>

namespace unleak::capture::arch {

bool GetRegisters(int tid, Registers* registers) { return ptrace(PTRACE_GETREGS, tid, nullptr, registers) == 0; }

bool SetRegisters(int tid, const Registers& registers) { return ptrace(PTRACE_SETREGS, tid, nullptr, &registers) == 0; }

Registers ForSystemCall(Registers r, u64 instruction, u64 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  r.rip = instruction;
  r.rax = number;
  r.orig_rax = ~0ull;
  r.rdi = a0;
  r.rsi = a1;
  r.rdx = a2;
  r.r10 = a3;
  r.r8 = a4;
  r.r9 = a5;
  return r;
}

Registers ForCall(Registers r, u64 function, u64 argument, u64 stack_top) {
  r.rip = function;
  r.rdi = argument;
  r.rsp = stack_top;
  r.rbp = 0;
  r.orig_rax = ~0ull;
  r.eflags = 0x202;  // interrupts on, direction flag clear
  return r;
}

}  // namespace unleak::capture::arch
#endif
