#include "capture/safe_point.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "capture/breaker_watch.h"
#include "capture/kill_points.h"
#include "capture/proc_files.h"
#include "capture/proc_memory.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr u64 kMicrosecond = 1000;
constexpr int kGlibcPthreadTid = 720;  // struct pthread.tid of glibc x86-64, for versions without native_thread_id

// Searches for a stop point of one target.
class Search {
 public:
  Search(u32 pid, const unleak_layout& layout, u64 runtime, u64 wait_ns)
      : pid_(pid), layout_(layout), runtime_(runtime), deadline_(NowNs() + wait_ns), watch_works_(!layout.free_threaded) {}

  Result<StopPoint> Run() {
    for (u64 attempt = 0;; ++attempt) {
      GilState gil = ReadGil(pid_, layout_, runtime_);
      if (!gil.interpreter) return Gone();
      if (watch_works_ && gil.locked == 1 && !Late()) {
        if (TrySafePoint(gil)) return std::move(point_);
        if (kill(static_cast<pid_t>(pid_), 0) && errno == ESRCH) return Gone();
        continue;
      }
      if (gil.locked <= 1 || Late()) {
        UNLEAK_ASSIGN(bool stopped, TryAll());
        if (stopped) return std::move(point_);
      }
      SleepNs((100 + attempt * 37 % 400) * kMicrosecond);
    }
  }

 private:
  bool Late() const { return NowNs() >= deadline_; }
  Status Gone() const { return Status(Code::kNotFound, "process " + std::to_string(pid_) + " ended"); }

  void StartPause() { point_.stopped_at_ns = NowNs(); }
  void EndPause() {
    u64 pause = NowNs() - point_.stopped_at_ns;
    point_.longest_pause_ns = std::max(point_.longest_pause_ns, pause);
    point_.total_pause_ns += pause;
  }
  void LetGo(const std::vector<int>& tids) {
    DetachAll(tids);
    EndPause();
  }

  bool StillHolds(u64 holder) {
    point_.gil = ReadGil(pid_, layout_, runtime_);
    return point_.gil.locked == 1 && point_.gil.holder == holder;
  }

  // Where there are other GILs, their threads run on: stops them too. False: one of them took its GIL meanwhile; all are detached then.
  bool StopOthers(int tid, u64 holder) {
    point_.tids = {tid};
    if (point_.gil.gils <= 1) return true;
    int error = 0;
    const std::vector<int> others = StopAllThreads(pid_, &error, {tid});
    point_.tids.insert(point_.tids.end(), others.begin(), others.end());
    if (StillHolds(holder) && !point_.gil.collecting) return true;
    LetGo(point_.tids);
    point_.tids.clear();
    return false;
  }

  // Stops the holder of the GIL, sets the watch, waits for it. False: try again (or, after a while, differently).
  bool TrySafePoint(const GilState& gil) {
    int tid = ThreadOf(pid_, layout_, gil.holder);
    StartPause();
    errno = 0;
    if (!tid || !SeizeAndStop(tid)) {
      if (errno == EPERM) watch_works_ = false;  // stopping all threads says why
      SleepNs(50 * kMicrosecond);
      return false;
    }
    if (!StillHolds(gil.holder)) {
      LetGo({tid});
      return false;
    }
    bool of_thread = layout_.thread.eval_breaker != -1;
    u64 breaker = of_thread ? gil.holder + static_cast<u64>(layout_.thread.eval_breaker)
                            : gil.interpreter + static_cast<u64>(layout_.interpreter.eval_breaker);
    BreakerWatch watch(tid, breaker, of_thread ? 8 : 4);
    if (!watch.armed()) {
      watch_works_ = false;
      LetGo({tid});
      return false;
    }
    Continue(tid);
    EndPause();
    DieAt(KillPoint::kWatchArmed, 0, 20000);
    if (!WaitForHit(tid, gil.holder, watch) || !StopOthers(tid, gil.holder)) return false;
    point_.kind = snapshot::Stop::kSafe;
    return true;
  }

