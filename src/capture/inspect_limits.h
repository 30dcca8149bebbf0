// What a clone of a process would cost, and what room there is for it.
#pragma once

#include <string>

#include "base/status.h"
#include "capture/capture.h"
#include "capture/proc_files.h"

namespace unleak::capture {

struct Room {
  u64 bytes = 0;          // that its control groups and the machine leave
  bool process = true;    // pids.max of its groups leaves one more process
};

// Control groups of version 2 and 1, each with all groups above it, and MemAvailable. Groups lie in /sys/fs/cgroup, or
// in "cgroup" of a folder of fixtures.
Room RoomFor(u32 pid, const std::string& proc_root);

// Time that the target would stand still in clone(2): page tables are copied, about 85 ms for the entries of a GiB of
// 4 KiB pages (measured 36 to 110), half a millisecond for the rest. Huge and shared pages cost next to nothing.
u64 EstimatePause(const ProcStatus& status);

// Pages that the walk itself writes (20 MiB) and a tenth of the anonymous memory, as the program goes on writing.
u64 EstimateExtra(const ProcStatus& status);

// Fills the estimates of `target`; kExhausted if one is over the limits of `options`.
Status CheckLimits(const ProcStatus& status, const Options& options, Target* target);

// The same for a copy that is taken while the target stands still (stopped_copy.h): of all its own memory, at 700 MiB a
// second (measured about 2,000 on one machine; others are slower), what is swapped out at 100 MiB.
u64 EstimateCopyPause(const ProcStatus& status);
Status CheckCopyLimits(const ProcStatus& status, const Options& options, Target* target);

}  // namespace unleak::capture
