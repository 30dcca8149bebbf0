// Where the bytes of an ELF image come from.
#pragma once

#include <memory>
#include <span>

#include "base/status.h"
#include "base/types.h"

namespace unleak::elf {

// Random access to bytes. Implementations are thread safe and never fault on a bad place.
class Source {
 public:
  virtual ~Source() = default;
  // Fills all of `out` from `offset` on, or returns false (then `out` is undefined).
  virtual bool ReadAt(u64 offset, std::span<u8> out) const = 0;
};

// A regular file, read with pread: nothing is read but what is asked for. Takes over `fd` and closes it.
// kUnsupported when `fd` is no regular file (a fifo or device could block or never end).
Result<std::shared_ptr<const Source>> SourceOfFile(int fd);

}  // namespace unleak::elf
