#include "capture/core_zstd.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace unleak::capture {
namespace {

constexpr u64 kBlock = 4096;

bool IsZero(const u8* bytes, u64 size) {
  return std::all_of(bytes, bytes + size, [](u8 byte) { return byte == 0; });
}

// Appends to a file, with holes where a block is zero.
class SparseWriter {
 public:
  explicit SparseWriter(int fd) : fd_(fd) {}
  Status Write(const u8* bytes, u64 size) {
    for (u64 done = 0; done < size;) {
      const u64 piece = std::min(size - done, kBlock - (at_ + done) % kBlock);
      if (!IsZero(bytes + done, piece)) UNLEAK_RETURN_IF_ERROR(WriteAt(bytes + done, piece, at_ + done));
      done += piece;
    }
    at_ += size;
    return Status::Ok();
  }
  Status Finish() const {
    return ftruncate(fd_, static_cast<off_t>(at_)) == 0 ? Status::Ok()
                                                        : SystemError("ftruncate", "the unpacked core", errno);
  }

 private:
  Status WriteAt(const u8* bytes, u64 size, u64 at) const {
    for (u64 done = 0; done < size;) {
      const ssize_t put = pwrite(fd_, bytes + done, size - done, static_cast<off_t>(at + done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return SystemError("write", "the unpacked core (set TMPDIR to a folder with room)", errno);
      done += static_cast<u64>(put);
    }
    return Status::Ok();
  }
  int fd_;
  u64 at_ = 0;
};

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Status Unpack(const ByteSource& packed, int fd) {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  std::vector<u8> in(ZSTD_DStreamInSize()), out(ZSTD_DStreamOutSize());
  SparseWriter writer(fd);
  std::size_t left = 1;
  for (u64 at = 0; at < packed.size();) {
    const u64 size = std::min<u64>(in.size(), packed.size() - at);
    UNLEAK_RETURN_IF_ERROR(packed.ReadAt(at, in.data(), size));
    at += size;
    ZSTD_inBuffer from{in.data(), size, 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      left = ZSTD_decompressStream(stream.get(), &to, &from);
      if (ZSTD_isError(left))
        return Status(Code::kCorrupt, packed.name() + " cannot be unpacked: " + ZSTD_getErrorName(left));
      UNLEAK_RETURN_IF_ERROR(writer.Write(out.data(), to.pos));
      more = from.pos < from.size || to.pos == to.size;
    }
  }
  if (left != 0) return Status(Code::kCorrupt, packed.name() + " is cut short: its compressed data end too early");
  return writer.Finish();
}

}  // namespace

Result<ByteSource> UnpackZstd(const ByteSource& packed) {
  const char* chosen = std::getenv("TMPDIR");
  const std::string folder = chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
  UniqueFd fd(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError("open", "a file in " + folder + " for the unpacked core", errno);
  UNLEAK_RETURN_IF_ERROR(Unpack(packed, fd.get()));
  return ByteSource::Open("/proc/self/fd/" + std::to_string(fd.get()));
}

}  // namespace unleak::capture
