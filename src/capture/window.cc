#include "capture/window.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "capture/arch/x86_64/registers.h"
#include "capture/kill_points.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr unsigned kLongEnoughUs = 20000;  // for a thread to reach its next stop, in tests that die meanwhile

// All signals of this thread wait while one exists.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

struct SystemCall {
  u64 number, a0, a1, a2;
};

// One system call of a stopped thread of the target.
class Window {
 public:
  Window(u32 pid, int tid, const arch::Gadgets& gadgets, int kill_base)
      : pid_(pid), tid_(tid), gadgets_(gadgets), kill_base_(kill_base) {}

  // Saves the thread and writes the frames. After an error nothing has changed.
  Status Open(const std::vector<Mapping>& maps) {
    if (!arch::GetRegisters(tid_, &saved_) || !GetSignalMask(tid_, &mask_)) return Gone();
    if (!arch::AreThere(static_cast<u32>(tid_), gadgets_)) {
      return Status(Code::kNotFound, "process " + std::to_string(pid_) + " has become another program (exec) during the look",
                    "unleak diagnose " + std::to_string(pid_) + " looks at what it is now");
    }
    UNLEAK_ASSIGN(frames_, arch::WriteHealingFrames(tid_, saved_, mask_, gadgets_, maps));
    DieAt(KillPoint::kFramesWritten, kill_base_);
    return Status::Ok();
  }
  const arch::HealingFrames& frames() const { return frames_; }

  // Makes the call with the stack at `frame`; `clone` is set to the child's tid if it is a clone. Returns its result.
  Result<long> Run(const SystemCall& call, u64 frame, int* clone) {
    if (!SetTraceOptions(tid_, PTRACE_O_TRACESYSGOOD | (clone ? PTRACE_O_TRACECLONE : 0))) return Gone();
    arch::Registers r = arch::ForSystemCall(saved_, gadgets_.syscall_ret, call.number, call.a0, call.a1, call.a2);
    r.rsp = frame;
    arch::SetRegisters(tid_, r);
    SetSignalMask(tid_, ~0ull);
    DieAt(KillPoint::kRegistersSet, kill_base_);
    ptrace(PTRACE_SYSCALL, tid_, 0, 0);
    DieAt(KillPoint::kRunningToEntry, kill_base_, kLongEnoughUs);
    return UntilReturned(clone);
  }

  // Puts mask and registers back.
  void Close() {
    DieAt(KillPoint::kBeforeRestore, kill_base_);
    SetSignalMask(tid_, mask_);
    DieAt(KillPoint::kMaskRestored, kill_base_);
    arch::SetRegisters(tid_, saved_);
    for (int signal : held_back_) syscall(SYS_tgkill, pid_, tid_, signal);
    DieAt(KillPoint::kBeforeDetach, kill_base_);
  }

 private:
  Status Gone() const {
    return Status(Code::kNotFound, "thread " + std::to_string(tid_) + " of process " + std::to_string(pid_) + " ended");
  }

  // To an event stop: left there, an interrupted system call is restarted rightly and no signal is left to deliver.
  void ToEventStop() {
    Interrupt(tid_);
    Continue(tid_);
  }

  // Waits until the call has returned and the thread stands at the instruction behind it.
  Result<long> UntilReturned(int* clone) {
    for (bool entered = false;;) {
      auto stop = WaitStop(tid_);
      if (!stop) return Gone();
      if (stop->event() == PTRACE_EVENT_CLONE) {
        *clone = TakeClone();
      } else if (stop->event() == PTRACE_EVENT_STOP) {
        arch::Registers r;
        if (!arch::GetRegisters(tid_, &r)) return Gone();
        long result = static_cast<long>(r.rax);
        bool behind = r.rip == gadgets_.syscall_ret + arch::kSyscallInstructionBytes;
        if (entered && behind && result != -arch::kRestartNoIntr) return result;
        entered = false;
        ptrace(PTRACE_SYSCALL, tid_, 0, 0);
      } else if (stop->system_call()) {
        DieAt(KillPoint::kSyscallEntry, kill_base_);
        GoOnFromSystemCallStop(clone && !entered);
        entered = true;
      } else {
        // All signals are blocked, so this is SIGSTOP: it has to wait until the window is closed.
        held_back_.push_back(stop->signal());
        if (entered) ToEventStop();
        else ptrace(PTRACE_SYSCALL, tid_, 0, 0);
      }
    }
  }

  void GoOnFromSystemCallStop(bool to_clone_event) {
    if (to_clone_event) {
      ptrace(PTRACE_SYSCALL, tid_, 0, 0);
      DieAt(KillPoint::kRunningToClone, 0, kLongEnoughUs);
    } else {
      ToEventStop();
      DieAt(KillPoint::kRunningToExit, 0, kLongEnoughUs);
    }
  }

  // At the clone event: the child is attached to us already. Makes it die with us.
  int TakeClone() {
    unsigned long child = 0;
    ptrace(PTRACE_GETEVENTMSG, tid_, 0, &child);
    DieAt(KillPoint::kCloneEvent);
    ToEventStop();
    DieAt(KillPoint::kCloneNotWaitedFor, 0, kLongEnoughUs);
    int tid = static_cast<int>(child);
    if (WaitStop(tid)) SetTraceOptions(tid, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
    return tid;
  }

  const u32 pid_;
  const int tid_;
  const arch::Gadgets& gadgets_;
  const int kill_base_;
  arch::Registers saved_{};
  u64 mask_ = 0;
  arch::HealingFrames frames_;
  std::vector<int> held_back_;
};

void EndClone(int tid) {
  kill(tid, SIGKILL);
  while (waitpid(tid, nullptr, __WALL) < 0 && errno == EINTR) {}
}

}  // namespace

Result<CloneCall> CloneInWindow(u32 pid, int tid, const arch::Gadgets& gadgets, const std::vector<Mapping>& maps) {
  SignalsBlocked blocked;
  Window window(pid, tid, gadgets, 0);
  UNLEAK_RETURN_IF_ERROR(window.Open(maps));
  const arch::HealingFrames& frames = window.frames();
  int child = 0;
  // The parent's stack is at the frame that waits for the clone, the clone's at the one that exits.
  auto result = window.Run({SYS_clone, CLONE_PARENT_SETTID, frames.exit, frames.wait_pid}, frames.wait, &child);
  if (!result.ok()) {
    if (child) EndClone(child);  // the process was killed in between, its copy was not
    return result.status();
  }
  window.Close();
  if (*result < 0 || !child)
    return Status(Code::kExhausted, "process " + std::to_string(pid) + " may not make a copy of itself: " +
                                        std::strerror(static_cast<int>(-*result)),
                  "look at pids.max, ulimit -u and the memory limit of its container");
  return CloneCall{child, *result};
}

Result<bool> ReapInWindow(u32 pid, int tid, const arch::Gadgets& gadgets, const std::vector<Mapping>& maps,
                          long pid_in_target) {
  SignalsBlocked blocked;
  Window window(pid, tid, gadgets, 10);
  UNLEAK_RETURN_IF_ERROR(window.Open(maps));
  auto result = window.Run({SYS_wait4, static_cast<u64>(pid_in_target), 0, __WALL | WNOHANG}, window.frames().resume, nullptr);
  if (!result.ok()) return result.status();
  window.Close();
  return *result == pid_in_target;
}

}  // namespace unleak::capture
