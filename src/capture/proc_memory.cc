#include "capture/proc_memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;
constexpr size_t kBatch = 256;  // pieces a system call; the kernel's limit is 1024

}  // namespace

bool Memory::Read(u64 address, void* buffer, u64 size) {
  ReadRequest request{address, buffer, size, false};
  ReadMany({&request, 1});
  return request.ok;
}

u64 Memory::Word(u64 address) {
  u64 value = 0;
  return Read(address, &value, sizeof value) ? value : 0;
}

u32 Memory::Word32(u64 address) {
  u32 value = 0;
  return Read(address, &value, sizeof value) ? value : 0;
}

std::string Memory::CString(u64 address, u64 limit) {
  std::string text;
  std::array<char, 256> piece;
  while (text.size() < limit) {
    // Never across a page boundary: the next page may not be there.
    const u64 at = address + text.size();
    const u64 size = std::min({limit - text.size(), u64{piece.size()}, kPage - at % kPage});
    if (!Read(at, piece.data(), size)) return {};
    const void* end = std::memchr(piece.data(), 0, size);
    if (end) return text.append(piece.data(), static_cast<size_t>(static_cast<const char*>(end) - piece.data()));
    text.append(piece.data(), size);
  }
  return text;
}

void RemoteMemory::ReadMany(std::span<ReadRequest> requests) {
  std::array<iovec, kBatch> local, remote;
  size_t done = 0;
  while (done < requests.size()) {
    const size_t n = std::min(kBatch, requests.size() - done);
    for (size_t i = 0; i < n; ++i) {
      ReadRequest& request = requests[done + i];
      request.ok = false;
      local[i] = {request.buffer, request.size};
      remote[i] = {reinterpret_cast<void*>(request.address), request.size};
    }
    const ssize_t got = process_vm_readv(static_cast<pid_t>(pid_), local.data(), n, remote.data(), n, 0);
    // A short result ends at the first piece that could not be read: that one fails, the rest is asked for again.
    u64 left = got < 0 ? 0 : static_cast<u64>(got);
    size_t i = 0;
    for (; i < n && left >= requests[done + i].size; ++i) {
      left -= requests[done + i].size;
      requests[done + i].ok = true;
    }
    done += i;
    if (i < n) ++done;
  }
}

bool RemoteMemory::Write(u64 address, const void* data, u64 size) {
  const std::string path = "/proc/" + std::to_string(pid_) + "/mem";
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t written = pwrite(file, data, size, static_cast<off_t>(address));
  close(file);
  return written == static_cast<ssize_t>(size);
}

CloneMemory::CloneMemory(u32 pid)
    : file_(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC)), other_(pid) {}

CloneMemory::~CloneMemory() {
  if (file_ >= 0) close(file_);
}

void CloneMemory::ReadMany(std::span<ReadRequest> requests) {
  if (file_ < 0) return other_.ReadMany(requests);
  for (ReadRequest& request : requests) {
    u8* to = static_cast<u8*>(request.buffer);
    u64 done = 0;
    // No user address has the highest bit, and a file has no negative offset.
    while (request.address >> 63 == 0 && done < request.size) {
      const ssize_t got = pread(file_, to + done, request.size - done, static_cast<off_t>(request.address + done));
      if (got <= 0) break;
      done += static_cast<u64>(got);
    }
    request.ok = done == request.size;
  }
}

}  // namespace unleak::capture
