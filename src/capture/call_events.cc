#include "capture/call_events.h"

#include <asm/perf_regs.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;
constexpr u64 kRings[] = {256 * kPage, 64 * kPage};  // the second where memory that may be locked is short
constexpr u32 kStackBytes = 16 << 10;
// A sample has the registers ascending by the kernel's number; where each goes by the processor's.
constexpr struct {
  int kernel;
  u8 number;
} kOrder[kRegisters] = {
    {PERF_REG_X86_AX, kRax}, {PERF_REG_X86_BX, kRbx}, {PERF_REG_X86_CX, kRcx}, {PERF_REG_X86_DX, kRdx},
    {PERF_REG_X86_SI, kRsi}, {PERF_REG_X86_DI, kRdi}, {PERF_REG_X86_BP, kRbp}, {PERF_REG_X86_SP, kRsp},
    {PERF_REG_X86_R8, 8},    {PERF_REG_X86_R9, 9},    {PERF_REG_X86_R10, 10},  {PERF_REG_X86_R11, 11},
    {PERF_REG_X86_R12, 12},  {PERF_REG_X86_R13, 13},  {PERF_REG_X86_R14, 14},  {PERF_REG_X86_R15, 15}};

perf_event_attr Attributes(u64 address, Trap trap) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_BREAKPOINT;
  event.bp_type = trap == Trap::kExecute ? HW_BREAKPOINT_X : HW_BREAKPOINT_W;
  event.bp_addr = address;
  event.bp_len = sizeof(long);
  event.sample_period = 1;
  event.wakeup_events = 1;
  event.disabled = event.exclude_kernel = event.exclude_hv = 1;
  event.use_clockid = 1;
  event.clockid = CLOCK_MONOTONIC;
  event.sample_type =
      PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  for (const auto& reg : kOrder) event.sample_regs_user |= u64{1} << reg.kernel;
  event.sample_stack_user = kStackBytes;
  return event;
}

u64 WordAt(std::span<const u8> bytes, u64 at) {
  u64 word;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

}  // namespace

CallEvents::CallEvents(u32 tid, std::span<const u64> addresses, Trap trap) {
  for (u32 i = 0; i < addresses.size(); ++i)
    if (Open(tid, addresses[i], trap)) places_.push_back(i);
}

// Adds an event; all of them tell into the first one's ring.
bool CallEvents::Open(u32 tid, u64 address, Trap trap) {
  perf_event_attr event = Attributes(address, trap);
  const int file = static_cast<int>(syscall(SYS_perf_event_open, &event, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
  u64 id = 0;
  if (file < 0 || ioctl(file, PERF_EVENT_IOC_ID, &id) != 0 ||
      (!files_.empty() && ioctl(file, PERF_EVENT_IOC_SET_OUTPUT, files_[0]) != 0)) {
    error_ = errno;
    if (file >= 0) close(file);
    return false;
  }
  if (files_.empty()) {
    for (u64 bytes : kRings) {
      void* ring = mmap(nullptr, kPage + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      error_ = ring == MAP_FAILED ? errno : 0;
      if (ring == MAP_FAILED) continue;
      ring_ = static_cast<u8*>(ring);
      ring_bytes_ = bytes;
      break;
    }
    if (!ring_) {
      close(file);
      return false;
    }
  }
  files_.push_back(file);
  ids_.push_back(id);
  return true;
}

CallEvents::~CallEvents() {
  if (ring_) munmap(ring_, kPage + ring_bytes_);
  for (int file : files_) close(file);
}

void CallEvents::Arm(u32 times) {
  for (int file : files_) static_cast<void>(ioctl(file, PERF_EVENT_IOC_REFRESH, times));
}

u32 CallEvents::Drain(const std::function<void(const CallSample&)>& take) {
  if (!ring_) return 0;
  auto* page = reinterpret_cast<perf_event_mmap_page*>(ring_);
  const u64 head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  const u8* data = ring_ + kPage;
  u64 at = page->data_tail;
  u32 samples = 0;
  const auto copy = [&](u64 from, u8* to, u64 bytes) {
    const u64 first = std::min(bytes, ring_bytes_ - from % ring_bytes_);
    std::memcpy(to, data + from % ring_bytes_, first);
    std::memcpy(to + first, data, bytes - first);
  };
  while (at + sizeof(perf_event_header) <= head) {
    perf_event_header header;
    copy(at, reinterpret_cast<u8*>(&header), sizeof header);
    if (header.size < sizeof header || at + header.size > head) break;
    if (header.type == PERF_RECORD_SAMPLE) {
      record_.resize(header.size - sizeof header);
      copy(at + sizeof header, record_.data(), record_.size());
      Parse(record_, take);
      ++samples;
    }
    at += header.size;
  }
  __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  return samples;
}

// Identifier, ip, time; abi and registers; size of the stack, its bytes, how many of them are real
// (perf_event_open(2)).
void CallEvents::Parse(std::span<const u8> record, const std::function<void(const CallSample&)>& take) const {
  constexpr u64 kBefore = 8 * 4, kFixed = kBefore + 8 * (kRegisters + 1);
  if (record.size() < kFixed || WordAt(record, kBefore - 8) == PERF_SAMPLE_REGS_ABI_NONE) return;
  const auto event = std::find(ids_.begin(), ids_.end(), WordAt(record, 0));
  if (event == ids_.end()) return;
  CallSample sample;
  sample.place = places_[static_cast<size_t>(event - ids_.begin())];
  sample.instruction = WordAt(record, 8);
  sample.at_ns = WordAt(record, 16);
  for (size_t i = 0; i < kRegisters; ++i) sample.registers[kOrder[i].number] = WordAt(record, kBefore + 8 * i);
  const u64 size = WordAt(record, kFixed - 8);
  if (size > record.size() - kFixed) return;
  u64 real = size;
  if (record.size() - kFixed - size >= 8) real = std::min(size, WordAt(record, kFixed + size));
  sample.stack = record.subspan(kFixed, real);
  take(sample);
}

}  // namespace unleak::capture
