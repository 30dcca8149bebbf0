#include "elf/image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace unleak::elf {
namespace {

constexpr u16 kMaxSegments = 512;
constexpr u64 kMaxNotes = 1 << 16;  // bytes of one note segment that are looked at
constexpr u64 kPage = 4096;

template <class T>
std::span<u8> BytesOf(T& value) {
  return {reinterpret_cast<u8*>(&value), sizeof value};
}

u64 PageFloor(u64 value) { return value & ~(kPage - 1); }

}  // namespace

Result<Image> Image::OpenFile(std::shared_ptr<const Source> source) {
  Image image(std::move(source), false);
  UNLEAK_RETURN_IF_ERROR(image.ReadHeaders(0));
  return image;
}

Result<Image> Image::OpenMemory(std::shared_ptr<const Source> source, u64 base) {
  Image image(std::move(source), true);
  UNLEAK_RETURN_IF_ERROR(image.ReadHeaders(base));
  u64 first = ~0ull;
  for (const Segment& segment : image.segments_) {
    if (segment.type == PT_LOAD) first = std::min(first, PageFloor(segment.address));
  }
  if (first == ~0ull) return Status(Code::kCorrupt, "ELF image in memory has no loadable segment");
  image.bias_ = base - first;
  return image;
}

Status Image::ReadHeaders(u64 base) {
  Elf64_Ehdr header;
  if (!source_->ReadAt(base, BytesOf(header)) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return Status(Code::kCorrupt, "not an ELF object: the header is missing");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Status(Code::kUnsupported, "ELF object is not 64-bit little-endian");
  }
  machine_ = header.e_machine;
  type_ = header.e_type;
  if (!in_memory_ && header.e_shentsize == sizeof(Elf64_Shdr)) {
    section_table_ = header.e_shoff;
    section_count_ = header.e_shnum;
    section_entry_ = header.e_shentsize;
    section_names_ = header.e_shstrndx;
  }
  return ReadSegments(base, header.e_phoff, header.e_phnum, header.e_phentsize);
}

Status Image::ReadSegments(u64 base, u64 table, u16 count, u16 entry_size) {
  if (count == 0) return Status::Ok();
  if (entry_size != sizeof(Elf64_Phdr) || count > kMaxSegments) {
    return Status(Code::kCorrupt, "ELF program header table has " + std::to_string(count) + " entries of " +
                                      std::to_string(entry_size) + " bytes");
  }
  std::vector<Elf64_Phdr> entries(count);
  std::span<u8> bytes(reinterpret_cast<u8*>(entries.data()), entries.size() * sizeof(Elf64_Phdr));
  if (base + table < base || !source_->ReadAt(base + table, bytes)) {
    return Status(Code::kCorrupt, "ELF program header table at offset " + std::to_string(table) + " cannot be read");
  }
  for (const Elf64_Phdr& entry : entries) {
    segments_.push_back({entry.p_type, entry.p_flags, entry.p_offset, entry.p_vaddr, entry.p_filesz, entry.p_memsz,
                         entry.p_align});
  }
  return Status::Ok();
}

// Neighbouring segments may share a page of the file: the one that begins there is meant, if there is one.
std::optional<u64> Image::LoadBias(u64 map_start, u64 map_offset) const {
  std::optional<u64> holds;
  for (const Segment& segment : segments_) {
    if (segment.type != PT_LOAD || segment.file_size == 0) continue;
    u64 begin = PageFloor(segment.offset);
    u64 end = segment.offset + segment.file_size;
    if (end < segment.offset || map_offset < begin || map_offset >= end) continue;
    u64 bias = map_start - (PageFloor(segment.address) + (map_offset - begin));
    if (map_offset == begin) return bias;
    if (!holds) holds = bias;
  }
  return holds;
}

bool Image::ReadVirtual(u64 address, void* out, std::size_t bytes) const {
  std::span<u8> span(static_cast<u8*>(out), bytes);
  if (in_memory_) return source_->ReadAt(address + bias_, span);
  for (const Segment& segment : segments_) {
    if (segment.type != PT_LOAD || address < segment.address) continue;
    u64 into = address - segment.address;
    if (into >= segment.file_size || bytes > segment.file_size - into) continue;
    return segment.offset + into >= into && source_->ReadAt(segment.offset + into, span);
  }
  return false;
}

std::optional<Section> Image::FindSection(std::string_view name) const {
  if (section_count_ == 0 || section_names_ >= section_count_) return std::nullopt;
  std::vector<Elf64_Shdr> entries(section_count_);
  std::span<u8> bytes(reinterpret_cast<u8*>(entries.data()), entries.size() * sizeof(Elf64_Shdr));
  if (!source_->ReadAt(section_table_, bytes)) return std::nullopt;
  const Elf64_Shdr& names = entries[section_names_];
  std::string buffer(name.size() + 1, '\0');
  for (const Elf64_Shdr& entry : entries) {
    if (entry.sh_name >= names.sh_size || names.sh_size - entry.sh_name < buffer.size()) continue;
    std::span<u8> to(reinterpret_cast<u8*>(buffer.data()), buffer.size());
    u64 at = names.sh_offset + entry.sh_name;
    if (at < names.sh_offset || !source_->ReadAt(at, to)) continue;
    if (std::string_view(buffer.c_str()) != name) continue;
    return Section{std::string(name), entry.sh_type, entry.sh_link, entry.sh_addr, entry.sh_offset, entry.sh_size,
                   entry.sh_entsize};
  }
  return std::nullopt;
}

std::vector<u8> Image::BuildId() const {
  for (const Segment& segment : segments_) {
    if (segment.type != PT_NOTE) continue;
    u64 size = std::min({segment.file_size, segment.memory_size ? segment.memory_size : segment.file_size, kMaxNotes});
    std::vector<u8> notes(size);
    if (!ReadVirtual(segment.address, notes.data(), notes.size())) continue;
    for (u64 at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data() + at, sizeof note);
      u64 name = at + sizeof note;
      u64 data = name + ((u64{note.n_namesz} + 3) & ~u64{3});
      u64 next = data + ((u64{note.n_descsz} + 3) & ~u64{3});
      if (data > size || data + note.n_descsz > size) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(notes.data() + name, "GNU", 4) == 0) {
        return {notes.begin() + static_cast<std::ptrdiff_t>(data),
                notes.begin() + static_cast<std::ptrdiff_t>(data + note.n_descsz)};
      }
      at = next;
    }
  }
  return {};
}

}  // namespace unleak::elf
