// Inspect() in steps, for Look(), which needs more of it than Target tells. See capture.h.
#pragma once

#include <optional>
#include <vector>

#include "capture/capture.h"
#include "capture/inspect_python.h"
#include "capture/proc_files.h"

namespace unleak::capture {

struct Inspected {
  Target target;
  ProcStatus status;
  ProcStat stat;
  std::vector<Mapping> maps;
  std::optional<PythonImage> python;
  bool by_copy = false;  // no clone may be made: look by ReadStoppedCopy() (stopped_copy.h)
};

Inspected InspectAll(u32 pid, const Options& options);

// May a process of user `uid` with these effective capabilities trace the target? Pure, so that every row of the table
// can be tested: `scope` is /proc/sys/kernel/yama/ptrace_scope (0 where there is no Yama), `descendant` says whether the
// target is a child, grandchild ... of the caller.
Status CheckPermission(const ProcStatus& target, u32 pid, u32 uid, u64 capabilities, u64 scope, bool descendant);

}  // namespace unleak::capture
