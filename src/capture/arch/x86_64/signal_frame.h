// Signal frames on the stack of a stopped thread, with which it goes on by itself if we die (window.h).
//
// Three frames of rt_sigreturn(2) lie below the red zone, sharing one copy of the floating point state:
//   wait    runs wait4(clone), whose pid the kernel writes into the frame (CLONE_PARENT_SETTID), then `resume`
//   resume  sets all registers and the signal mask to what they were; an interrupted system call is made again
//   exit    for the clone without a tracer: exit(0)
// A thread is led into them by the `ret` behind a `syscall` with rsp at a frame: its first word is the address of
// `rt_sigreturn`, and the kernel takes the frame at rsp - 8.
#pragma once

#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "capture/arch/x86_64/registers.h"
#include "capture/maps.h"

namespace unleak::capture::arch {

// Code of the target that is used: `syscall; ret`, and `mov $15, %eax; syscall` (the libc's restorer).
struct Gadgets {
  u64 syscall_ret = 0, sigreturn = 0;
  bool found() const { return syscall_ret && sigreturn; }
};
// Looks in the C library and the vdso first, then in all executable mappings of files.
Gadgets FindGadgets(u32 pid, const std::vector<Mapping>& maps);
// Is that code at these places? Not any more in a process that has called exec since it was found.
bool AreThere(u32 pid, const Gadgets& gadgets);

struct HealingFrames {
  u64 wait = 0, resume = 0, exit = 0;  // addresses of the frames
  u64 wait_pid = 0;                    // where the wait frame has the pid to wait for
};

// Writes the frames for thread `tid`, stopped with `registers` and `mask`. kExhausted: no room on its stack, or it runs
// on a stack that is not the thread's own; kUnsupported: shadow stack, or floating point state that cannot be had.
Result<HealingFrames> WriteHealingFrames(int tid, const Registers& registers, u64 mask, const Gadgets& gadgets,
                                         const std::vector<Mapping>& maps);

}  // namespace unleak::capture::arch
