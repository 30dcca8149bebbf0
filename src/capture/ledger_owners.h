// Which stretches of memory outside of the small-object allocator belong to Python objects.
#pragma once

#include <utility>
#include <vector>

#include "base/types.h"
#include "capture/pymalloc.h"
#include "snapshot/columns.h"

namespace unleak::capture {

using Ranges = std::vector<std::pair<u64, u64>>;  // start and end, ascending, without overlap

// The arenas of the small-object allocator, and pools that lie in none of them.
Ranges PymallocRanges(const PymallocHeap& heap);

// True if `address` lies in one of `ranges`.
bool Inside(const Ranges& ranges, u64 address);

class LedgerOwners {
 public:
  // Objects and the blocks they own. Blocks that the small-object allocator has (`pymalloc`) are left out; what lies
  // in its arenas is not asked for.
  LedgerOwners(const snapshot::Columns& columns, const Ranges& pymalloc);

  // Does an object, or a block of one, start in [from, to)?
  bool Owns(u64 from, u64 to) const;

 private:
  std::vector<u64> addresses_;  // ascending
};

}  // namespace unleak::capture
