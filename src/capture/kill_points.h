// Places at which a test lets this process die by SIGKILL, to see that the target goes on (tests/stress/stress_kill.py).
// Compiled in with -DUNLEAK_KILL_POINTS=ON only; UNLEAK_KILL_POINT in the environment says which place.
#pragma once

namespace unleak::capture {

enum class KillPoint {
  kFramesWritten = 1,      // window: frames on the stack, registers not yet changed
  kRegistersSet = 2,
  kCloneEvent = 3,         // the clone exists
  kBeforeRestore = 4,
  kBeforeDetach = 5,       // all restored
  kMaskRestored = 6,       // between signal mask and registers
  kSyscallEntry = 7,
  kRunningToEntry = 8,     // the thread runs, its next stop is not waited for
  kRunningToClone = 9,
  kCloneNotWaitedFor = 10,
  // 11 .. 18: the same places in the second window, which reaps the clone
  kRunningToExit = 19,
  kWatchHit = 20,          // safe point: stopped by the watch
  kWatchArmed = 21,        // the watch is set, its stop is not waited for
  kWalking = 22,           // the clone is being set up or runs
};

#ifdef UNLEAK_KILL_POINTS
// `base`: 0 in the first window, 10 in the second one. `delay_us`: until the thing that is not waited for has happened.
void DieAt(KillPoint point, int base = 0, unsigned delay_us = 0);
#else
inline void DieAt(KillPoint, int = 0, unsigned = 0) {}
#endif

}  // namespace unleak::capture
