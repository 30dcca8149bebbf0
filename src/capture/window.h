// The window: the moment in which a thread of the target makes a system call for us (clone, and later wait4 for the
// clone). It heals itself: before a register changes, signal frames lie on the thread's stack (arch signal_frame.h)
// that bring it back to what it was doing if this process dies at any point.
//
// What keeps that true: only event stops and TRACESYSGOOD system call stops are made inside (a signal stop or a single
// step left behind by a dead tracer delivers SIGTRAP); options and frames come before registers, registers before the
// signal mask; on the way back the mask first. Measured in docs/measurements/window.md.
//
// The calling thread has all signals blocked meanwhile.
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "capture/arch/x86_64/signal_frame.h"
#include "capture/maps.h"

namespace unleak::capture {

struct CloneCall {
  int tid = 0;              // of the clone, in our PID namespace; attached to us and stopped, dies with us
  long pid_in_target = 0;   // what clone returned: its pid in the target's namespace
};

// Lets the stopped thread `tid` of process `pid` call clone(): the result has a copy-on-write memory of its own, one
// thread, no exit signal. The thread is as it was afterwards, stopped. Errors as of WriteHealingFrames, and kExhausted
// if the kernel refuses the clone (processes, memory), kNotFound if the thread ended or the
// process became another program since the code was found.
Result<CloneCall> CloneInWindow(u32 pid, int tid, const arch::Gadgets& gadgets, const std::vector<Mapping>& maps);

// Lets the stopped thread `tid` reap the dead clone. False if there was nothing to reap.
Result<bool> ReapInWindow(u32 pid, int tid, const arch::Gadgets& gadgets, const std::vector<Mapping>& maps,
                          long pid_in_target);

}  // namespace unleak::capture
