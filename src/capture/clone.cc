#include "capture/clone.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr long kCloseRange = 436, kRseq = 334;  // system calls that older headers lack
// Behind the program, but not so far that on a busy machine the copy (and with it the cost of copy-on-write) lives long.
constexpr int kNice = 10;
constexpr u64 kUnregister = 1;                  // RSEQ_FLAG_UNREGISTER
constexpr auto kGetRseq = static_cast<__ptrace_request>(0x420f);

struct RseqConfiguration {  // struct ptrace_rseq_configuration
  u64 area = 0;
  u32 size = 0, signature = 0, flags = 0, padding = 0;
};

}  // namespace

ClonedProcess::ClonedProcess(const CloneCall& call, u64 syscall_instruction)
    : tid_(call.tid),
      pid_in_target_(call.pid_in_target),
      syscall_instruction_(syscall_instruction),
      memory_(static_cast<u32>(call.tid)) {
  // While the target still stands: from its first write on, memory may run short.
  std::ofstream("/proc/" + std::to_string(tid_) + "/oom_score_adj") << 1000;
}

Status ClonedProcess::MakeHarmless() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(tid_), kNice);
  // The kernel writes to the area on return to user mode, and we run on the TLS block it may lie in.
  RseqConfiguration rseq;
  if (ptrace(kGetRseq, tid_, sizeof rseq, &rseq) > 0 && rseq.area)
    SystemCall(kRseq, rseq.area, rseq.size, kUnregister, rseq.signature);
  UNLEAK_ASSIGN(maps_, ReadMaps(static_cast<u32>(tid_)));
  UNLEAK_RETURN_IF_ERROR(ProtectSharedMemory());
  // No pipe or socket is held open by it; locks of the target's files are not touched (they belong to the target's own
  // table, or to descriptions that the target still holds).
  SystemCall(kCloseRange, 0, ~0u, 0);
  return Status::Ok();
}

Status ClonedProcess::ProtectSharedMemory() {
  for (const Mapping& m : maps_) {
    if (!m.shared || !m.writable) continue;
    u64 protection = (m.readable ? PROT_READ : PROT_NONE) | (m.executable ? PROT_EXEC : 0);
    if (long error = SystemCall(SYS_mprotect, m.start, m.end - m.start, protection))
      return Status(Code::kCorrupt, "the copy of the process keeps a writable shared mapping at " + std::to_string(m.start) +
                                        " (" + m.path + "), error " + std::to_string(-error),
                    "add --copy: its memory is copied while it stands still, instead");
  }
  return Status::Ok();
}

long ClonedProcess::SystemCall(u64 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  arch::Registers r;
  if (!alive() || !arch::GetRegisters(tid_, &r)) return -ESRCH;
  arch::SetRegisters(tid_, arch::ForSystemCall(r, syscall_instruction_, number, a0, a1, a2, a3, a4, a5));
  for (;;) {
    ptrace(PTRACE_SINGLESTEP, tid_, 0, 0);
    auto stop = WaitStop(tid_);
    if (!stop || !arch::GetRegisters(tid_, &r)) return -ESRCH;
    if (r.rip != syscall_instruction_) return static_cast<long>(r.rax);
  }
}

u64 ClonedProcess::Map(u64 bytes, int protection, int flags, long file) {
  long address = SystemCall(SYS_mmap, 0, bytes, static_cast<u64>(protection), static_cast<u64>(flags), static_cast<u64>(file), 0);
  return address < 0 ? 0 : static_cast<u64>(address);
}

void ClonedProcess::Kill() {
  if (!alive()) return;
  kill(tid_, SIGKILL);
  int status;
  while (waitpid(tid_, &status, __WALL) < 0 && errno == EINTR) {}
  Lost();
}

}  // namespace unleak::capture
