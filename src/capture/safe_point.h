// Finds a good moment to stop the target at. In order of preference:
//   safe      the thread that holds the GIL reads its eval breaker (loop back edges, function entry): a collection may
//             run there, so every tp_traverse is legal there. Only that thread is stopped; the others cannot get the GIL.
//             Where interpreters have GILs of their own, the other GILs are free, and all threads are stopped.
//   gil-free  nobody holds the GIL; all threads are stopped.
//   blind     C code holds the GIL for longer than the wait, or two GILs are never seen at rest: all threads are stopped
//             wherever they are. What is being changed at that moment may be half changed. Free-threaded builds have only
//             this one.
// A collection in progress is waited out in all three, as long as the wait lasts.
//
// The watch on the eval breaker is a perf event that notifies by SIGURG, not a debug register of ptrace: it goes away
// with this process, and the signal that it may leave behind is ignored by default.
#pragma once

#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "capture/gil_state.h"
#include "pylayout/layout.h"
#include "snapshot/columns.h"

namespace unleak::capture {

// Kernel thread id, in our namespace, of a PyThreadState; 0 if it cannot be found.
int ThreadOf(u32 pid, const unleak_layout& layout, u64 thread_state);

struct StopPoint {
  snapshot::Stop kind = snapshot::Stop::kNone;
  std::vector<int> tids;     // attached and in an event stop; the caller detaches them
  GilState gil;
  u64 stopped_at_ns = 0;     // CLOCK_MONOTONIC: since when the target stands still
  u64 longest_pause_ns = 0;  // of earlier attempts that came to nothing
  u64 total_pause_ns = 0;    // of these
};

// kPermission: may not be traced; kBusy: somebody else traces it; kNotFound: it ended.
Result<StopPoint> FindStopPoint(u32 pid, const unleak_layout& layout, u64 runtime, u64 wait_ns);

}  // namespace unleak::capture
