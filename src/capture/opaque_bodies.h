// References that a collected type keeps in its body and does not tell the collector of: a traverse of a C type may
// leave members out on purpose (they can be in no cycle, its author thought) or by mistake.
//
// Where pylayout knows the type, its traverse is known to be complete. Of all others some bodies are compared with what
// traverse reported; if there is more in one, all of that type are looked at. What is found are conservative edges, of
// objects whose count counted references do not explain; their sources are marked snapshot::kOpaque. Weak references to
// the object itself are left out. Types that take no part in collection were scanned by the walk already, but for those
// of which pylayout knows some members: numpy.ndarray, which holds its allocator's capsule too.
#pragma once

#include "capture/native_roots.h"

namespace unleak::capture {

// `columns` must be complete but for conservative roots of native memory. Uses layout, memory and index of `input`.
void AddOpaqueEdges(const NativeInput& input, snapshot::Columns* columns);

}  // namespace unleak::capture
