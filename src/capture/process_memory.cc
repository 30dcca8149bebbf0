#include "capture/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr std::size_t kMaxVectors = 1024;  // IOV_MAX of Linux
constexpr u64 kPage = 4096;

void* RemotePointer(u64 address) { return reinterpret_cast<void*>(address); }  // NOLINT: an address there, not here

}  // namespace

bool ProcessMemory::Read(u64 address, void* out, std::size_t bytes) const {
  iovec local{out, bytes}, remote{RemotePointer(address), bytes};
  return process_vm_readv(static_cast<pid_t>(pid_), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

std::size_t ProcessMemory::ReadSome(u64 address, void* out, std::size_t bytes) const {
  iovec local{out, bytes}, remote{RemotePointer(address), bytes};
  ssize_t got = process_vm_readv(static_cast<pid_t>(pid_), &local, 1, &remote, 1, 0);
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

std::string ProcessMemory::String(u64 address, std::size_t limit) const {
  std::string text(limit, '\0');
  // The string may end right before a page that is not there: read to the end of its page first.
  std::size_t first = std::min<std::size_t>(limit, kPage - address % kPage);
  std::size_t got = ReadSome(address, text.data(), first);
  if (got == first && !std::memchr(text.data(), 0, got)) got += ReadSome(address + got, text.data() + got, limit - got);
  text.resize(got);
  return text.substr(0, text.find('\0'));
}

void ProcessMemory::ReadMany(const std::vector<Request>& requests, std::vector<u8>* ok) const {
  ok->assign(requests.size(), 0);
  std::vector<iovec> local, remote;
  for (std::size_t next = 0; next < requests.size();) {
    std::size_t count = std::min(kMaxVectors, requests.size() - next);
    local.clear();
    remote.clear();
    for (std::size_t i = next; i < next + count; ++i) {
      local.push_back({requests[i].out, requests[i].bytes});
      remote.push_back({RemotePointer(requests[i].address), requests[i].bytes});
    }
    ssize_t got = process_vm_readv(static_cast<pid_t>(pid_), local.data(), count, remote.data(), count, 0);
    std::size_t left = got < 0 ? 0 : static_cast<std::size_t>(got), done = 0;
    while (done < count && requests[next + done].bytes <= left) {
      left -= requests[next + done].bytes;
      (*ok)[next + done++] = 1;
    }
    next += done;
    if (done < count) ++next;  // the one that could not be read whole
  }
}

bool ProcessMemory::Write(u64 address, const void* data, std::size_t bytes) const {
  std::string path = "/proc/" + std::to_string(pid_) + "/mem";
  int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t written = pwrite(file, data, bytes, static_cast<off_t>(address));
  close(file);
  return written == static_cast<ssize_t>(bytes);
}

}  // namespace unleak::capture
