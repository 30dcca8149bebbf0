// Bytes to columns: trailer, tables, then each known section block by block. Nothing is believed before it is checked.
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
#include "snapshot/validate.h"

namespace unleak::snapshot {
namespace {

constexpr u64 kPipeLimit = u64{1} << 32;
constexpr u64 kMaxBlockBytes = u64{1} << 26;
constexpr u64 kMemoryFactor = 8;  // what a row takes in memory, at most, per byte in the file: see Member
constexpr char kTakeAgain[] = "the file is damaged: copy it again, or take a new snapshot";

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_(source), context_(ZSTD_createDCtx()) {}

  Status Run(Columns& columns) {
    if (!context_) return Status(Code::kExhausted, source_.name() + ": no memory to decompress");
    UNLEAK_RETURN_IF_ERROR(CheckHeader());
    UNLEAK_RETURN_IF_ERROR(LoadTables());
    columns_ = &columns;
    std::vector<Meta> meta;
    std::vector<u8> text;
    std::vector<u64> ends;
    Records(SectionId::kMeta, true, meta, kMetaFields);
    Column(SectionId::kStringBytes, Transform::kPlain, true, text);
    Column(SectionId::kStringEnds, Transform::kPlain, true, ends);
    UNLEAK_RETURN_IF_ERROR(status_);
    if (meta.size() != 1) FailSection(SectionId::kMeta, "must have one row");
    UNLEAK_RETURN_IF_ERROR(status_);
    columns.meta = std::move(meta[0]);
    if (!columns.strings.Assign(std::string(text.begin(), text.end()), std::move(ends)))
      FailSection(SectionId::kStringEnds, "does not fit string.bytes");
    VisitSections(columns, *this);
    UNLEAK_RETURN_IF_ERROR(status_);
    UNLEAK_RETURN_IF_ERROR(CheckUnknown());
    const Status valid = Validate(columns);
    return valid.ok() ? valid : Located(valid);
  }

  template <class T>
  void Column(SectionId id, Transform, bool required, std::vector<T>& rows) {
    const SectionEntry* entry = Find(id, required);
    if (!entry || !CheckAllocation(*entry, sizeof(T), sizeof(T))) return;
    rows.resize(entry->rows);
    Blocks<T>(*entry, [&](u64 first, std::size_t, auto&& fill) { return fill(rows.data() + first); });
  }

  template <class Struct, class T>
  void Member(SectionId id, Transform, std::vector<Struct>& rows, T Struct::*member) {
    const SectionEntry* entry = Find(id, !rows.empty());
    if (!entry || !CheckAllocation(*entry, sizeof(T), sizeof(Struct))) return;
    if (rows.empty()) rows.resize(entry->rows);
    static_assert(sizeof(Struct) <= kMemoryFactor * sizeof(T));
    if (rows.size() != entry->rows) return Fail(*entry, entry->offset, "has another number of rows than its table");
    std::vector<T> block;
    Blocks<T>(*entry, [&](u64 first, std::size_t count, auto&& fill) {
      block.resize(count);
      if (!fill(block.data())) return false;
      for (std::size_t i = 0; i < count; ++i) rows[first + i].*member = block[i];
      return true;
    });
  }

  template <class Record, class Fields>
  void Records(SectionId id, bool required, std::vector<Record>& rows, const Fields& fields) {
    const SectionEntry* entry = Find(id, required);
    if (!entry || !CheckAllocation(*entry, 0, sizeof(Record))) return;
    if (entry->transform != Transform::kPlain) return Fail(*entry, entry->offset, "has a transform that records cannot have");
    rows.resize(entry->rows);
    Blocks<u8>(*entry, [&](u64 first, std::size_t count, auto&& fill) {
      packed_.resize(count * entry->element_bytes);
      if (!fill(packed_.data())) return false;
      for (std::size_t i = 0; i < count; ++i)
        Unpack(rows[first + i], std::span(packed_).subspan(i * entry->element_bytes, entry->element_bytes), fields);
      return true;
    });
  }

 private:
  Status Corrupt(const std::string& what) const { return Status(Code::kCorrupt, source_.name() + ": " + what, kTakeAgain); }

  void Fail(const SectionEntry& entry, u64 offset, const std::string& what) {
    if (status_.ok())
      status_ = Corrupt("section " + SectionName(entry.id) + " at byte " + std::to_string(offset) + ": " + what);
  }

