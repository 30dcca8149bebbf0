// The invariants of snapshot/columns.h, checked.
#pragma once

#include "base/status.h"
#include "snapshot/columns.h"

namespace unleak::snapshot {

// Ok if every index of `columns` points into its table and every ordering and range that columns.h states holds; else
// kCorrupt with the first breach: "edge.target row 17: 900 is not a node". After it passed, no index of the columns needs another
// check. Linear in the size of the columns; allocates one byte a type.
Status Validate(const Columns& columns);

}  // namespace unleak::snapshot
