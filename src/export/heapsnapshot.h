// V8's .heapsnapshot: opens in Chrome DevTools (Memory, Load) and memlab.
//
// Retained sizes there are ours: edges that hold nothing (conservative ones, to the own type) are written as weak, and what
// starts a path hangs below one node a kind of root. Losses: edge classes, populations and counts are not shown.
// Format as of V8's heap-snapshot-generator.cc, version 12.
#pragma once

#include <string>

#include "base/status.h"
#include "graph/heap.h"

namespace unleak::exporting {

// The objects are nodes kHeapSnapshotFirstObject, ... of the export, in the order of the look.
inline constexpr u32 kHeapSnapshotFirstObject = 12;

Status WriteHeapSnapshot(const graph::Heap& heap, const std::string& path);

}  // namespace unleak::exporting
