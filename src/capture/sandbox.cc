#include "capture/sandbox.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <utility>

#include "capture/kill_points.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr u64 kMillisecond = 1'000'000;
// A traverse that makes no progress: after so long asleep, or after half of it in CPU time (so that a clone that waits
// for a CPU is not blamed), or at last after twenty times as long.
constexpr u64 kHangNs = 400 * kMillisecond;
constexpr u64 kStarvedFactor = 3;
// Naps between two looks at the clone: short where it may stop at once, as a fault is waited for by the clone; a slot of the
// ring takes it about a millisecond to fill.
constexpr u64 kFirstNapNs = 5'000, kSlotNapNs = 200'000, kLongestNapNs = kMillisecond / 2;
constexpr u64 kIdleNaps = 20;
constexpr u64 kMostFaults = 20000, kMostHangs = 100;
constexpr std::size_t kMostCauses = 32;
constexpr u64 kSlotWords = UNLEAK_SLOT_BYTES / 8;

// System calls of traversed code that have no effect outside the clone: memory, clock, who am I.
bool IsHarmless(u64 number) {
  switch (number) {
    case SYS_mmap: case SYS_munmap: case SYS_mprotect: case SYS_brk: case SYS_madvise: case SYS_getpid: case SYS_gettid:
    case SYS_clock_gettime: case SYS_sched_yield:
      return true;
    default: return false;
  }
}

bool IsFault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGABRT ||
         signal == SIGTRAP || signal == SIGSYS;
}

// What the walker writes while we read.
u64 Shared(const volatile u64& word) { return word; }

}  // namespace

u64 CpuTimeNs(int tid) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/schedstat");
  u64 ns = 0;
  file >> ns;
  return ns;
}

char ProcessState(int tid) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::size_t end = text.rfind(')');
  return end != std::string::npos && end + 2 < text.size() ? text[end + 2] : '?';
}

Status Sandbox::Run(u64 limit_ns) {
  started_ns_ = quiet_since_ns_ = NowNs();
  limit_ns_ = limit_ns;
  Resume();
  for (;;) {
    TraceStop stop;
    UNLEAK_RETURN_IF_ERROR(WaitForStop(&stop));
    UNLEAK_ASSIGN(Next next, Handle(stop));
    if (next == Next::kDone) return DrainLast();
    Resume();
  }
}

void Sandbox::Resume() { ptrace(PTRACE_SYSEMU, clone_.tid(), 0, 0); }

// Waits for the clone to stop; hands on what it writes meanwhile, and interrupts it if it seems to hang.
Status Sandbox::WaitForStop(TraceStop* stop) {
  u64 nap = kFirstNapNs;
  for (u64 idle = 0;;) {
    bool ended = false;
    if (auto got = PollStop(clone_.tid(), &ended)) {
      *stop = *got;
      return Status::Ok();
    }
    if (ended) {
      clone_.Lost();
      return Status(Code::kCorrupt, "the copy of the process ended in the middle of the walk (killed from outside, or out of memory)",
                    "try again, or add --copy: its memory is copied while it stands still, instead");
    }
    u64 before = taken_;
    UNLEAK_RETURN_IF_ERROR(Drain());
    idle = taken_ == before ? idle + 1 : 0;
    nap = idle ? std::min(nap * 2, kLongestNapNs) : kSlotNapNs;
    SleepNs(nap);
    if (guard_) UNLEAK_RETURN_IF_ERROR(guard_());
    if (TooLate())
      return Status(Code::kExhausted, "the walk took longer than its time limit",
                    "try again when the machine is less busy, or add --copy: its memory is copied while it stands still, instead");
    if (idle > kIdleNaps && !interrupted_ && SeemsToHang()) {
      interrupted_ = true;
      Interrupt(clone_.tid());
    }
  }
}

// At the limit; a clone that waited for a CPU most of the time gets up to kStarvedFactor times as long.
bool Sandbox::TooLate() const {
  u64 life = NowNs() - started_ns_;
  if (life <= limit_ns_) return false;
  return life > kStarvedFactor * limit_ns_ || CpuTimeNs(clone_.tid()) > limit_ns_ / 4;
}

bool Sandbox::SeemsToHang() {
  const unleak_context& c = *image_.context();
  u64 progress = Shared(c.nodes) + Shared(c.written) * UNLEAK_SLOT_BYTES + reinterpret_cast<const volatile u64&>(c.out);
  u64 now = NowNs();
  if (progress != progress_) {
    progress_ = progress;
    quiet_since_ns_ = now;
    quiet_cpu_ms_ = CpuTimeNs(clone_.tid()) / kMillisecond;
    return false;
  }
  u64 quiet = now - quiet_since_ns_;
  if (quiet < kHangNs) return false;
  u64 cpu = CpuTimeNs(clone_.tid()) / kMillisecond - quiet_cpu_ms_;
  return cpu * kMillisecond >= kHangNs / 2 || ProcessState(clone_.tid()) == 'S' || quiet > 20 * kHangNs;
}

Status Sandbox::HandleHang() {
  image_.context()->request = UNLEAK_REQUEST_HANG;
  if (++hangs_ > kMostHangs) return Status(Code::kExhausted, "too many types of the process hang when they are walked", "use the reader");
  quiet_since_ns_ = NowNs();
  return Recover("hang");
}

