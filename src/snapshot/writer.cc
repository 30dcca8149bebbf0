// Columns to bytes: one section after the other, each block transformed, compressed and checksummed, then the tables.
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "base/crc32c.h"
#include "base/file.h"
#include "snapshot/codec.h"
#include "snapshot/file.h"
#include "snapshot/schema.h"

namespace unleak::snapshot {
namespace {

constexpr int kLevel = 1;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr u32 kSkippableMagic = 0x184d2a50;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class Writer {
 public:
  Writer(int fd, std::string name, Encoding encoding) : fd_(fd), name_(std::move(name)), encoding_(encoding) {
    buffer_.reserve(kBufferBytes);
    if (encoding == Encoding::kZstd) context_.reset(ZSTD_createCCtx());
  }

  Status Run(const Columns& columns) {
    if (encoding_ == Encoding::kZstd && !context_) return Status(Code::kExhausted, name_ + ": no memory to compress");
    edge_row_ = columns.edge_row;
    FileHeader header{};
    std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
    header.major = kMajor;
    header.minor = kMinor;
    header.header_bytes = sizeof header;
    header.crc = Crc32c(&header, sizeof header - 4);
    Put(&header, sizeof header);
    std::span<const Meta> meta(&columns.meta, 1);
    Records(SectionId::kMeta, true, meta, kMetaFields);
    const std::string& text = columns.strings.bytes();
    std::span<const u8> bytes(reinterpret_cast<const u8*>(text.data()), text.size());
    Column(SectionId::kStringBytes, Transform::kPlain, true, bytes);
    Column(SectionId::kStringEnds, Transform::kDelta, true, columns.strings.offsets());
    VisitSections(columns, *this);
    Finish();
    return status_;
  }

  template <class Rows>
  void Column(SectionId id, Transform transform, bool required, const Rows& rows) {
    using T = std::remove_cvref_t<decltype(*rows.data())>;
    Section<T>(id, transform, required, rows.size(), [&](u64 first, std::size_t) { return rows.data() + first; });
  }

  template <class Struct, class T>
  void Member(SectionId id, Transform transform, const std::vector<Struct>& rows, T Struct::*member) {
    std::vector<T> gathered(std::min<std::size_t>(rows.size(), kBlockRows));
    Section<T>(id, transform, false, rows.size(), [&](u64 first, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) gathered[i] = rows[first + i].*member;
      return gathered.data();
    });
  }

  template <class Rows, class Fields>
  void Records(SectionId id, bool required, const Rows& rows, const Fields& fields) {
    if (rows.empty() && !required) return;
    using Record = std::remove_cvref_t<decltype(rows[0])>;
    u32 record_bytes = 0;
    const Record sample{};
    fields(sample, [&](const auto& field) { record_bytes += static_cast<u32>(sizeof field); });
    Open(id, Transform::kPlain, record_bytes, rows.size());
    std::vector<u8> packed;
    for (std::size_t first = 0; first < rows.size() && status_.ok(); first += kBlockRows) {
      packed.clear();
      for (std::size_t i = first; i < std::min(rows.size(), first + kBlockRows); ++i)
        fields(rows[i], [&](const auto& field) { Append(packed, field); });
      Block(packed.data(), packed.size());
    }
  }

 private:
  template <class T>
  static void Append(std::vector<u8>& out, const T& field) {
    const u8* bytes = reinterpret_cast<const u8*>(&field);
    out.insert(out.end(), bytes, bytes + sizeof field);
  }

  // `rows_at(first, count)` gives a pointer to that many rows.
  template <class T, class RowsAt>
  void Section(SectionId id, Transform transform, bool required, u64 rows, RowsAt&& rows_at) {
    if (rows == 0 && !required) return;
    if (encoding_ == Encoding::kRaw) transform = Transform::kPlain;
    Open(id, transform, sizeof(T), rows);
    std::vector<T> scratch(transform == Transform::kPlain ? 0 : std::min<u64>(rows, kBlockRows));
    for (u64 first = 0; first < rows && status_.ok(); first += kBlockRows) {
      std::size_t count = static_cast<std::size_t>(std::min<u64>(kBlockRows, rows - first));
      const T* block = rows_at(first, count);
      if (transform == Transform::kPlain) {
        Block(reinterpret_cast<const u8*>(block), count * sizeof(T));
        continue;
      }
      planes_.resize(count * sizeof(T));
      if constexpr (std::is_same_v<T, u32>) {
        if (transform == Transform::kSourceDelta) {
          SourceCursor(edge_row_, first).ForEach(count, &marks_, [&](std::size_t i, u32 source) {
            scratch[i] = ZigzagEncode(block[i] - source);
          });
          block = scratch.data();
        }
      }
      SplitPlanes(Difference(transform, block, count, scratch.data()), count, planes_.data());
      Block(planes_.data(), planes_.size());
    }
  }

