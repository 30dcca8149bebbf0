// All functions of an object, for naming addresses.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "elf/image.h"

namespace unleak::elf {
namespace {

constexpr u64 kMostSymbols = 1 << 20;
constexpr u64 kMostText = u64{64} << 20;
constexpr std::size_t kLongestName = 512;

}  // namespace

std::vector<NamedFunction> Image::Functions() const {
  std::vector<NamedFunction> functions;
  for (const char* name : {".symtab", ".dynsym"}) {
    const std::optional<Section> table = FindSection(name);
    const std::optional<Section> text = FindSection(std::strcmp(name, ".symtab") == 0 ? ".strtab" : ".dynstr");
    if (!table || !text || table->entry_size != sizeof(Elf64_Sym) || text->size > kMostText) continue;
    std::vector<Elf64_Sym> symbols(std::min(table->size / sizeof(Elf64_Sym), kMostSymbols));
    std::vector<u8> names(text->size);
    const std::span<u8> bytes(reinterpret_cast<u8*>(symbols.data()), symbols.size() * sizeof(Elf64_Sym));
    if (!source_->ReadAt(table->offset, bytes) || !source_->ReadAt(text->offset, names)) continue;
    for (const Elf64_Sym& symbol : symbols) {
      const u32 type = ELF64_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names.size())
        continue;
      const char* start = reinterpret_cast<const char*>(names.data()) + symbol.st_name;
      functions.push_back({symbol.st_value, symbol.st_size,
                           std::string(start, strnlen(start, std::min(kLongestName, names.size() - symbol.st_name)))});
    }
    if (!functions.empty()) break;
  }
  std::stable_sort(functions.begin(), functions.end(),
                   [](const auto& a, const auto& b) { return a.address < b.address; });
  return functions;
}

}  // namespace unleak::elf
