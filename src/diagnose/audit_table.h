// `unleak audit`: every type's reference counts in one look, against the references that the look shows.
//
// {"facts": ..., "rows": [...], "objects": [...]}: facts of the whole look, types with references that nothing
// explains or that lack counts (those with the largest surplus first), and the single objects with the largest surplus,
// each with who else refers to it. A surplus in one look is no leak yet: native code may hold it for good. A deficit
// is incomplete knowledge of ours, never a leak.
#pragma once

#include "diagnose/names.h"
#include "graph/heap.h"

namespace unleak::diagnose {

// At most `limit` types and objects each; `left_out` says how many types more there are.
Json AuditTable(const graph::Heap& heap, size_t limit);

}  // namespace unleak::diagnose
