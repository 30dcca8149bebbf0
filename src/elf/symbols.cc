// Dynamic symbol look-up of elf::Image.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "elf/image.h"

namespace unleak::elf {
namespace {

constexpr u64 kMaxDynamic = 1024;      // entries of the dynamic section
constexpr u64 kMaxChain = 1 << 16;     // symbols of one hash bucket
constexpr u64 kMaxSymbols = 1 << 20;   // symbols of a table that is searched in order
constexpr std::size_t kMaxName = 512;  // bytes of a symbol name that is asked for

u32 GnuHash(std::string_view name) {
  u32 hash = 5381;
  for (char c : name) hash = hash * 33 + static_cast<u8>(c);
  return hash;
}

u32 SysvHash(std::string_view name) {
  u32 hash = 0;
  for (char c : name) {
    hash = (hash << 4) + static_cast<u8>(c);
    u32 high = hash & 0xf0000000u;
    hash = (hash ^ (high >> 24)) & ~high;
  }
  return hash;
}

}  // namespace

// In memory glibc's loader has replaced the addresses in most objects' dynamic section by those of the process.
Image::Dynamic Image::ReadDynamic() const {
  Dynamic dynamic;
  auto own = [this](u64 value) { return in_memory_ && bias_ != 0 && value >= bias_ ? value - bias_ : value; };
  for (const Segment& segment : segments_) {
    if (segment.type != PT_DYNAMIC) continue;
    u64 count = std::min(segment.memory_size / sizeof(Elf64_Dyn), kMaxDynamic);
    for (u64 i = 0; i < count; ++i) {
      Elf64_Dyn entry;
      if (!ReadVirtual(segment.address + i * sizeof entry, &entry, sizeof entry) || entry.d_tag == DT_NULL) break;
      switch (entry.d_tag) {
        case DT_SYMTAB: dynamic.symbols = own(entry.d_un.d_ptr); break;
        case DT_STRTAB: dynamic.strings = own(entry.d_un.d_ptr); break;
        case DT_STRSZ: dynamic.strings_size = entry.d_un.d_val; break;
        case DT_GNU_HASH: dynamic.gnu_hash = own(entry.d_un.d_ptr); break;
        case DT_HASH: dynamic.hash = own(entry.d_un.d_ptr); break;
        default: break;
      }
    }
    break;
  }
  return dynamic;
}

bool Image::NameIs(const Dynamic& dynamic, u32 offset, std::string_view name) const {
  if (offset >= dynamic.strings_size || dynamic.strings_size - offset <= name.size()) return false;
  char buffer[kMaxName + 1];
  return ReadVirtual(dynamic.strings + offset, buffer, name.size() + 1) && buffer[name.size()] == '\0' &&
         std::memcmp(buffer, name.data(), name.size()) == 0;
}

std::optional<Symbol> Image::Check(const Dynamic& dynamic, u64 index, std::string_view name) const {
  Elf64_Sym symbol;
  if (!ReadVirtual(dynamic.symbols + index * sizeof symbol, &symbol, sizeof symbol)) return std::nullopt;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 || !NameIs(dynamic, symbol.st_name, name)) return std::nullopt;
  return Symbol{symbol.st_value, symbol.st_size, symbol.st_info};
}

// Layout of DT_GNU_HASH: nbuckets, first symbol, bloom words, bloom shift; bloom; buckets; chains.
std::optional<Symbol> Image::ByGnuHash(const Dynamic& dynamic, std::string_view name) const {
  u32 head[4];
  if (!ReadVirtual(dynamic.gnu_hash, head, sizeof head) || head[0] == 0) return std::nullopt;
  u32 hash = GnuHash(name), first = head[1], index = 0;
  u64 buckets = dynamic.gnu_hash + sizeof head + u64{head[2]} * 8;
  u64 chains = buckets + u64{head[0]} * 4;
  if (!ReadVirtual(buckets + u64{hash % head[0]} * 4, &index, 4) || index < first) return std::nullopt;
  for (u64 i = 0; i < kMaxChain; ++i) {
    u32 chain = 0;
    if (!ReadVirtual(chains + (u64{index} - first + i) * 4, &chain, 4)) return std::nullopt;
    if ((chain | 1) == (hash | 1)) {
      if (std::optional<Symbol> symbol = Check(dynamic, u64{index} + i, name)) return symbol;
    }
    if (chain & 1) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Symbol> Image::ByHash(const Dynamic& dynamic, std::string_view name) const {
  u32 head[2], index = 0;
  if (!ReadVirtual(dynamic.hash, head, sizeof head) || head[0] == 0) return std::nullopt;
  u64 buckets = dynamic.hash + sizeof head;
  u64 chains = buckets + u64{head[0]} * 4;
  if (!ReadVirtual(buckets + u64{SysvHash(name) % head[0]} * 4, &index, 4)) return std::nullopt;
  for (u64 i = 0; i < kMaxChain && index != 0 && index < head[1]; ++i) {
    if (std::optional<Symbol> symbol = Check(dynamic, index, name)) return symbol;
    if (!ReadVirtual(chains + u64{index} * 4, &index, 4)) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Symbol> Image::Linear(const Dynamic& dynamic, std::string_view name) const {
  std::optional<Section> table = FindSection(".dynsym");
  if (!table || table->entry_size != sizeof(Elf64_Sym)) return std::nullopt;
  u64 count = std::min(table->size / sizeof(Elf64_Sym), kMaxSymbols);
  for (u64 i = 1; i < count; ++i) {
    if (std::optional<Symbol> symbol = Check(dynamic, i, name)) return symbol;
  }
  return std::nullopt;
}

std::optional<Symbol> Image::FindDynamicSymbol(std::string_view name) const {
  if (name.empty() || name.size() > kMaxName) return std::nullopt;
  Dynamic dynamic = ReadDynamic();
  if (dynamic.symbols == 0 || dynamic.strings == 0) return std::nullopt;
  if (dynamic.gnu_hash != 0) return ByGnuHash(dynamic, name);
  if (dynamic.hash != 0) return ByHash(dynamic, name);
  return Linear(dynamic, name);
}

}  // namespace unleak::elf
