// The objects that the collector of a free-threaded build knows, found in its allocator's pages. Its own visitor
// (PyUnstable_GC_VisitObjects) has no symbol in a stripped build, takes locks that a thread may have held when the
// process was copied, and leaves out the objects of other interpreters and those that gc.freeze() put aside.
//
// Source: gc_visit_heaps and op_from_block in Python/gc_free_threading.c of 3.13. Not thread safe; no signals, no ptrace.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "pylayout/layout.h"

namespace unleak::capture {

struct TrackedObjects {
  std::vector<u64> addresses;  // ascending
  bool complete = true;        // false: some pages could not be searched or made no sense
};

// `memory` must stand still meanwhile. kCorrupt: there are none.
Result<TrackedObjects> FindTrackedObjects(const struct unleak_layout& layout, Memory& memory,
                                          std::span<const Mapping> maps);

// For a person, if not complete.
inline constexpr char kIncompletePages[] = "not all pages of Python's allocator could be read: objects may be missing";

}  // namespace unleak::capture
