// What one thread does at a few addresses, as the kernel tells it: perf_event_open(2) with hardware breakpoints, for
// the execution of a function's first instruction, or for writes to a word. The thread is not stopped. See
// ledger_watch.h and reference_watch.h.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/types.h"

namespace unleak::capture {

enum class Trap : u8 { kExecute, kWrite };

inline constexpr size_t kRegisters = 16;

// By the numbers that instructions have for them (Intel SDM 2, table 2-2): rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8
// ...
enum Register : u8 { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi };

// The thread at that moment: before the function's first instruction, or after the one that wrote. Valid during the
// callback only.
struct CallSample {
  u32 place = 0;        // index into the addresses that are watched
  u64 at_ns = 0;        // CLOCK_MONOTONIC
  u64 instruction = 0;  // the next one
  u64 registers[kRegisters] = {};
  std::span<const u8> stack;  // from the stack pointer up
};

class CallEvents {
 public:
  // Watches at most 4 addresses in thread `tid`; words are of 8 bytes, aligned. active() is false if the kernel does
  // not allow it.
  CallEvents(u32 tid, std::span<const u64> addresses, Trap trap);
  ~CallEvents();
  CallEvents(const CallEvents&) = delete;
  CallEvents& operator=(const CallEvents&) = delete;

  bool active() const { return ring_ != nullptr; }
  int error() const { return error_; }                          // errno of what was refused, 0 if nothing was
  int file() const { return files_.empty() ? -1 : files_[0]; }  // poll(2) for input: there are samples
  // Lets the next `times` of each address be told; then that event is off until it is armed again.
  void Arm(u32 times);
  // Takes what has been told. Returns the number of samples.
  u32 Drain(const std::function<void(const CallSample&)>& take);

 private:
  bool Open(u32 tid, u64 address, Trap trap);
  void Parse(std::span<const u8> record, const std::function<void(const CallSample&)>& take) const;

  std::vector<int> files_;
  std::vector<u64> ids_;     // the kernel's, of the events
  std::vector<u32> places_;  // which address each event is of
  u8* ring_ = nullptr;
  u64 ring_bytes_ = 0;  // behind its first page
  int error_ = 0;
  std::vector<u8> record_;
};

}  // namespace unleak::capture
