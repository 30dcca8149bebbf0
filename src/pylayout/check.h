// Is the table that was chosen the right one for this very process? Layouts of patched builds and of versions that are
// not known yet differ; nothing may be guessed from a wrong table.
#pragma once

#include "base/status.h"
#include "base/types.h"
#include "pylayout/fields.h"
#include "pylayout/layout.h"

namespace unleak::pylayout {

// Checks the table against the process whose _PyRuntime lies at `runtime`: debug offsets (3.13+: cookie, version,
// free-threaded and the offsets that they give), then invariants of the structs themselves: circular lists of the
// collector, type of type is type, thread states that point back to their interpreter. kUnsupported names the field, what
// the table says and what was seen; kCorrupt when the interpreter is not there (not started yet or already finished).
Status CheckLayout(const unleak_layout& layout, const ReadMemory& read, u64 runtime);

}  // namespace unleak::pylayout
