// Which pages of a process are in memory: allocated is not resident, and a buffer that nobody touched costs nothing.
//
// From /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bit 62 swapped) and, for what only
// the kernel's own sums can tell, /proc/PID/smaps. All sizes are bytes. Not thread safe while it is loaded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "capture/maps.h"

namespace unleak::capture {

// One mapping with the sums of smaps.
struct MapUse {
  Mapping map;
  u64 resident = 0, anonymous = 0, huge = 0, swapped = 0;
};

// Parses the text of an smaps file; lines that make no sense are left out.
std::vector<MapUse> ParseSmaps(std::string_view text);
// Empty if it cannot be read.
std::vector<MapUse> ReadSmaps(u32 pid, const std::string& proc_root);

class Residency {
 public:
  // Reads the page table entries of the readable and writable private mappings. False: they cannot be read. Of more
  // than 64 GiB of address space the rest is left out (`incomplete`).
  bool Load(u32 pid, const std::vector<Mapping>& maps, const std::string& proc_root);

  // Bytes of [from, to) that are in memory; what Load() has not read has none. Constant time inside one mapping.
  u64 ResidentBytes(u64 from, u64 to) const;
  bool IsResident(u64 address) const { return ResidentBytes(address, address + 1) != 0; }
  u64 swapped_bytes() const { return swapped_; }
  bool incomplete() const { return incomplete_; }
  bool loaded() const { return loaded_; }

 private:
  struct Area {
    u64 start, end;
    std::vector<u64> bits;    // one a page
    std::vector<u64> before;  // set bits in earlier words
  };
  static constexpr u64 kPage = 4096;
  static constexpr u64 kMostPages = (u64{64} << 30) / kPage;

  static u64 PagesBefore(const Area& area, u64 page);
  static u64 BytesIn(const Area& area, u64 from, u64 to);
  bool LoadArea(int pagemap, const Mapping& map);

  std::vector<Area> areas_;  // ascending
  u64 swapped_ = 0;
  bool incomplete_ = false, loaded_ = false;
};

}  // namespace unleak::capture
