// A copy of the writable memory of a process that stands still, to be read when it runs again.
//
// Copied are the pages of private writable mappings that are there (/proc/PID/pagemap). Anonymous pages that are not
// there are zero, as they would be in the process. Everything else that is read (code, constants, pages of files that
// nobody has written to, shared memory) is read from the running process. Not thread safe.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

class MemoryCopy final : public Memory {
 public:
  explicit MemoryCopy(u32 pid) : pid_(pid), live_(pid) {}
  ~MemoryCopy() override { Free(); }
  MemoryCopy(const MemoryCopy&) = delete;
  MemoryCopy& operator=(const MemoryCopy&) = delete;

  // Makes room before the stop, so that none has to be made during it. kExhausted if there is none.
  Status Reserve(const std::vector<Mapping>& maps);
  // Copies while the process stands still. kExhausted: not done at `deadline_ns` (CLOCK_MONOTONIC), or it has grown out
  // of the room since Reserve(); kPermission: its page table cannot be read.
  Status Take(const std::vector<Mapping>& maps, u64 deadline_ns);
  u64 bytes() const { return used_; }

  void ReadMany(std::span<ReadRequest> requests) override;

 private:
  struct Run {  // pages next to each other that were copied
    u64 start, end;
    u64 at;  // offset into room_
  };
  struct Area {  // of zeros, where no run is
    u64 start, end;
  };

  Status FindRuns(int pagemap, const Mapping& mapping);
  Status CopyRuns(u64 deadline_ns);
  void ReadOne(ReadRequest* request);
  void Free();

  const u32 pid_;
  RemoteMemory live_;
  u8* room_ = nullptr;
  u64 room_bytes_ = 0, used_ = 0;
  std::vector<Run> runs_;    // ascending
  std::vector<Area> areas_;  // ascending
};

}  // namespace unleak::capture
