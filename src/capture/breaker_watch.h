// A watch for reads and writes of one word by one thread: perf_event_open(2) with a hardware breakpoint that sends
// SIGURG to the thread. Needs kernel.perf_event_paranoid <= 2 (or CAP_PERFMON).
#pragma once

#include "base/types.h"
#include "capture/ptrace.h"

namespace unleak::capture {

class BreakerWatch {
 public:
  // Watches `bytes` (4 or 8) at `address` of the stopped thread `tid`.
  BreakerWatch(int tid, u64 address, u32 bytes);
  ~BreakerWatch() { Disarm(); }
  BreakerWatch(const BreakerWatch&) = delete;
  BreakerWatch& operator=(const BreakerWatch&) = delete;

  bool armed() const { return file_ >= 0; }
  void Disarm();
  // Is this stop of `tid` the signal of this watch (also one that was under way when it was disarmed)?
  bool IsHit(int tid, const TraceStop& stop) const;

 private:
  int file_ = -1;
  int number_ = -1;  // of the file, as the signal names it
};

}  // namespace unleak::capture
