// A clone of the target: a process with a copy of its memory and one stopped thread, which is ours alone.
//
// It runs nothing but what we let it: every system call it makes for us is injected, and traced code runs under
// PTRACE_SYSEMU. It dies with this process (PTRACE_O_EXITKILL) and with this object.
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "capture/arch/x86_64/registers.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/window.h"

namespace unleak::capture {

class ClonedProcess {
 public:
  // Takes over a clone that CloneInWindow made, and makes it the first to be killed when memory is short. `syscall_instruction`: any `syscall` in its memory.
  ClonedProcess(const CloneCall& call, u64 syscall_instruction);
  ~ClonedProcess() { Kill(); }
  ClonedProcess(const ClonedProcess&) = delete;
  ClonedProcess& operator=(const ClonedProcess&) = delete;

  int tid() const { return tid_; }
  long pid_in_target() const { return pid_in_target_; }
  RemoteMemory memory() const { return memory_; }  // a handle of it

  // Puts it behind others for a CPU; writable memory that it shares with others is
  // made read-only, the restartable sequence area of its thread is given up, all files are closed.
  // kCorrupt if it cannot be made harmless.
  Status MakeHarmless();
  // Its mappings, as they were before anything was mapped for us.
  const std::vector<Mapping>& maps() const { return maps_; }

  // A system call; negative errno on failure. Registers are those of the call afterwards.
  long SystemCall(u64 number, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0);
  // Zeroed private memory, or memory of `file` (of the clone) shared with whoever maps it; 0 if refused.
  u64 Map(u64 bytes, int protection, int flags, long file = -1);

  // Kills it and waits until it is gone (the target has still to reap it).
  void Kill();
  bool alive() const { return tid_ > 0; }
  // The wait for it said that it ended by itself.
  void Lost() { tid_ = 0; }

 private:
  Status ProtectSharedMemory();

  int tid_;
  const long pid_in_target_;
  const u64 syscall_instruction_;
  RemoteMemory memory_;
  std::vector<Mapping> maps_;
};

}  // namespace unleak::capture
