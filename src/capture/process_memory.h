// Reads and writes memory of another process. Never trusts an address: a read of what is not mapped fails and
// changes nothing but the buffer. Thread safe (no state but the pid and a file descriptor).
#pragma once

#include <sys/uio.h>

#include <string>
#include <vector>

#include "base/types.h"

namespace unleak::capture {

class ProcessMemory {
 public:
  explicit ProcessMemory(u32 pid) : pid_(pid) {}
  u32 pid() const { return pid_; }

  // All of it or false.
  bool Read(u64 address, void* out, std::size_t bytes) const;
  // As much as is mapped from `address` on; returns the bytes read.
  std::size_t ReadSome(u64 address, void* out, std::size_t bytes) const;
  // The value there, or `fallback`.
  template <class T>
  T Get(u64 address, T fallback = T{}) const {
    T value;
    return Read(address, &value, sizeof value) ? value : fallback;
  }
  u64 Word(u64 address) const { return Get<u64>(address); }
  // A zero-terminated string of at most `limit` bytes; "" if it cannot be read.
  std::string String(u64 address, std::size_t limit = 256) const;

  // Many small reads in few system calls. `ok[i]` says if the i-th was read whole.
  struct Request {
    u64 address;
    void* out;
    std::size_t bytes;
  };
  void ReadMany(const std::vector<Request>& requests, std::vector<u8>* ok) const;

  // Writes through page protections too (/proc/PID/mem; needs ptrace rights). All of it or false.
  bool Write(u64 address, const void* data, std::size_t bytes) const;

 private:
  u32 pid_;
};

}  // namespace unleak::capture
