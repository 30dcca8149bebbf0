#include "capture/breaker_watch.h"

#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace unleak::capture {

BreakerWatch::BreakerWatch(int tid, u64 address, u32 bytes) {
  perf_event_attr event{};
  event.type = PERF_TYPE_BREAKPOINT;
  event.size = sizeof event;
  event.sample_period = 1;
  event.wakeup_events = 1;
  event.bp_type = HW_BREAKPOINT_RW;
  event.bp_addr = address;
  event.bp_len = bytes;
  event.exclude_kernel = event.exclude_hv = 1;
  int file = static_cast<int>(syscall(SYS_perf_event_open, &event, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
  if (file < 0) return;
  f_owner_ex owner{F_OWNER_TID, tid};
  if (fcntl(file, F_SETOWN_EX, &owner) || fcntl(file, F_SETSIG, SIGURG) || fcntl(file, F_SETFL, O_ASYNC)) {
    close(file);
    return;
  }
  file_ = number_ = file;
}

void BreakerWatch::Disarm() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

bool BreakerWatch::IsHit(int tid, const TraceStop& stop) const {
  siginfo_t info{};
  return stop.signal() == SIGURG && !stop.event() && ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) == 0 &&
         info.si_code > 0 && info.si_fd == number_;
}

}  // namespace unleak::capture
