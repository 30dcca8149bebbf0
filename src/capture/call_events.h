// Calls of a few functions by one thread, as the kernel tells them: perf_event_open(2) with hardware breakpoints for
// execution. The thread is not stopped. See ledger_watch.h.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/types.h"

namespace unleak::capture {

// The thread at the first instruction of a function. Valid during the callback only.
struct CallSample {
  u32 function = 0;                  // index into the addresses that are watched
  u64 arguments[2] = {0, 0};         // the first two (rdi, rsi)
  u64 kept[6] = {0, 0, 0, 0, 0, 0};  // registers that a callee must keep (rbx, rbp, r12 to r15)
  u64 stack_pointer = 0;
  std::span<const u8> stack;  // from there up
};

class CallEvents {
 public:
  // Watches at most 4 addresses in thread `tid`. active() is false if the kernel does not allow it.
  CallEvents(u32 tid, std::span<const u64> addresses);
  ~CallEvents();
  CallEvents(const CallEvents&) = delete;
  CallEvents& operator=(const CallEvents&) = delete;

  bool active() const { return ring_ != nullptr; }
  int file() const { return files_.empty() ? -1 : files_[0]; }  // poll(2) for input: there are samples
  // Lets each function's next `calls` calls be told; then that event is off until it is armed again.
  void Arm(u32 calls);
  // Takes what has been told. Returns the number of samples.
  u32 Drain(const std::function<void(const CallSample&)>& take);

 private:
  void Parse(std::span<const u8> record, const std::function<void(const CallSample&)>& take) const;

  std::vector<int> files_;
  std::vector<u64> addresses_;
  u8* ring_ = nullptr;
  std::vector<u8> record_;
};

}  // namespace unleak::capture