  // Runs the thread until it hits the watch while it holds the GIL and no collection is under way. On success it is in
  // an event stop, else detached.
  bool WaitForHit(int tid, u64 holder, BreakerWatch& watch) {
    u64 idle = 0;
    bool late = false;
    for (;;) {
      bool ended = false;
      auto stop = PollStop(tid, &ended);
      if (ended) return false;
      if (!stop) {
        if (Late() && !late) {
          late = true;
          Interrupt(tid);
        }
        SleepNs(std::min<u64>(++idle, 10) * 10 * kMicrosecond);
        continue;
      }
      idle = 0;
      StartPause();
      if (stop->event() == PTRACE_EVENT_STOP && late) return GiveUp(tid);
      if (stop->event() || !watch.IsHit(tid, *stop)) {
        if (late) Interrupt(tid);  // any stop takes an interrupt back
        PassOn(tid, *stop);
      } else {
        DieAt(KillPoint::kWatchHit);
        if (StillHolds(holder) && !point_.gil.collecting && Leave(tid, watch, holder)) return true;
        if (!watch.armed()) return false;
        if (late) Interrupt(tid);
        Continue(tid);
      }
      EndPause();
    }
  }

  bool GiveUp(int tid) {
    LetGo({tid});
    return false;
  }

  // A stop that is not ours: signals are delivered, a stopped job stays stopped.
  static void PassOn(int tid, const TraceStop& stop) {
    if (stop.event() == PTRACE_EVENT_STOP && stop.signal() != SIGTRAP) ptrace(PTRACE_LISTEN, tid, 0, 0);
    else Continue(tid, stop.event() ? 0 : stop.signal());
  }

  // From the signal stop of the hit to an event stop at the same place: no signal must be left to be delivered should
  // we die. False if the thread moved on; it is detached then.
  bool Leave(int tid, BreakerWatch& watch, u64 holder) {
    watch.Disarm();
    Interrupt(tid);
    Continue(tid);
    for (;;) {
      auto stop = WaitStop(tid);
      if (!stop) return false;
      if (stop->event() == PTRACE_EVENT_STOP) break;
      Interrupt(tid);
      Continue(tid, watch.IsHit(tid, *stop) ? 0 : stop->signal());
    }
    if (StillHolds(holder) && !point_.gil.collecting) return true;
    LetGo({tid});
    return false;
  }

  // Stops all threads. True if that is a good moment, or the last one to be had.
  Result<bool> TryAll() {
    StartPause();
    int error = 0;
    point_.tids = StopAllThreads(pid_, &error);
    if (point_.tids.empty()) return CannotAttach(error);
    point_.gil = ReadGil(pid_, layout_, runtime_);
    bool free = !point_.gil.locked;
    if ((free && !point_.gil.collecting) || Late()) {
      point_.kind = free && !layout_.free_threaded ? snapshot::Stop::kGilFree : snapshot::Stop::kBlind;
      return true;
    }
    LetGo(point_.tids);
    point_.tids.clear();
    return false;
  }

  Status CannotAttach(int error) const;

  const u32 pid_;
  const unleak_layout& layout_;
  const u64 runtime_, deadline_;
  bool watch_works_;
  StopPoint point_;
};

Status Search::CannotAttach(int error) const {
  std::string process = "process " + std::to_string(pid_);
  if (!error) return Gone();
  if (const auto status = ReadStatus("/proc", pid_); status.ok() && status->tracer)
    return Status(Code::kBusy, process + " is traced by process " + std::to_string(status->tracer), "detach the debugger, or stop that tool");
  return Status(Code::kPermission, "may not trace " + process + ": " + std::strerror(error),
                "run as the same user, with CAP_SYS_PTRACE, or as root (sudo)");
}

// Thread of `pid` whose id in its own, innermost PID namespace is `inner`.
int ThreadByInnerId(u32 pid, int inner) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (int tid : Threads(pid)) {
    const auto status = ReadStatus(tasks, static_cast<u32>(tid));
    if (!status.ok() || status->namespace_pids.empty()) continue;
    if (static_cast<int>(status->namespace_pids.back()) == inner) return tid;
  }
  return 0;
}

}  // namespace

int ThreadOf(u32 pid, const unleak_layout& layout, u64 thread_state) {
  RemoteMemory memory(pid);
  u64 pthread = memory.Word(thread_state + static_cast<u64>(layout.thread.thread_id));
  int tid = layout.thread.native_thread_id != -1
                ? static_cast<int>(memory.Word(thread_state + static_cast<u64>(layout.thread.native_thread_id)))
                : static_cast<int>(memory.Word32(pthread + kGlibcPthreadTid));
  if (tid <= 0) return 0;
  std::string task = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid);
  return access(task.c_str(), F_OK) == 0 ? tid : ThreadByInnerId(pid, tid);
}

Result<StopPoint> FindStopPoint(u32 pid, const unleak_layout& layout, u64 runtime, u64 wait_ns) {
  return Search(pid, layout, runtime, wait_ns).Run();
}

}  // namespace unleak::capture
