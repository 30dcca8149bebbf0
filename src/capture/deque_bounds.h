// The most entries that a deque may have (`maxlen`), which its body says and its length does not.
#pragma once

#include "capture/native_roots.h"

namespace unleak::capture {

// Adds the deques that have a maxlen to `columns->ints`, whose order stays by node. `columns` must have all nodes. Uses
// layout and memory of `input`.
void AddDequeBounds(const NativeInput& input, snapshot::Columns* columns);

}  // namespace unleak::capture
