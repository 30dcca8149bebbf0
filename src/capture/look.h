// Steps of Look() (capture.h) that are of use alone.
#pragma once

#include <string>
#include <vector>

#include "capture/inspect.h"
#include "capture/proc_memory.h"
#include "capture/twin.h"
#include "snapshot/columns.h"

namespace unleak::capture {

// What /proc says of the threads of `columns`: native id in our namespace, name, CPU time. Their idents are read
// already. Where Python does not keep the native id (3.9, 3.10) it is read from glibc's thread descriptor in `memory`.
void DescribeThreads(u32 pid, const std::string& proc_root, Memory& memory, snapshot::Columns* columns);

// The layout of the Python that was found; kUnsupported if it is not known.
Result<const unleak_layout*> LayoutOf(u32 python_hex, bool free_threaded);

// Marks the thread that holds the GIL; 0 = nobody.
void MarkGilHolder(const std::vector<u64>& thread_states, u64 holder, snapshot::Columns* columns);

void AddMaps(const std::vector<Mapping>& maps, snapshot::Columns* columns);

// CPU time of all threads of the process so far, ns; 0 if it cannot be had.
u64 ProcessCpu(u32 pid);

// Meta fields, memory maps and notes from what was found before and during the walk.
void DescribeProcess(const Inspected& inspected, const TwinFacts& facts, const Options& options, snapshot::Columns* columns);

}  // namespace unleak::capture
