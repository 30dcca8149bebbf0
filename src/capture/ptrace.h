// Thin layer over ptrace(2) and the threads of a process. Each tracee belongs to the calling thread.
#pragma once

#include <time.h>

#include <optional>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace unleak::capture {

// A stop that waitpid reported.
struct TraceStop {
  int status = 0;
  int signal() const { return status >> 8 & 0xff; }
  int event() const { return status >> 16; }
  bool system_call() const { return signal() == (5 | 0x80) && !event(); }  // PTRACE_O_TRACESYSGOOD
};

// Waits for the next stop of `tid`; nothing if it ended. Meanwhile SIGCHLD is held back in the calling thread, which must be
// the tracer.
std::optional<TraceStop> WaitStop(int tid);
// As WaitStop, without waiting. `ended` is set if it ended.
std::optional<TraceStop> PollStop(int tid, bool* ended);

bool Seize(int tid);               // PTRACE_SEIZE, no options
bool SeizeAndStop(int tid);        // and wait until it stands still; false and not attached if that failed
void Interrupt(int tid);           // asks for an event stop
bool Continue(int tid, int signal = 0);
bool SetTraceOptions(int tid, u64 options);
void Detach(int tid);
void DetachAll(const std::vector<int>& tids);
// Signal mask of a stopped thread.
bool GetSignalMask(int tid, u64* mask);
bool SetSignalMask(int tid, u64 mask);

// Threads of a process, as /proc lists them.
std::vector<int> Threads(u32 pid);
// Attaches to all threads but those of `before` and stops them, those too that start meanwhile. `error`: errno of the
// last thread that could not be attached, 0 if all could.
std::vector<int> StopAllThreads(u32 pid, int* error, const std::vector<int>& before = {});

// While one exists, a stop that breaks off a timed wait (poll, nanosleep, futex ...) makes the thread call it again, with
// its whole time, or end it with EINTR if a signal is handled first. Else the kernel goes on with the time that is left,
// by restart_syscall(2), and a seccomp filter that does not know that call ends the program. Holds for the stops that
// the calling thread waits for. If this process is killed in the microseconds between a stop and the wait for it, the
// kernel's way is taken.
class TimedWaitsStartOver {
 public:
  TimedWaitsStartOver();
  ~TimedWaitsStartOver();
  TimedWaitsStartOver(const TimedWaitsStartOver&) = delete;
  TimedWaitsStartOver& operator=(const TimedWaitsStartOver&) = delete;
};

u64 ClockNs(clockid_t clock);
u64 NowNs();  // CLOCK_MONOTONIC
void SleepNs(u64 ns);

}  // namespace unleak::capture
