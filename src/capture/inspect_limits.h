// What a clone of a process would cost, and what room there is for it.
#pragma once

#include <string>

#include "base/status.h"
#include "capture/capture.h"
#include "capture/proc_files.h"

namespace unleak::capture {

struct Room {
  u64 bytes = 0;          // that its control groups and the machine leave
  bool process = true;    // pids.max of its groups leaves one more process, and some for the program itself meanwhile
  std::string pids_file;  // of the group that does not: its pids.max
  u64 pids_limit = 0;
};

// Control groups of version 2 and 1, each with all groups above it, and MemAvailable. Groups lie in /sys/fs/cgroup, or
// in "cgroup" of a folder of fixtures.
Room RoomFor(u32 pid, const std::string& proc_root);

// Time that the target would stand still in clone(2): page tables are copied, about 85 ms for the entries of a GiB of
// 4 KiB pages (measured 36 to 110), half a millisecond for the rest. Huge and shared pages cost next to nothing. Where no
// thread holds the GIL all of them are stopped, 0.03 ms each.
u64 EstimatePause(const ProcStatus& status);

// Pages that the walk itself writes (20 MiB), and those that the program writes while the clone lives: that is 0.1 s and
// 3 s a GiB, in which a busy CPU writes to up to 1 GiB; never less than a tenth of the anonymous memory, never more than
// all of it. `busy` is the number of CPUs that the program keeps busy.
u64 EstimateExtra(const ProcStatus& status, double busy);

// CPUs that the process uses now: measured over 20 ms, in which it is not touched. 0 if that cannot be told.
double BusyCpus(u32 pid);

// Fills the estimates of `target`; kExhausted if one is over the limits of `options`.
Status CheckLimits(const ProcStatus& status, const Options& options, double busy, Target* target);

// Why a process is copied while it stands still instead of being cloned.
struct CopyReason {
  std::string why;   // "runs under a seccomp filter"
  std::string mend;  // what else would help
};

// The same as CheckLimits() for such a copy (stopped_copy.h): of all its own memory, at 700 MiB a second (measured about
// 2,000 on one machine; others are slower), what is swapped out at 100 MiB. The copy takes our memory, not the target's.
u64 EstimateCopyPause(const ProcStatus& status);
Status CheckCopyLimits(const ProcStatus& status, const Options& options, const CopyReason& reason, Target* target);

}  // namespace unleak::capture
