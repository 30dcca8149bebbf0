#include "capture/ptrace.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <unordered_set>

#include "capture/arch/x86_64/registers.h"
#include "capture/proc_files.h"

namespace unleak::capture {
namespace {

// Requests that <sys/ptrace.h> of older glibc lacks.
constexpr auto kGetSignalMask = static_cast<__ptrace_request>(0x420a);
constexpr auto kSetSignalMask = static_cast<__ptrace_request>(0x420b);

long Trace(__ptrace_request request, int tid, u64 address, u64 data) {
  return ptrace(request, tid, reinterpret_cast<void*>(address), reinterpret_cast<void*>(data));
}

thread_local bool waits_start_over = false;

// Results of system calls that were broken off: "go on by restart_syscall" becomes "call again, or EINTR".
void MakeWaitStartOver(int tid) {
  arch::Registers r;
  if (!waits_start_over || !arch::GetRegisters(tid, &r)) return;
  if (static_cast<long>(r.orig_rax) < 0 || static_cast<long>(r.rax) != -arch::kRestartBlock) return;
  r.rax = static_cast<u64>(-arch::kRestartNoHand);
  arch::SetRegisters(tid, r);
}

}  // namespace

TimedWaitsStartOver::TimedWaitsStartOver() { waits_start_over = true; }
TimedWaitsStartOver::~TimedWaitsStartOver() { waits_start_over = false; }

namespace {

// Keeps SIGCHLD for sigtimedwait(2) while it lives. The kernel sends it to the tracer for each stop and each end.
class ChildSignalsHeld {
 public:
  ChildSignalsHeld() {
    sigemptyset(&child_);
    sigaddset(&child_, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child_, &before_);
  }
  ~ChildSignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  ChildSignalsHeld(const ChildSignalsHeld&) = delete;
  ChildSignalsHeld& operator=(const ChildSignalsHeld&) = delete;

  // Until the next one, or `ns` have gone by; false then.
  bool Await(long ns) const {
    const timespec limit{0, ns};
    return sigtimedwait(&child_, nullptr, &limit) == SIGCHLD;
  }

 private:
  sigset_t child_, before_;
};

// Has it ended, without wait(2) telling so yet?
bool IsZombie(int tid) {
  const auto stat = ReadSmallFile("/proc/" + std::to_string(tid) + "/stat");
  if (!stat.ok()) return true;
  const size_t name_end = stat->rfind(')');  // the name may hold anything
  return name_end == std::string::npos || name_end + 2 >= stat->size() || (*stat)[name_end + 2] == 'Z' ||
         (*stat)[name_end + 2] == 'X';
}

}  // namespace

// Not a wait for this thread alone: where a whole process was killed, wait(2) tells the end of its first thread only when
// the others that are traced were waited for too (ptrace(2), "Death under ptrace"), and who would do that waits here.
std::optional<TraceStop> WaitStop(int tid) {
  constexpr long kBetweenLooksNs = 20'000'000;
  const ChildSignalsHeld signals;
  for (;;) {
    TraceStop stop;
    const int got = waitpid(tid, &stop.status, __WALL | WNOHANG);
    if (got < 0 && errno != EINTR) return std::nullopt;
    if (got == tid) {
      if (!WIFSTOPPED(stop.status)) return std::nullopt;
      MakeWaitStartOver(tid);
      return stop;
    }
    if (!signals.Await(kBetweenLooksNs) && IsZombie(tid)) return std::nullopt;
  }
}

std::optional<TraceStop> PollStop(int tid, bool* ended) {
  TraceStop stop;
  int got = waitpid(tid, &stop.status, __WALL | WNOHANG);
  *ended = (got < 0 && errno != EINTR) || (got == tid && !WIFSTOPPED(stop.status));
  if (got != tid || *ended) return std::nullopt;
  MakeWaitStartOver(tid);
  return stop;
}

bool Seize(int tid) { return Trace(PTRACE_SEIZE, tid, 0, 0) == 0; }

namespace {

// Waits for the stop that was asked for.
bool AwaitStop(int tid) {
  for (;;) {
    auto stop = WaitStop(tid);
    if (!stop) return false;
    if (stop->event() == PTRACE_EVENT_STOP) return true;
    // A signal came first, and any stop takes back the interrupt: ask again, and let the signal be delivered.
    Interrupt(tid);
    Continue(tid, stop->signal());
  }
}

}  // namespace

bool SeizeAndStop(int tid) {
  if (!Seize(tid)) return false;
  Interrupt(tid);
  return AwaitStop(tid);
}

void Interrupt(int tid) { Trace(PTRACE_INTERRUPT, tid, 0, 0); }
bool Continue(int tid, int signal) { return Trace(PTRACE_CONT, tid, 0, static_cast<u64>(signal)) == 0; }
bool SetTraceOptions(int tid, u64 options) { return Trace(PTRACE_SETOPTIONS, tid, 0, options) == 0; }
void Detach(int tid) { Trace(PTRACE_DETACH, tid, 0, 0); }

void DetachAll(const std::vector<int>& tids) {
  for (int tid : tids) Detach(tid);
}

bool GetSignalMask(int tid, u64* mask) { return Trace(kGetSignalMask, tid, sizeof *mask, reinterpret_cast<u64>(mask)) == 0; }
bool SetSignalMask(int tid, u64 mask) { return Trace(kSetSignalMask, tid, sizeof mask, reinterpret_cast<u64>(&mask)) == 0; }

std::vector<int> Threads(u32 pid) {
  std::vector<int> tids;
  DIR* dir = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (!dir) return tids;
  while (dirent* entry = readdir(dir))
    if (int tid = std::atoi(entry->d_name); tid > 0) tids.push_back(tid);
  closedir(dir);
  return tids;
}

std::vector<int> StopAllThreads(u32 pid, int* error, const std::vector<int>& before) {
  // So many are asked to stop before the first is waited for: they stop side by side, and few are between a stop and its wait.
  constexpr std::size_t kTogether = 32;
  std::vector<int> stopped, asked;
  std::unordered_set<int> known(before.begin(), before.end());
  *error = 0;
  const auto wait = [&] {
    for (int tid : asked) {
      if (!AwaitStop(tid)) continue;
      stopped.push_back(tid);
      known.insert(tid);
    }
    asked.clear();
  };
  for (;;) {
    const std::size_t had = stopped.size();
    for (int tid : Threads(pid)) {
      if (known.count(tid)) continue;
      errno = ESRCH;
      if (Seize(tid)) {
        Interrupt(tid);
        asked.push_back(tid);
        if (asked.size() == kTogether) wait();
      } else if (errno != ESRCH) {
        *error = errno;
      }
    }
    wait();
    if (stopped.size() == had) return stopped;
  }
}

u64 ClockNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

u64 NowNs() { return ClockNs(CLOCK_MONOTONIC); }

void SleepNs(u64 ns) {
  timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  nanosleep(&time, nullptr);
}

}  // namespace unleak::capture