Result<Sandbox::Next> Sandbox::Handle(const TraceStop& stop) {
  int signal = stop.signal();
  bool interrupted = std::exchange(interrupted_, false);
  Status status;
  if (stop.event()) status = interrupted ? HandleHang() : Status::Ok();
  else if (stop.system_call()) status = HandleSystemCall();
  else if (signal == SIGTRAP && image_.context()->request != UNLEAK_REQUEST_NONE) return HandleRequest();
  else if (IsFault(signal)) status = HandleFault(signal);  // other signals are nothing to the clone
  if (!status.ok()) return status;
  return Next::kRun;
}

Result<Sandbox::Next> Sandbox::HandleRequest() {
  unleak_context& c = *image_.context();
  switch (Shared(c.request)) {
    case UNLEAK_REQUEST_DONE: return Next::kDone;
    case UNLEAK_REQUEST_ROOM:
      c.request = UNLEAK_REQUEST_NONE;
      UNLEAK_RETURN_IF_ERROR(Drain());
      return Next::kRun;
    case UNLEAK_REQUEST_TYPES: return Status(Code::kExhausted, "the process has more types than the walker can hold", "use the reader");
    default: return Status(Code::kCorrupt, "the walker asked for something that does not exist: its memory was written over");
  }
}

Status Sandbox::HandleSystemCall() {
  arch::Registers r;
  if (!arch::GetRegisters(clone_.tid(), &r)) return Status::Ok();
  if (!IsHarmless(r.orig_rax)) return Recover("system call " + std::to_string(r.orig_rax));
  long result = clone_.SystemCall(r.orig_rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9);
  r.orig_rax = ~0ull;
  r.rax = static_cast<u64>(result);
  arch::SetRegisters(clone_.tid(), r);
  ++system_calls_;
  return Status::Ok();
}

Status Sandbox::HandleFault(int signal) {
  arch::Registers r;
  if (!arch::GetRegisters(clone_.tid(), &r)) return Status::Ok();
  if (r.rip == image_.probe() && signal != SIGTRAP) {
    r.rax = 0;
    r.rip = image_.probe_end();
    r.orig_rax = ~0ull;
    arch::SetRegisters(clone_.tid(), r);
    return Status::Ok();
  }
  const char* name = sigabbrev_np(signal);
  return Recover((name ? std::string("SIG") + name : "signal " + std::to_string(signal)) +
                 (image_.InCode(r.rip) ? " in the walker" : ""));
}

// Sends the walker back to its recovery point; it marks the object at hand.
Status Sandbox::Recover(const std::string& cause) {
  if (causes_.size() < kMostCauses) ++causes_[cause + " at " + CurrentType()];
  const unleak_context& c = *image_.context();
  if (++faults_ > kMostFaults || !c.recovery[1])
    return Status(Code::kExhausted, "too many objects of the process fault when they are walked", "use the reader");
  arch::Registers r;
  if (!arch::GetRegisters(clone_.tid(), &r)) return Status::Ok();
  r = arch::ForCall(r, c.recovery[1], r.rdi, c.recovery[2]);
  r.rbp = c.recovery[0];
  arch::SetRegisters(clone_.tid(), r);
  return Status::Ok();
}

std::string Sandbox::CurrentType() const {
  const unleak_context& c = *image_.context();
  unleak_type_entry type;
  if (c.object && clone_.memory().Read(c.object_type, &type, sizeof type)) {
    std::string name = clone_.memory().CString(clone_.memory().Word(type.address + static_cast<u64>(layout_.type.name)), 64);
    for (char& letter : name)
      if (static_cast<unsigned char>(letter) < ' ') letter = '?';
    if (!name.empty()) return name;
  }
  return c.phase == UNLEAK_PHASE_LISTS ? "a list of the collector" : "a root";
}

std::vector<std::string> Sandbox::Causes() const {
  std::vector<std::string> causes;
  for (const auto& [cause, count] : causes_) causes.push_back(cause + ": " + std::to_string(count));
  return causes;
}

// Takes all slots that are finished. The counters are the clone's to write, so nothing in them is believed.
Status Sandbox::Drain() {
  unleak_context& c = *image_.context();
  for (u64 written = Shared(c.written); taken_ != written; written = Shared(c.written)) {
    u64 count = Shared(c.slot_words[taken_ % UNLEAK_RING_SLOTS]);
    if (written - taken_ > UNLEAK_RING_SLOTS || count > kSlotWords)
      return Status(Code::kCorrupt, "the ring of the walker makes no sense: its memory was written over", "use the reader");
    std::atomic_thread_fence(std::memory_order_acquire);
    sink_.Words(image_.Slot(taken_), count);
    words_ += count;
    c.drained = ++taken_;
  }
  return Status::Ok();
}

// The slot that was being filled when the walk ended.
Status Sandbox::DrainLast() {
  UNLEAK_RETURN_IF_ERROR(Drain());
  const unleak_context& c = *image_.context();
  u64 bytes = c.out - (c.ring + taken_ % UNLEAK_RING_SLOTS * UNLEAK_SLOT_BYTES);
  if (bytes > UNLEAK_SLOT_BYTES) return Status(Code::kCorrupt, "the ring of the walker makes no sense: its memory was written over");
  sink_.Words(image_.Slot(taken_), bytes / 8);
  words_ += bytes / 8;
  return Status::Ok();
}

}  // namespace unleak::capture
