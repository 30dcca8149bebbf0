// Memory of a process as everything here reads it: batches of pieces, of the target, its frozen clone, a core file or
// a test.
//
// Thread safety: none shared; each object is used by one thread. A read never faults the target: pages that are not
// there make the request fail. All sizes are bytes.
#pragma once

#include <span>
#include <string>

#include "base/types.h"

namespace unleak::capture {

struct ReadRequest {
  u64 address = 0;
  void* buffer = nullptr;
  u64 size = 0;
  bool ok = false;  // out: all of it was read
};

class Memory {
 public:
  virtual ~Memory() = default;
  // Reads all requests, in as few system calls as possible; sets `ok` of each.
  virtual void ReadMany(std::span<ReadRequest> requests) = 0;

  bool Read(u64 address, void* buffer, u64 size);
  // 0 if it cannot be read.
  u64 Word(u64 address);
  u32 Word32(u64 address);
  // Text up to a NUL byte, at most `limit` bytes; "" if it cannot be read.
  std::string CString(u64 address, u64 limit);
};

// process_vm_readv(2). Needs ptrace permission on `pid`. Copies are cheap: it holds the pid alone.
class RemoteMemory final : public Memory {
 public:
  explicit RemoteMemory(u32 pid) : pid_(pid) {}
  u32 pid() const { return pid_; }
  void ReadMany(std::span<ReadRequest> requests) override;

  // Writes through page protections too (/proc/PID/mem; needs to be its tracer). All of it or false.
  bool Write(u64 address, const void* data, u64 size);

 private:
  u32 pid_;
};

// The memory of a clone, by /proc/PID/mem. Same permission.
//
// A clone shares its pages with the program until one of the two writes to them, and process_vm_readv(2) pins what it
// reads: since Linux 5.19 (mm/gup.c, gup_must_unshare) the kernel gives the clone a copy of every such page first. That
// is twice the time, and memory that the program's control group pays for. A read of the file pins nothing.
class CloneMemory final : public Memory {
 public:
  explicit CloneMemory(u32 pid);
  ~CloneMemory() override;
  CloneMemory(const CloneMemory&) = delete;
  CloneMemory& operator=(const CloneMemory&) = delete;
  void ReadMany(std::span<ReadRequest> requests) override;

 private:
  int file_;            // -1: cannot be opened
  RemoteMemory other_;  // is used then
};

}  // namespace unleak::capture