  // Of a section that was found.
  void FailSection(SectionId id, const std::string& what) {
    for (const SectionEntry& entry : sections_) {
      if (entry.id == static_cast<u32>(id)) return Fail(entry, entry.offset, what);
    }
  }

  Status CheckHeader() const {
    if (source_.size() < sizeof(FileHeader)) {
      return Status(Code::kCorrupt, source_.name() + ": byte 0: too short for a snapshot (" + std::to_string(source_.size()) + " bytes)",
                    kTakeAgain);
    }
    FileHeader header;
    UNLEAK_RETURN_IF_ERROR(source_.ReadAt(0, &header, sizeof header));
    if (!std::equal(std::begin(kMagic), std::end(kMagic), header.magic)) {
      return Status(Code::kCorrupt, source_.name() + ": byte 0: not an unleak snapshot",
                    "give a file that `unleak snapshot` wrote");
    }
    if (header.crc != Crc32c(&header, sizeof header - 4)) return Corrupt("header, byte 60: checksum does not fit");
    if (header.major != kMajor) {
      return Status(Code::kUnsupported, source_.name() + ": byte 8: format " + std::to_string(header.major) + "." +
                                            std::to_string(header.minor) + ", this unleak reads " + std::to_string(kMajor) + ".x",
                    "use the unleak that wrote it, or a newer one");
    }
    return Status::Ok();
  }

  Status LoadTables() {
    if (source_.size() < sizeof(FileHeader) + sizeof(Trailer)) return Incomplete();
    const u64 trailer_offset = source_.size() - sizeof(Trailer);
    Trailer trailer;
    UNLEAK_RETURN_IF_ERROR(source_.ReadAt(trailer_offset, &trailer, sizeof trailer));
    if (!std::equal(std::begin(kEndMagic), std::end(kEndMagic), trailer.magic)) return Incomplete();
    const std::string at = "trailer, byte " + std::to_string(trailer_offset) + ": ";
    if (trailer.crc != Crc32c(&trailer, sizeof trailer - sizeof trailer.magic - sizeof trailer.crc))
      return Corrupt(at + "checksum does not fit");
    if (trailer.file_bytes != source_.size()) return Corrupt(at + "states another file size");
    if (trailer.sections > kMaxSections) return Corrupt(at + "states too many sections");
    const u64 section_bytes = u64{trailer.sections} * sizeof(SectionEntry);
    const u64 block_bytes = u64{trailer.blocks} * sizeof(BlockEntry);
    if (trailer.table_offset > trailer_offset || section_bytes + block_bytes != trailer_offset - trailer.table_offset)
      return Corrupt(at + "states another place of the tables");
    sections_.resize(trailer.sections);
    blocks_.resize(trailer.blocks);
    UNLEAK_RETURN_IF_ERROR(source_.ReadAt(trailer.table_offset, sections_.data(), section_bytes));
    UNLEAK_RETURN_IF_ERROR(source_.ReadAt(trailer.table_offset + section_bytes, blocks_.data(), block_bytes));
    if (trailer.table_crc != Crc32c(blocks_.data(), block_bytes, Crc32c(sections_.data(), section_bytes)))
      return Corrupt("section table, byte " + std::to_string(trailer.table_offset) + ": checksum does not fit");
    data_end_ = trailer.table_offset;
    for (const SectionEntry& entry : sections_) CheckEntry(entry);
    return status_;
  }

  Status Incomplete() const {
    return Status(Code::kCorrupt, source_.name() + ": byte " + std::to_string(source_.size()) + ": no trailer: the file is incomplete",
                  "it was cut short, or its writer was stopped: copy it again, or take a new snapshot");
  }

