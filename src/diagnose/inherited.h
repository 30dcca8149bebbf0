// What a forked process still has of its parent, and what it made itself.
//
// fork() copies the address space, so an object that both have at one address, of one type, is the parent's: told from
// two looks alone. An object that the process freed and whose room another one of the same type has taken counts as
// inherited.
#pragma once

#include <nlohmann/json.hpp>

#include "snapshot/columns.h"

namespace unleak::diagnose {

// {"shared": {"objects", "bytes"}, "added": {"objects", "bytes", "types": [{"type", "objects", "bytes"}...]}, "freed":
// {"objects", "bytes"}, "grown_bytes": n}: inherited; made by the child, at most `limit` types of it, most bytes first;
// of the parent and not of the child; bytes by which inherited objects (lists, dicts) are bigger in the child.
nlohmann::json Inherited(const snapshot::Columns& parent, const snapshot::Columns& child, size_t limit);

}  // namespace unleak::diagnose
