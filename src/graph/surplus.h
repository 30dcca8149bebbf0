// References that the snapshot does not explain: reference count minus counted edges and roots.
#pragma once

#include <vector>

#include "graph/heap.h"
#include "graph/view.h"

namespace unleak::graph {

// False for objects whose reference count says nothing: immortal ones, saturated counts, and before 3.12 everything in
// an ELF image (static types and singletons are referenced by C code and by borrowed fields, nobody counts those).
bool HasCount(const snapshot::Columns& columns, u32 node);

struct Surplus {
  std::vector<u32> node;  // ascending; those with a surplus or deficit
  std::vector<i64> value;
  Completeness completeness;
};

// `reverse` has all edges of `columns`.
Surplus FindSurplus(const snapshot::Columns& columns, const Reverse& reverse);

}  // namespace unleak::graph