  // Everything that must hold for any section, known or not.
  void CheckEntry(const SectionEntry& entry) {
    auto fail = [&](const char* what) { Fail(entry, entry.offset, what); };
    if (entry.offset % kAlignment != 0) return fail("is not aligned");
    if (entry.offset < sizeof(FileHeader) || entry.offset > data_end_ || entry.stored_bytes > data_end_ - entry.offset)
      return fail("lies outside the file's data");
    if (entry.rows > kMaxRows) return fail("has too many rows");
    if (entry.element_bytes == 0 || entry.element_bytes > kMaxRecordBytes) return fail("has a bad row size");
    if (entry.block_rows == 0 || entry.block_rows > kMaxBlockRows || u64{entry.block_rows} * entry.element_bytes > kMaxBlockBytes)
      return fail("has a bad block size");
    if (entry.blocks != (entry.rows + entry.block_rows - 1) / entry.block_rows) return fail("has a bad number of blocks");
    if (entry.first_block > blocks_.size() || entry.blocks > blocks_.size() - entry.first_block)
      return fail("has blocks outside the table");
    u64 stored = 0;
    for (u32 b = 0; b < entry.blocks; ++b) stored += blocks_[entry.first_block + b].stored_bytes;
    if (stored != entry.stored_bytes) return fail("is not as long as its blocks");
  }

  const SectionEntry* Find(SectionId id, bool required) {
    if (!status_.ok()) return nullptr;
    const SectionEntry* found = nullptr;
    for (const SectionEntry& entry : sections_) {
      if (entry.id != static_cast<u32>(id)) continue;
      if (found) {
        Fail(entry, entry.offset, "is there twice");
        return nullptr;
      }
      found = &entry;
    }
    if (found)
      known_.push_back(found->id);
    else if (required)
      status_ = Corrupt("section table, byte " + std::to_string(data_end_) + ": section " + SectionName(static_cast<u32>(id)) + " is missing");
    return found;
  }

  // `row_bytes` is what a column's rows must have (0: records, any), `memory_bytes` what a row takes here.
  bool CheckAllocation(const SectionEntry& entry, u32 row_bytes, u64 memory_bytes) {
    const char* problem = nullptr;
    if (row_bytes != 0 && entry.element_bytes != row_bytes) problem = "has rows of another size than this column";
    const bool too_long = entry.rows * entry.element_bytes > entry.stored_bytes * kMaxExpansion;
    const bool too_large = entry.rows * memory_bytes > entry.stored_bytes * kMaxExpansion * kMemoryFactor + sizeof(Meta);
    if (too_long || too_large) problem = "claims more rows than its bytes can hold";
    if (problem) Fail(entry, entry.offset, problem);
    return !problem;
  }

  // Calls use(first, count, fill) for each block; `fill(out)` decodes its rows to `out`. With T = u8 rows are element_bytes long.
  template <class T, class Use>
  void Blocks(const SectionEntry& entry, Use&& use) {
    u64 offset = entry.offset;
    for (u32 b = 0; b < entry.blocks && status_.ok(); ++b) {
      const u64 first = u64{b} * entry.block_rows;
      const std::size_t count = static_cast<std::size_t>(std::min<u64>(entry.block_rows, entry.rows - first));
      const BlockEntry& block = blocks_[entry.first_block + b];
      if (!use(first, count, [&](T* out) { return Decode(entry, block, offset, first, count, out); })) return;
      offset += block.stored_bytes;
    }
  }

  template <class T>
  bool Decode(const SectionEntry& entry, const BlockEntry& block, u64 offset, u64 first, std::size_t count, T* out) {
    const std::size_t bytes = count * entry.element_bytes;
    if (entry.transform == Transform::kPlain) return Fetch(entry, block, offset, reinterpret_cast<u8*>(out), bytes);
    planes_.resize(bytes);
    if (!Fetch(entry, block, offset, planes_.data(), bytes)) return false;
    JoinPlanes(planes_.data(), count, out);
    switch (entry.transform) {
      case Transform::kPlanes: return true;
      case Transform::kDelta:
      case Transform::kZigzag: Integrate(entry.transform, count, out); return true;
      case Transform::kSourceDelta:
        if constexpr (std::is_same_v<T, u32>) return AddSources(entry, offset, first, count, out);
        break;
      case Transform::kPlain: break;
    }
    Fail(entry, offset, "has a transform that this column cannot have");
    return false;
  }

  bool AddSources(const SectionEntry& entry, u64 offset, u64 first, std::size_t count, u32* out) {
    const std::vector<u32>& row = columns_->edge_row;
    if (first == 0 && (row.empty() || row.front() != 0 || row.back() != entry.rows || !std::is_sorted(row.begin(), row.end()))) {
      Fail(entry, offset, "does not fit edge.row");
      return false;
    }
    SourceCursor(row, first).ForEach(count, &marks_, [&](std::size_t i, u32 source) { out[i] = ZigzagDecode(out[i]) + source; });
    return true;
  }

