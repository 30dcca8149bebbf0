// Where native memory of a running process will grow next: at the end of each of malloc's heaps, from which a block is
// cut when no freed one fits, and at pages of big blocks that nothing has touched yet. Who writes there makes it grow,
// however rare that is among the calls of the allocator.
//
// Sources: glibc malloc/malloc.c (_int_malloc, "use_top": the size of the new chunk is written where that of the top
// was); Documentation/admin-guide/mm/pagemap.rst. The process runs: what is found may be gone a moment later, and
// whoever watches it sees nothing. Everything read is hostile; at most 4 GiB of address space are looked through.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "snapshot/columns.h"

namespace unleak::capture {

class GrowthEdges {
 public:
  // Finds them as they are now. The columns say where Python's own allocator has its arenas: those are left out.
  GrowthEdges(Memory& memory, u32 pid, const std::string& proc_root, const std::vector<Mapping>& maps,
              const snapshot::Columns& columns);

  // Places that hold the address of a heap's top, of the heaps whose top is further up now.
  std::vector<u64> GrownTops() const;
  // The size of the chunk that begins where the top was; 0 if there is none. `field` is from GrownTops().
  u64 CutFrom(u64 top, u64 field) const;
  // For each page that was touched since, the next one that is not: at most `most`.
  std::vector<u64> GrownPages(size_t most) const;
  // The first page from `page` on that is not in memory; 0 if that is not near.
  u64 NextPage(u64 page) const;

 private:
  struct Top {
    u64 field = 0, chunk = 0;
  };
  void FindPages(const Mapping& map);
  bool IsPython(u64 address) const;
  // One word a page from that address on; fewer at the end of the address space.
  std::vector<u64> Entries(u64 address, size_t pages) const;

  Memory& memory_;
  const std::vector<Mapping>& maps_;
  const UniqueFd pagemap_;
  std::vector<std::pair<u64, u64>> python_;  // start, end
  std::vector<Top> tops_;
  std::vector<u64> pages_;
  u64 looked_through_ = 0;  // pages
};

}  // namespace unleak::capture
