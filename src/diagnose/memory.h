// The memory ledger of a look as the document and `unleak memory` tell it, and what is kept of it to judge growth.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "diagnose/names.h"
#include "snapshot/columns.h"

namespace unleak::diagnose {

// Used blocks of one size that no Python object owns.
struct NativeSize {
  u64 blocks = 0, bytes = 0;
  std::map<std::string, u64> files;                    // blocks that point into a file's image
  std::map<std::pair<std::string, u64>, u64> targets;  // blocks that point at an address of it
};

struct NativeSite {
  std::string library, function, file, python_function;
  u32 line = 0;
  u64 calls = 0;
  u64 sure = 0;  // of them: the line is certain
};

// What is kept of one look's ledger.
struct MemoryLook {
  bool measured = false;
  u64 resident = 0;
  u64 python_bytes = 0;   // allocated: blocks of the small-object allocator, and malloc's that belong to objects
  u64 native_bytes = 0;   // allocated: malloc's blocks that belong to no object
  u64 native_blocks = 0;
  u64 free_resident = 0;  // freed, but resident: of malloc and of the small-object allocator
  u64 returnable = 0;     // of it, what malloc_trim(0) would give back
  u64 other_resident = 0;  // anonymous memory that nothing explains, or of an allocator that is not decoded
  std::map<std::pair<snapshot::Allocator, u64>, NativeSize> sizes;  // by bytes of a block
  std::map<std::pair<snapshot::Allocator, u64>, std::vector<NativeSite>> sites;
};

MemoryLook FoldMemory(const snapshot::Columns& columns);

// The document's "memory"; null if the look has no ledger. Amounts are bytes; the ledger's parts do not overlap, and with
// "unexplained" they add up to "rss".
Json MemoryDocument(const snapshot::Columns& columns);

// The same with the heaps, the sizes of native blocks, and what keeps nearly empty arenas from being given back; at most
// `limit` rows each. Without a ledger an object that says so.
Json MemoryListing(const snapshot::Columns& columns, size_t limit);

}  // namespace unleak::diagnose