  void Open(SectionId id, Transform transform, u32 element_bytes, u64 rows) {
    if (rows > kMaxRows && status_.ok())
      status_ = Status(Code::kExhausted, name_ + ": " + SectionName(static_cast<u32>(id)) + " has too many rows");
    Align();
    SectionEntry entry{};
    entry.id = static_cast<u32>(id);
    entry.flags = kMustUnderstand;
    entry.transform = transform;
    entry.codec = encoding_ == Encoding::kZstd ? Codec::kZstd : Codec::kNone;
    entry.element_bytes = element_bytes;
    entry.block_rows = kBlockRows;
    entry.rows = rows;
    entry.offset = position_;
    entry.first_block = static_cast<u32>(blocks_.size());
    entry.blocks = static_cast<u32>((rows + kBlockRows - 1) / kBlockRows);
    sections_.push_back(entry);
  }

  void Align() {
    static constexpr u8 kZeros[kAlignment] = {};
    Put(kZeros, (kAlignment - position_ % kAlignment) % kAlignment);
  }

  void Block(const u8* data, std::size_t size) {
    if (encoding_ == Encoding::kZstd) {
      compressed_.resize(ZSTD_compressBound(size) + size / kMaxExpansion + 8);
      std::size_t packed = ZSTD_compressCCtx(context_.get(), compressed_.data(), compressed_.size(), data, size, kLevel);
      if (!ZSTD_isError(packed) && packed < size) {
        packed = Pad(packed, size);
        if (packed < size) {
          data = compressed_.data();
          size = packed;
        }
      }
    }
    sections_.back().stored_bytes += size;
    blocks_.push_back({static_cast<u32>(size), Crc32c(data, size)});
    Put(data, size);
  }

  // Appends a skippable frame where a block compressed better than readers accept.
  std::size_t Pad(std::size_t packed, std::size_t size) {
    std::size_t least = (size + kMaxExpansion - 1) / kMaxExpansion;
    if (packed >= least) return packed;
    u32 fill = static_cast<u32>(least - packed);
    u8* frame = compressed_.data() + packed;
    std::memcpy(frame, &kSkippableMagic, 4);
    std::memcpy(frame + 4, &fill, 4);
    std::memset(frame + 8, 0, fill);
    return packed + 8 + fill;
  }

  void Finish() {
    Align();
    Trailer trailer{};
    trailer.table_offset = position_;
    std::size_t section_bytes = sections_.size() * sizeof(SectionEntry);
    std::size_t block_bytes = blocks_.size() * sizeof(BlockEntry);
    trailer.file_bytes = position_ + section_bytes + block_bytes + sizeof trailer;
    trailer.sections = static_cast<u32>(sections_.size());
    trailer.blocks = static_cast<u32>(blocks_.size());
    trailer.table_crc = Crc32c(blocks_.data(), block_bytes, Crc32c(sections_.data(), section_bytes));
    trailer.crc = Crc32c(&trailer, sizeof trailer - sizeof trailer.magic - sizeof trailer.crc);
    std::copy(std::begin(kEndMagic), std::end(kEndMagic), trailer.magic);
    Put(sections_.data(), section_bytes);
    Put(blocks_.data(), block_bytes);
    Put(&trailer, sizeof trailer);
    Flush();
  }

  void Put(const void* data, std::size_t size) {
    if (size == 0 || !status_.ok()) return;
    position_ += size;
    if (buffer_.size() + size > kBufferBytes) Flush();
    if (size >= kBufferBytes) {
      if (status_.ok()) status_ = WriteAll(fd_, data, size, name_);
      return;
    }
    const u8* bytes = static_cast<const u8*>(data);
    buffer_.insert(buffer_.end(), bytes, bytes + size);
  }

  void Flush() {
    if (status_.ok()) status_ = WriteAll(fd_, buffer_.data(), buffer_.size(), name_);
    buffer_.clear();
  }

  int fd_;
  std::string name_;
  Encoding encoding_;
  Status status_;          // the first failure; nothing is written after it
  u64 position_ = 0;
  std::span<const u32> edge_row_;
  std::vector<u8> buffer_, planes_, compressed_;
  std::vector<u32> marks_;
  std::vector<SectionEntry> sections_;
  std::vector<BlockEntry> blocks_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
};

Status WriteNamed(const Columns& columns, int fd, const std::string& name, Encoding encoding) try {
  return Writer(fd, name, encoding).Run(columns);
} catch (const std::bad_alloc&) {
  return Status(Code::kExhausted, name + ": no memory to write the snapshot");
}

}  // namespace

Status WriteFd(const Columns& columns, int fd, Encoding encoding) {
  return WriteNamed(columns, fd, "descriptor " + std::to_string(fd), encoding);
}

Status WriteFile(const Columns& columns, const std::string& path, Encoding encoding) {
  UNLEAK_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  UNLEAK_RETURN_IF_ERROR(WriteNamed(columns, file.fd(), path, encoding));
  return file.Commit();
}

}  // namespace unleak::snapshot
