#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace unleak {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Release();
  }
  return *this;
}

void UniqueFd::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status SystemError(std::string_view name, std::string_view what, int error) {
  Code code = Code::kIo;
  std::string hint;
  if (error == ENOENT || error == ENOTDIR) {
    code = Code::kNotFound;
    hint = "check the path";
  } else if (error == EACCES || error == EPERM || error == EROFS) {
    code = Code::kPermission;
    hint = "choose a place that you may read and write";
  } else if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    hint = "free some space, or write to another file system";
  }
  return Status(code, std::string(name) + ": " + std::string(what) + ": " + std::generic_category().message(error), hint);
}

ByteSource ByteSource::OfMemory(std::span<const u8> bytes, std::string name) {
  ByteSource source;
  source.name_ = std::move(name);
  source.memory_ = bytes.data();
  source.size_ = bytes.size();
  return source;
}

Result<ByteSource> ByteSource::Open(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not hang the open; it means nothing for regular files.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError(path, "cannot open", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError(path, "cannot stat", errno);
  if (!S_ISREG(info.st_mode)) return Status(Code::kUsage, path + ": not a regular file", "give the path of a file");
  UNLEAK_ASSIGN(ByteSource source, OfFd(fd.get(), path, 0));
  source.owned_ = std::move(fd);
  return source;
}

namespace {

Status ReadToEnd(int fd, const std::string& name, u64 limit, std::vector<u8>& out) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  std::size_t used = 0;
  while (true) {
    if (used > limit) {
      return Status(Code::kExhausted, name + ": more than " + std::to_string(limit) + " bytes came through the pipe",
                    "write the snapshot to a file and open that");
    }
    if (out.size() - used < kStep) out.resize(std::max(used + kStep, out.size() * 2));
    ssize_t got = ::read(fd, out.data() + used, out.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(name, "cannot read", errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  out.resize(used);
  return Status::Ok();
}

}  // namespace

Result<ByteSource> ByteSource::OfFd(int fd, std::string name, u64 pipe_limit) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return SystemError(name, "cannot stat", errno);
  ByteSource source;
  source.name_ = std::move(name);
  if (S_ISREG(info.st_mode)) {
    source.fd_ = fd;
    source.size_ = static_cast<u64>(info.st_size);
    return source;
  }
  UNLEAK_RETURN_IF_ERROR(ReadToEnd(fd, source.name_, pipe_limit, source.buffer_));
  source.memory_ = source.buffer_.data();
  source.size_ = source.buffer_.size();
  return source;
}

Status ByteSource::ReadAt(u64 offset, void* out, std::size_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return Status(Code::kCorrupt, name_ + ": ends at byte " + std::to_string(size_) + ", " + std::to_string(size) +
                                      " bytes were expected at byte " + std::to_string(offset));
  }
  if (size == 0) return Status::Ok();
  if (fd_ < 0) {
    std::memcpy(out, memory_ + offset, size);
    return Status::Ok();
  }
  u8* to = static_cast<u8*>(out);
  while (size > 0) {
    ssize_t got = ::pread(fd_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(name_, "cannot read at byte " + std::to_string(offset), errno);
    if (got == 0) return Status(Code::kCorrupt, name_ + ": was cut short while it was read, at byte " + std::to_string(offset));
    to += got;
    offset += static_cast<u64>(got);
    size -= static_cast<std::size_t>(got);
  }
  return Status::Ok();
}

Status WriteAll(int fd, const void* data, std::size_t size, std::string_view name) {
  const u8* from = static_cast<const u8*>(data);
  while (size > 0) {
    ssize_t put = ::write(fd, from, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(name, "cannot write", errno);
    from += put;
    size -= static_cast<std::size_t>(put);
  }
  return Status::Ok();
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
    return Status(Code::kUsage, path + ": exists and is not a regular file", "choose another name");
  std::size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  std::string base = slash == std::string::npos ? path : path.substr(slash + 1);
  if (base.empty()) return Status(Code::kUsage, path + ": is a folder, not a file name", "add a file name");
  AtomicFile file;
  file.path_ = path;
  file.temporary_ = folder + "/." + base + ".XXXXXX.part";
  file.folder_ = std::move(folder);
  file.fd_ = UniqueFd(::mkostemps(file.temporary_.data(), 5, O_CLOEXEC));  // mkostemps gives mode 0600
  if (!file.fd_.valid()) {
    int error = errno;
    file.temporary_.clear();
    return SystemError(path, "cannot create a file in " + file.folder_, error);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      folder_(std::move(other.folder_)),
      fd_(std::move(other.fd_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::Commit() {
  if (::fsync(fd_.get()) != 0) return SystemError(path_, "cannot write to disk", errno);
  if (::close(fd_.Release()) != 0) return SystemError(path_, "cannot close", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return SystemError(path_, "cannot rename into place", errno);
  temporary_.clear();
  // The new name itself must survive a power cut; some file systems cannot sync a folder, which is no failure.
  UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) (void)::fsync(folder.get());
  return Status::Ok();
}

}  // namespace unleak