  // The block's encoded bytes: read, checked and decompressed.
  bool Fetch(const SectionEntry& entry, const BlockEntry& block, u64 offset, u8* out, std::size_t bytes) {
    const bool plain = block.stored_bytes == bytes;
    if (!plain && (entry.codec != Codec::kZstd || block.stored_bytes > bytes)) {
      Fail(entry, offset, entry.codec > Codec::kZstd ? "is compressed in an unknown way" : "has a block of a bad size");
      return false;
    }
    u8* stored = out;
    if (!plain) {
      stored_.resize(block.stored_bytes);
      stored = stored_.data();
    }
    if (Status read = source_.ReadAt(offset, stored, block.stored_bytes); !read.ok()) {
      status_ = read;
      return false;
    }
    if (Crc32c(stored, block.stored_bytes) != block.crc) {
      Fail(entry, offset, "checksum does not fit");
      return false;
    }
    if (plain) return true;
    std::size_t got = ZSTD_decompressDCtx(context_.get(), out, bytes, stored, block.stored_bytes);
    if (!ZSTD_isError(got) && got == bytes) return true;
    Fail(entry, offset, ZSTD_isError(got) ? std::string("zstd: ") + ZSTD_getErrorName(got) : "has fewer bytes than rows");
    return false;
  }

  // A record that is shorter than ours keeps the defaults of the missing fields; more than we know is skipped.
  template <class Record, class Fields>
  static void Unpack(Record& record, std::span<const u8> bytes, const Fields& fields) {
    std::size_t at = 0;
    fields(record, [&](auto& field) {
      if (at + sizeof field <= bytes.size()) std::memcpy(&field, bytes.data() + at, sizeof field);
      at += sizeof field;
    });
  }

  // Validate() knows rows but no files: puts the place of the section before what it says.
  Status Located(const Status& invalid) const {
    for (const SectionEntry& entry : sections_) {
      const std::string name = SectionName(entry.id);
      if (invalid.message().rfind(name + " row ", 0) != 0) continue;
      return Corrupt("section " + name + " at byte " + std::to_string(entry.offset) + ": " + invalid.message().substr(name.size() + 1));
    }
    return Corrupt("section table, byte " + std::to_string(data_end_) + ": " + invalid.message());
  }

  Status CheckUnknown() const {
    for (const SectionEntry& entry : sections_) {
      bool known = std::find(known_.begin(), known_.end(), entry.id) != known_.end();
      if (known || !(entry.flags & kMustUnderstand)) continue;
      return Status(Code::kUnsupported, source_.name() + ": byte " + std::to_string(entry.offset) + ": " + SectionName(entry.id) +
                                            " is needed to understand the file, and this unleak does not know it",
                    "use the unleak that wrote it, or a newer one");
    }
    return Status::Ok();
  }

  const ByteSource& source_;
  Status status_;  // the first failure; nothing is read after it
  u64 data_end_ = 0;
  Columns* columns_ = nullptr;
  std::vector<SectionEntry> sections_;
  std::vector<BlockEntry> blocks_;
  std::vector<u32> known_;
  std::vector<u8> planes_, stored_, packed_;
  std::vector<u32> marks_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
};

Result<Columns> Read(const Result<ByteSource>& source) try {
  UNLEAK_RETURN_IF_ERROR(source.status());
  Columns columns;
  UNLEAK_RETURN_IF_ERROR(Reader(*source).Run(columns));
  return columns;
} catch (const std::bad_alloc&) {
  return Status(Code::kExhausted, (source.ok() ? source->name() : std::string("snapshot")) + ": not enough memory to load it",
                "free some memory, or open it on a larger machine");
}

}  // namespace

Result<Columns> ReadFile(const std::string& path) { return Read(ByteSource::Open(path)); }

Result<Columns> ReadFd(int fd) { return Read(ByteSource::OfFd(fd, "descriptor " + std::to_string(fd), kPipeLimit)); }

Result<Columns> ReadBytes(std::span<const u8> bytes, const std::string& name) {
  return Read(ByteSource::OfMemory(bytes, name));
}

}  // namespace unleak::snapshot
