// Snapshot files: one look's columns on disk or through a descriptor. The format is described in docs/format.md.
//
// Reading trusts nothing: every size, checksum, index and invariant is checked, memory is bounded by a fixed multiple of
// the file's size, and an error names the file, the section and the byte offset. Functions are safe to call from any
// number of threads on different objects. No exception leaves them.
#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "snapshot/columns.h"

namespace unleak::snapshot {

enum class Encoding {
  kRaw,   // columns as they lie in memory, at multiples of 64: fastest, for a memory file between two processes
  kZstd,  // transformed and compressed: for disks
};

// Writes a file of mode 0600 that appears under `path` only when it is whole and on the disk. On failure nothing is
// under that name that was not there before; a kill leaves at most ".NAME.XXXXXX.part" beside it.
Status WriteFile(const Columns& columns, const std::string& path, Encoding encoding);

// Writes to a descriptor (file, memory file, pipe), from its present position, which must be the start. Borrows it.
Status WriteFd(const Columns& columns, int fd, Encoding encoding);

// The columns of a file. kNotFound, kPermission, kIo; kUnsupported for a newer format; kCorrupt for anything that is
// not a whole, valid snapshot; kExhausted when memory does not suffice.
Result<Columns> ReadFile(const std::string& path);

// The same from a descriptor: a regular or memory file is read from its first byte whatever its position is, a pipe to its
// end (at most 4 GiB). Borrows it.
Result<Columns> ReadFd(int fd);

// The same from memory; `name` is what errors call it.
Result<Columns> ReadBytes(std::span<const u8> bytes, const std::string& name);

}  // namespace unleak::snapshot
