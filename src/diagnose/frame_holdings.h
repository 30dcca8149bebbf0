// What the variables of one running frame keep alive together. Where two lists of a frame have the same elements,
// neither dominates them: only the sum says what goes with the frame.
#pragma once

#include <vector>

#include "diagnose/names.h"
#include "graph/heap.h"

namespace unleak::diagnose {

struct FrameHolding {
  u32 frame = kNone;           // index into columns.frames
  u64 bytes = 0, objects = 0;  // that only this frame's variables keep alive
  std::vector<TypeCount> types;  // of those objects, as CountTypes
  std::vector<u32>
      roots;  // its variables that lead to a tenth of that or more (indices into columns.roots), most first
};

// Frames whose variables keep at least `least` bytes alive together, most first. A thing that several frames of a
// thread have is the outermost one's. Objects shared by more than 64 others count for nobody.
std::vector<FrameHolding> FrameHoldings(const graph::Heap& heap, u64 least);

}  // namespace unleak::diagnose
