// Who may have made the blocks that no object owns: words in them that point into the image of a program or library.
// A C++ object starts with the address of its class's table, a C structure often holds functions or constants of the
// library that filled it in.
//
// Of a size with many blocks a sample is looked at, and counts are estimates. Not thread safe.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "capture/maps.h"
#include "snapshot/columns.h"

namespace unleak::capture {

class LedgerPointers {
 public:
  explicit LedgerPointers(const std::vector<Mapping>& maps);

  // A used block of size class `size_class` at `address` that starts with these bytes.
  void Add(u64 size_class, u64 address, const u8* content, u64 bytes);

  // Rows of allocator `malloc`, most told first within a size: files, and the addresses that are met most.
  void Fill(snapshot::Columns* columns) const;

 private:
  struct Image {
    u64 start, end;
    u32 file;  // index into files_
  };
  struct Target {
    u32 file = 0;
    u64 blocks = 0;
  };
  struct Size {
    u64 seen = 0;
    std::unordered_map<u64, Target> targets;
    std::unordered_map<u32, u64> files;
  };
  const Image* Find(u64 word) const;

  std::vector<Image> images_;  // ascending
  std::vector<std::string> files_;
  std::unordered_map<u64, Size> sizes_;
  u64 targets_ = 0;
};

}  // namespace unleak::capture
