// Big objects that running frames hold: what a bulk read looks like at a high of memory.
#pragma once

#include <vector>

#include "diagnose/look.h"

namespace unleak::diagnose {

inline constexpr u64 kLeastPeak = 32u << 20;  // bytes (DESIGN, "peak")

// Locals and arguments of running frames that keep at least kLeastPeak alive, biggest first, at most 8. Variables of one
// frame that share much (stages of a pipeline) are one holder, with what only they keep alive.
std::vector<PeakHolder> FindPeakHolders(const graph::Heap& heap);

}  // namespace unleak::diagnose
