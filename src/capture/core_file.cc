#include "capture/core_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>

#include "capture/core_zstd.h"

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;
constexpr std::size_t kMostNotes = 32;

// What the core itself holds, without mapped files.
class HeldSource final : public elf::Source {
 public:
  using Read = std::function<bool(u64, u8*, u64)>;
  explicit HeldSource(Read read) : read_(std::move(read)) {}
  bool ReadAt(u64 offset, std::span<u8> out) const override { return read_(offset, out.data(), out.size()); }

 private:
  Read read_;
};

std::string Hex(const std::vector<u8>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (u8 byte : bytes) text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return text.empty() ? "none" : text;
}

}  // namespace

Result<std::unique_ptr<CoreFile>> CoreFile::Open(const std::string& path, const std::string& root) {
  UNLEAK_ASSIGN(ByteSource file, ByteSource::Open(path));
  bool compressed = false;
  if (LooksLikeCore(file, &compressed) && compressed) {
    UNLEAK_ASSIGN(file, UnpackZstd(file));
  }
  UNLEAK_ASSIGN(CoreFacts facts, ReadCoreFacts(file, path));
  return std::unique_ptr<CoreFile>(new CoreFile(std::move(file), std::move(facts), root));
}

u64 CoreFile::held_bytes() const {
  u64 bytes = 0;
  for (const CoreSegment& segment : facts_.segments) bytes += segment.held - segment.start;
  return bytes;
}

void CoreFile::ReadMany(std::span<ReadRequest> requests) {
  for (ReadRequest& request : requests)
    request.ok = ReadOne(request.address, static_cast<u8*>(request.buffer), request.size, true);
}

// Piece by piece: from the core, else from the file that was mapped there.
bool CoreFile::ReadOne(u64 address, u8* out, u64 size, bool with_files) {
  if (address + size < address) return false;
  while (size != 0) {
    auto at = std::upper_bound(facts_.segments.begin(), facts_.segments.end(), address,
                               [](u64 a, const CoreSegment& s) { return a < s.end; });
    u64 piece = size;
    if (at != facts_.segments.end() && at->start <= address && address < at->held) {
      piece = std::min(size, at->held - address);
      if (!file_.ReadAt(at->offset + (address - at->start), out, piece).ok()) return false;
    } else {
      if (at != facts_.segments.end() && at->start > address) piece = std::min(size, at->start - address);
      piece = std::min(piece, kPage - address % kPage);
      if (!with_files || !ReadOfFile(address, out, piece)) return false;
    }
    address += piece, out += piece, size -= piece;
  }
  return true;
}

bool CoreFile::ReadOfFile(u64 address, u8* out, u64 size) {
  const Mapping* mapping = FindMapping(facts_.maps, address);
  if (mapping == nullptr || !mapping->path.starts_with('/') || size > mapping->end - address) return false;
  const MappedFile& file = FileOf(*mapping);
  const u64 offset = mapping->offset + (address - mapping->start);
  if (file.source == nullptr) return false;
  if (file.source->ReadAt(offset, {out, size})) return true;
  // The page in which the file ends is zero behind it.
  u64 there = 0;
  while (there < size && file.source->ReadAt(offset + there, {out + there, 1})) ++there;
  std::memset(out + there, 0, size - there);
  return there != 0;
}

const Mapping* CoreFile::FirstOf(const std::string& path) const {
  for (const Mapping& mapping : facts_.maps) {
    if (mapping.path == path && mapping.offset == 0) return &mapping;
  }
  return nullptr;
}

const CoreFile::MappedFile& CoreFile::FileOf(const Mapping& mapping) {
  auto [it, added] = files_.try_emplace(mapping.path);
  if (added) it->second.source = OpenChecked(mapping.path);
  return it->second;
}

// The file, if it is the one that ran: by what the core holds of its first page.
std::shared_ptr<const elf::Source> CoreFile::OpenChecked(const std::string& path) {
  auto leave_out = [&](const std::string& why) {
    if (notes_.size() < kMostNotes) notes_.push_back(path + " " + why + ": what of it is not in the core is not known");
    return nullptr;
  };
  const int fd = OpenBelow(root_, path);
  if (fd < 0) return leave_out(std::string("cannot be opened (") + std::strerror(errno) + ")");
  auto source = elf::SourceOfFile(fd);
  if (!source.ok()) return leave_out("is no regular file");
  const Mapping* first = FirstOf(path);
  std::vector<u8> held(kPage), now(kPage);
  u8 magic[4] = {};
  if (!(*source)->ReadAt(0, magic) || std::memcmp(magic, "\177ELF", sizeof magic) != 0)
    return source.Take();  // data, such as a locale's
  if (first == nullptr || !ReadOne(first->start, held.data(), kPage, false)) {
    if (notes_.size() < kMostNotes)
      notes_.push_back("whether " + path +
                       " is the file that ran could not be checked: its first page is not in the core");
    return source.Take();
  }
  auto held_image = elf::Image::OpenMemory(
      std::make_shared<HeldSource>([this](u64 a, u8* out, u64 n) { return ReadOne(a, out, n, false); }), first->start);
  auto image = elf::Image::OpenFile(*source);
  if (held_image.ok() && image.ok() && held_image->BuildId() != image->BuildId()) {
    return leave_out("is another build than the one that ran (build id " + Hex(image->BuildId()) + ", not " +
                     Hex(held_image->BuildId()) + ")");
  }
  if (!(*source)->ReadAt(0, now) || held != now)
    return leave_out("is another file than the one that ran (its first page differs)");
  return source.Take();
}

Result<OpenedImage> CoreFile::OpenImage(const Mapping& first) {
  if (const MappedFile& file = FileOf(first); file.source != nullptr) {
    UNLEAK_ASSIGN(elf::Image image, elf::Image::OpenFile(file.source));
    const std::optional<u64> bias = image.LoadBias(first.start, first.offset);
    if (!bias) return Status(Code::kCorrupt, first.path + " is not the file that was mapped");
    return OpenedImage{std::move(image), *bias};
  }
  auto held = std::make_shared<HeldSource>([this](u64 a, u8* out, u64 n) { return ReadOne(a, out, n, false); });
  UNLEAK_ASSIGN(elf::Image image, elf::Image::OpenMemory(held, first.start));
  const u64 bias = image.memory_bias();
  return OpenedImage{std::move(image), bias};
}

}  // namespace unleak::capture
