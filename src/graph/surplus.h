// References that the snapshot does not explain: reference count minus counted edges and roots.
//
// Conservative edges and roots are not counted. Where counted ones leave something over, they may explain it: an object
// is explained if its count is the counted references, or lies between these and these plus the conservative ones.
#pragma once

#include <vector>

#include "graph/heap.h"
#include "graph/view.h"

namespace unleak::graph {

// False for objects whose reference count says nothing: immortal ones, saturated counts, and before 3.12 everything in
// an ELF image (static types and singletons are referenced by C code and by borrowed fields, nobody counts those).
bool HasCount(const snapshot::Columns& columns, u32 node);

struct Surplus {
  std::vector<u32> node;      // ascending; those with a surplus or deficit
  std::vector<i64> value;     // count minus counted references
  std::vector<u32> possible;  // conservative edges and roots that lead to it
  Completeness completeness;
};

// `reverse` has all edges of `columns`.
Surplus FindSurplus(const snapshot::Columns& columns, const Reverse& reverse);

// What is left over after conservative references too, by type; most objects first. Deficits are not in it.
struct UnexplainedType {
  u32 type = 0;  // index into Columns::types
  u64 objects = 0, references = 0;
};
std::vector<UnexplainedType> UnexplainedByType(const Heap& heap);

}  // namespace unleak::graph
