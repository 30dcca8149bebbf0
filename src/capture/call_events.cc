#include "capture/call_events.h"

#include <asm/perf_regs.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096, kRingBytes = 64 * kPage;
constexpr u32 kStackBytes = 4096;
constexpr int kRegisters[] = {PERF_REG_X86_BX,  PERF_REG_X86_SI,  PERF_REG_X86_DI,  PERF_REG_X86_BP, PERF_REG_X86_SP,
                              PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14, PERF_REG_X86_R15};  // by number

perf_event_attr Attributes(u64 address) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_BREAKPOINT;
  event.bp_type = HW_BREAKPOINT_X;
  event.bp_addr = address;
  event.bp_len = sizeof(long);
  event.sample_period = 1;
  event.wakeup_events = 1;
  event.disabled = event.exclude_kernel = event.exclude_hv = 1;
  event.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  for (int reg : kRegisters) event.sample_regs_user |= u64{1} << reg;
  event.sample_stack_user = kStackBytes;
  return event;
}

u64 WordAt(std::span<const u8> bytes, u64 at) {
  u64 word;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

}  // namespace

CallEvents::CallEvents(u32 tid, std::span<const u64> addresses) {
  for (u64 address : addresses) {
    perf_event_attr event = Attributes(address);
    const int file = static_cast<int>(syscall(SYS_perf_event_open, &event, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
    if (file < 0) continue;
    if (!files_.empty() && ioctl(file, PERF_EVENT_IOC_SET_OUTPUT, files_[0]) != 0) {
      close(file);
      continue;
    }
    if (files_.empty()) {
      void* ring = mmap(nullptr, kPage + kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (ring == MAP_FAILED) {
        close(file);
        return;
      }
      ring_ = static_cast<u8*>(ring);
    }
    files_.push_back(file);
    addresses_.push_back(address);
  }
}

CallEvents::~CallEvents() {
  if (ring_) munmap(ring_, kPage + kRingBytes);
  for (int file : files_) close(file);
}

void CallEvents::Arm(u32 calls) {
  for (int file : files_) static_cast<void>(ioctl(file, PERF_EVENT_IOC_REFRESH, calls));
}

u32 CallEvents::Drain(const std::function<void(const CallSample&)>& take) {
  if (!ring_) return 0;
  auto* page = reinterpret_cast<perf_event_mmap_page*>(ring_);
  const u64 head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  const u8* data = ring_ + kPage;
  u64 at = page->data_tail;
  u32 samples = 0;
  const auto copy = [&](u64 from, u8* to, u64 bytes) {
    const u64 first = std::min(bytes, kRingBytes - from % kRingBytes);
    std::memcpy(to, data + from % kRingBytes, first);
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

// ip; abi and registers; size of the stack, its bytes, how many of them are real (perf_event_open(2)).
void CallEvents::Parse(std::span<const u8> record, const std::function<void(const CallSample&)>& take) const {
  constexpr u64 kFixed = 8 * (3 + std::size(kRegisters));
  if (record.size() < kFixed || WordAt(record, 8) == PERF_SAMPLE_REGS_ABI_NONE) return;
  const auto function = std::find(addresses_.begin(), addresses_.end(), WordAt(record, 0));
  if (function == addresses_.end()) return;
  const auto reg = [&](u64 i) { return WordAt(record, 16 + 8 * i); };
  CallSample sample;
  sample.function = static_cast<u32>(function - addresses_.begin());
  sample.arguments[0] = reg(2);
  sample.arguments[1] = reg(1);
  sample.stack_pointer = reg(4);
  const u64 kept[] = {reg(0), reg(3), reg(5), reg(6), reg(7), reg(8)};
  std::copy(std::begin(kept), std::end(kept), std::begin(sample.kept));
  const u64 size = WordAt(record, kFixed - 8);
  if (size > record.size() - kFixed) return;
  u64 real = size;
  if (record.size() - kFixed - size >= 8) real = std::min(size, WordAt(record, kFixed + size));
  sample.stack = record.subspan(kFixed, real);
  take(sample);
}

}  // namespace unleak::capture
