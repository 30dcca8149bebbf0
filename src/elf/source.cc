#include "elf/source.h"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace unleak::elf {
namespace {

class FileSource : public Source {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  ~FileSource() override { close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  bool ReadAt(u64 offset, std::span<u8> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      u64 at = offset + done;
      if (at < offset || at > static_cast<u64>(INT64_MAX)) return false;
      ssize_t got = pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      done += static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  int fd_;
};

}  // namespace

Result<std::shared_ptr<const Source>> SourceOfFile(int fd) {
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (fd >= 0) close(fd);
    return Status(Code::kUnsupported, "an ELF image must be a regular file");
  }
  return std::shared_ptr<const Source>(std::make_shared<FileSource>(fd));
}

}  // namespace unleak::elf
