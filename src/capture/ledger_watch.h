// Who calls the allocators while the program runs: for some milliseconds the kernel tells of calls of malloc, calloc,
// realloc and of Python's small-object allocator, with the caller's registers and the top of its stack. Where a heap
// grew meanwhile, or a big block was written further, it then tells who writes to the next edge (growth_edges.h): those
// of blocks that were there before have the size 0.
//
// By perf_event_open(2) with hardware breakpoints on the functions' first instruction: nothing in the process is
// changed, no thread is stopped, and the kernel takes the events away when this process ends, however it does. A call
// that is told costs the thread some microseconds; their number is bounded by PERF_EVENT_IOC_REFRESH, after which the
// event is off. Needs kernel.perf_event_paranoid <= 2 or CAP_PERFMON, and free debug registers: without them nothing is
// seen, and that is no error.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "capture/maps.h"
#include "snapshot/columns.h"

struct unleak_layout;

namespace unleak::capture {

struct WatchInput {
  u32 pid;
  const unleak_layout& layout;
  const std::string& proc_root;
};

// Watches for at most three fifths of a second, a fifth where nothing grows, and fills columns->memory_sites. Needs the code objects of the look. Call it
// when the process runs.
void WatchAllocations(const WatchInput& input, snapshot::Columns* columns);

}  // namespace unleak::capture
