// Files without exceptions: a descriptor that closes itself, bytes read at an offset from a file or from memory,
// and a file that appears under its name only when it is whole.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace unleak {

// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Close(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Close();

 private:
  int fd_;
};

// Status of a failed system call: "NAME: what: text of errno". ENOENT is kNotFound, EACCES and EPERM are kPermission.
Status SystemError(std::string_view name, std::string_view what, int error);

// Bytes that can be read at any offset: a regular file by pread (a file that is cut short meanwhile is an error here,
// not a SIGBUS as with a mapping), or memory. Neither copies before it is asked to.
class ByteSource {
 public:
  // `bytes` must outlive the source. `name` is what errors call it.
  static ByteSource OfMemory(std::span<const u8> bytes, std::string name);
  static Result<ByteSource> Open(const std::string& path);
  // Borrows the descriptor. A pipe or socket is read to its end, which may hold at most `pipe_limit` bytes.
  static Result<ByteSource> OfFd(int fd, std::string name, u64 pipe_limit);

  u64 size() const { return size_; }
  const std::string& name() const { return name_; }
  // Reads exactly `size` bytes; kCorrupt if the source ends before, kIo on a read error.
  Status ReadAt(u64 offset, void* out, std::size_t size) const;

 private:
  std::string name_;
  UniqueFd owned_;
  int fd_ = -1;
  std::vector<u8> buffer_;        // what came through a pipe
  const u8* memory_ = nullptr;    // instead of fd_
  u64 size_ = 0;
};

// Writes all bytes, whatever write(2) takes at a time.
Status WriteAll(int fd, const void* data, std::size_t size, std::string_view name);

// A file that is written under a temporary name in the folder of `path` and takes its place in Commit(), after fsync.
// Destroyed without Commit() it leaves nothing; a kill leaves at most ".NAME.XXXXXX.part". Mode 0600.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();
  int fd() const { return fd_.get(); }
  Status Commit();

 private:
  AtomicFile() = default;
  std::string path_, temporary_, folder_;
  UniqueFd fd_;
};

}  // namespace unleak
