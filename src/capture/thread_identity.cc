#include "capture/thread_identity.h"

#include <sys/ptrace.h>

#include <algorithm>
#include <vector>

#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr u64 kTlsBytes = 8192;       // how far below the thread pointer the variable is looked for
constexpr u64 kCallLimitNs = 1'000'000'000;

// Runs the clone until it stops, whatever for; false if it does not.
bool RunUntilStop(int tid) {
  ptrace(PTRACE_SYSEMU, tid, 0, 0);
  bool interrupted = false, ended = false;
  for (u64 start = NowNs(); !ended;) {
    if (PollStop(tid, &ended)) return !interrupted;
    if (!interrupted && NowNs() - start > kCallLimitNs) {
      Interrupt(tid);
      interrupted = true;
    }
    SleepNs(10'000);
  }
  return false;
}

// 3.12+: the current thread state is a variable in the static TLS block. Where needs no symbol: with self-pointers
// all over the block below the thread pointer, the exported getter returns the address it reads.
bool SetThreadVariable(ClonedProcess& clone, u64 getter, u64 thread_pointer, u64 thread_state, u64 stack_top) {
  const Mapping* block = FindMapping(clone.maps(), thread_pointer);
  if (!block || !block->writable || !getter) return false;
  u64 low = std::max(thread_pointer - kTlsBytes, block->start) & ~7ull;
  std::vector<u64> saved((thread_pointer - low) / 8), pattern(saved.size());
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = low + i * 8;
  u64 bytes = saved.size() * 8, stack = stack_top - 72, nowhere = 0;
  RemoteMemory memory = clone.memory();
  if (saved.empty() || !memory.Read(low, saved.data(), bytes)) return false;
  arch::Registers before, after;
  arch::GetRegisters(clone.tid(), &before);
  bool called = memory.Write(low, pattern.data(), bytes) && memory.Write(stack, &nowhere, sizeof nowhere) &&
                arch::SetRegisters(clone.tid(), arch::ForCall(before, getter, 0, stack)) && RunUntilStop(clone.tid()) &&
                arch::GetRegisters(clone.tid(), &after);
  memory.Write(low, saved.data(), bytes);
  arch::SetRegisters(clone.tid(), before);
  // It returned to address 0, and what it returned is one of the places.
  if (!called || after.rip != 0 || after.rax < low || after.rax >= thread_pointer) return false;
  return memory.Write(after.rax, &thread_state, sizeof thread_state);
}

}  // namespace

bool StartAsThread(ClonedProcess& clone, const WalkerImage& image, const unleak_layout& layout,
                   const RuntimeAddresses& addresses, u64 thread_state) {
  arch::Registers r;
  if (!arch::GetRegisters(clone.tid(), &r)) return false;
  // A thread's first TLS word points to itself (x86-64 ABI), and pthread_t is its address (glibc, musl).
  u64 thread_pointer = clone.memory().Word(thread_state + static_cast<u64>(layout.thread.thread_id));
  bool known = thread_pointer && clone.memory().Word(thread_pointer) == thread_pointer;
  if (known) r.fs_base = thread_pointer;
  arch::SetRegisters(clone.tid(), arch::ForCall(r, image.start(), image.context_address(), image.stack_top() - 8));
  bool set = false;
  if (layout.runtime.tstate_current != -1) {
    set = clone.memory().Write(addresses.runtime + static_cast<u64>(layout.runtime.tstate_current), &thread_state, sizeof thread_state);
  } else if (known) {
    set = SetThreadVariable(clone, addresses.thread_state_getter, thread_pointer, thread_state, image.stack_top());
  }
  return set;
}

}  // namespace unleak::capture
