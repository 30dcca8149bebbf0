#include "tests/support/fuzz_inputs.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/crc32c.h"
#include "base/file.h"
#include "snapshot/file.h"
#include "snapshot/format.h"
#include "tests/support/columns_equal.h"
#include "tests/support/heap_text.h"

namespace unleak::testing {

using namespace snapshot;  // NOLINT(google-build-using-namespace): works on its structs only

namespace {

[[noreturn]] void Broken(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

template <class T>
T Load(std::span<const u8> bytes, u64 offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void Store(std::span<u8> bytes, u64 offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

void CheckRoundTrip(const Columns& columns) {
  for (Encoding encoding : {Encoding::kRaw, Encoding::kZstd}) {
    UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
    if (!fd.valid()) Broken("no memory file");
    if (Status written = WriteFd(columns, fd.get(), encoding); !written.ok()) Broken("write: " + written.message());
    Result<Columns> again = ReadFd(fd.get());
    if (!again.ok()) Broken("read again: " + again.status().message());
    if (std::string section = ColumnsDifference(columns, *again); !section.empty()) Broken(section + " changed");
  }
}

void CheckRead(std::span<const u8> bytes) {
  Result<Columns> read = ReadBytes(bytes, "fuzz.unleak");
  if (read.ok()) return CheckRoundTrip(*read);
  const std::string& message = read.status().message();
  if (message.rfind("fuzz.unleak: ", 0) != 0 || (read.status().code() == Code::kCorrupt && message.find("byte") == std::string::npos))
    Broken("an error without a place: " + message);
}

// A few characters may ask for millions of objects: legal, but no test of the parser.
bool HasLongNumber(std::string_view text) {
  std::size_t digits = 0;
  for (char c : text) {
    if (digits > 0 && (c == 'M' || c == 'G')) return true;  // units
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 3) return true;
  }
  return false;
}

void RepairBlocks(std::span<u8> file, const Trailer& trailer, u64 blocks_at) {
  for (u32 s = 0; s < trailer.sections; ++s) {
    const auto entry = Load<SectionEntry>(file, trailer.table_offset + s * sizeof(SectionEntry));
    u64 offset = entry.offset;
    for (u64 b = entry.first_block; b < trailer.blocks && b - entry.first_block < entry.blocks; ++b) {
      auto block = Load<BlockEntry>(file, blocks_at + b * sizeof(BlockEntry));
      if (offset > file.size() || block.stored_bytes > file.size() - offset) return;
      block.crc = Crc32c(file.data() + offset, block.stored_bytes);
      Store(file, blocks_at + b * sizeof(BlockEntry), block);
      offset += block.stored_bytes;
    }
  }
}

}  // namespace

std::vector<u8> RepairChecksums(std::span<const u8> bytes) {
  std::vector<u8> file(bytes.begin(), bytes.end());
  if (file.size() < sizeof(FileHeader) + sizeof(Trailer)) return file;
  auto header = Load<FileHeader>(file, 0);
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.crc = Crc32c(&header, sizeof header - sizeof header.crc);
  Store(file, 0, header);
  const u64 trailer_at = file.size() - sizeof(Trailer);
  auto trailer = Load<Trailer>(file, trailer_at);
  const u64 tables = u64{trailer.sections} * sizeof(SectionEntry) + u64{trailer.blocks} * sizeof(BlockEntry);
  if (tables <= trailer_at) {
    trailer.table_offset = trailer_at - tables;
    RepairBlocks(file, trailer, trailer.table_offset + u64{trailer.sections} * sizeof(SectionEntry));
    trailer.table_crc = Crc32c(file.data() + trailer.table_offset, tables);
  }
  trailer.file_bytes = file.size();
  std::memcpy(trailer.magic, kEndMagic, sizeof kEndMagic);
  trailer.crc = Crc32c(&trailer, offsetof(Trailer, crc));
  Store(file, trailer_at, trailer);
  return file;
}

void CheckSnapshotInput(std::span<const u8> bytes) {
  CheckRead(bytes);
  CheckRead(RepairChecksums(bytes));
}

void CheckHeapTextInput(std::string_view text) {
  if (HasLongNumber(text)) return;
  Result<std::vector<HeapLook>> looks = ParseHeapText(text, "fuzz");
  if (!looks.ok()) {
    if (looks.status().message().rfind("fuzz:", 0) != 0) Broken("an error without a place: " + looks.status().message());
    return;
  }
  for (const HeapLook& look : *looks) CheckRoundTrip(look.columns);
}

}  // namespace unleak::testing
