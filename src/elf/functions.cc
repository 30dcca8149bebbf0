// The whole table of symbols of an object: all functions, for naming addresses, and what it does not export.
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "elf/image.h"

namespace unleak::elf {
namespace {

constexpr u64 kMostSymbols = 1 << 20;
constexpr u64 kMostText = u64{64} << 20;
constexpr std::size_t kLongestName = 512;

}  // namespace

// Each symbol that the object defines, with its name.
template <class Visit>
void Image::ForEach(const SymbolTable& table, Visit visit) {
  for (std::size_t at = 0; at < table.symbols.size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, table.symbols.data() + at, sizeof symbol);
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= table.names.size()) continue;
    const char* start = reinterpret_cast<const char*>(table.names.data()) + symbol.st_name;
    visit(symbol, std::string_view(start, strnlen(start, std::min(kLongestName, table.names.size() - symbol.st_name))));
  }
}

Image::SymbolTable Image::ReadTable(const char* table, const char* names) const {
  SymbolTable found;
  const std::optional<Section> symbols = FindSection(table);
  const std::optional<Section> text = FindSection(names);
  if (!symbols || !text || symbols->entry_size != sizeof(Elf64_Sym) || text->size > kMostText) return found;
  found.symbols.resize(std::min(symbols->size / sizeof(Elf64_Sym), kMostSymbols) * sizeof(Elf64_Sym));
  found.names.resize(text->size);
  if (!source_->ReadAt(symbols->offset, found.symbols) || !source_->ReadAt(text->offset, found.names)) return {};
  return found;
}

std::vector<std::optional<Symbol>> Image::FindSymbols(std::span<const std::string_view> names) const {
  std::vector<std::optional<Symbol>> found(names.size());
  ForEach(ReadTable(".symtab", ".strtab"), [&](const Elf64_Sym& symbol, std::string_view name) {
    if (symbol.st_value == 0) return;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!found[i] && name == names[i]) found[i] = Symbol{symbol.st_value, symbol.st_size, symbol.st_info};
    }
  });
  return found;
}

std::vector<NamedFunction> Image::Functions() const {
  std::vector<NamedFunction> functions;
  for (const auto& [symbols, names] : {std::pair{".symtab", ".strtab"}, std::pair{".dynsym", ".dynstr"}}) {
    ForEach(ReadTable(symbols, names), [&](const Elf64_Sym& symbol, std::string_view name) {
      const u32 type = ELF64_ST_TYPE(symbol.st_info);
      if (type != STT_FUNC && type != STT_GNU_IFUNC) return;
      functions.push_back({symbol.st_value, symbol.st_size, std::string(name)});
    });
    if (!functions.empty()) break;
  }
  std::stable_sort(functions.begin(), functions.end(),
                   [](const auto& a, const auto& b) { return a.address < b.address; });
  return functions;
}

}  // namespace unleak::elf
