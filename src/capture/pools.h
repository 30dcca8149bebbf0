// Objects that nobody reaches: no list of the collector has them, no object refers to them. The pools of the
// small-object allocator (capture/pymalloc.h), or a free-threaded build's pages (capture/mimalloc_heap.h), show them: an
// allocated block that no known object owns, and that has the header of an object of a known type.
//
// What counts as one: a positive reference count of a plausible size, the type of an object or class that the walk
// has met, a body that fits the block's size, and for collected types a header that says "not tracked". Blocks of free
// lists have a count of 0, the list's link in its place, or no type any more; what C code allocates for itself does not fit one of these. Objects of
// more than 512 bytes are in no pool; they are found where an orphan refers to them (a free-threaded build's pages have all sizes).
//
// Not thread safe.
#pragma once

#include <array>
#include <vector>

#include "capture/assemble.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/pymalloc.h"
#include "pylayout/layout.h"

namespace unleak::capture {

struct OrphanFacts {
  u64 orphans = 0;  // objects added
  u64 reusable = 0;  // freed objects in free lists of their types
  u64 unowned = 0;   // allocated blocks that no object owns, orphans and reusable ones left out: C code's
  u64 unowned_bytes = 0;
  u64 pools = 0, blocks = 0;  // used pools (free-threaded: pages of all heaps), allocated blocks
  std::array<u64, 512 / 16 + 1> unowned_of_size{};  // the unowned ones, by bytes / 16
  PymallocHeap heap;          // without its arenas; free-threaded: empty
  bool complete = true;       // all memory that may have pools was searched
};

// After the walk, before Assembler::Build(): adds the orphans, and what only they lead to, to `assembler`. `types` are
// those of the stream; types that only orphans have are appended.
OrphanFacts AddOrphans(const unleak_layout& layout, u32 hex, Memory& memory, const std::vector<Mapping>& maps,
                       Assembler* assembler, std::vector<unleak_type_entry>* types);

}  // namespace unleak::capture
