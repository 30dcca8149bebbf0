// Read-only view of one 64-bit little-endian ELF object, in a file or in a process's memory. Only headers and what a
// look-up needs are read, never the whole file. Everything is hostile: counts are bounded, places are checked, and a
// look-up in a broken object finds nothing.
//
// Addresses are the object's own (p_vaddr, st_value); add LoadBias() for those of a process.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "elf/source.h"

namespace unleak::elf {

struct Segment {
  u32 type = 0, flags = 0;  // PT_*, PF_*
  u64 offset = 0, address = 0, file_size = 0, memory_size = 0, alignment = 0;
};

struct Section {
  std::string name;
  u32 type = 0;  // SHT_*
  u32 link = 0;
  u64 address = 0, offset = 0, size = 0, entry_size = 0;
};

struct Symbol {
  u64 address = 0, size = 0;
  u8 info = 0;  // ELF64_ST_BIND, ELF64_ST_TYPE
};

struct NamedFunction {
  u64 address = 0, size = 0;
  std::string name;  // as the linker has it (C++: mangled)
};

class Image {
 public:
  // An object in a file: source offsets are file offsets. kCorrupt, kUnsupported (32 bit, big endian) otherwise.
  static Result<Image> OpenFile(std::shared_ptr<const Source> source);
  // An object loaded at `base` (address of its ELF header): source offsets are addresses of the process.
  // Has no sections: those are seldom mapped.
  static Result<Image> OpenMemory(std::shared_ptr<const Source> source, u64 base);

  u16 machine() const { return machine_; }  // EM_*
  u16 type() const { return type_; }        // ET_EXEC, ET_DYN, ET_CORE
  const std::vector<Segment>& segments() const { return segments_; }

  // What must be added to the object's addresses in a process where the file range from `map_offset` on is mapped at
  // `map_start`; nothing if no loadable segment begins in or holds that range.
  std::optional<u64> LoadBias(u64 map_start, u64 map_offset) const;
  // Bias of an image that OpenMemory opened.
  u64 memory_bias() const { return bias_; }

  // The section of that name; files only.
  std::optional<Section> FindSection(std::string_view name) const;
  // A symbol that the object defines and exports, by the dynamic symbol table only (GNU hash, SysV hash, else linear).
  std::optional<Symbol> FindDynamicSymbol(std::string_view name) const;
  // Symbols that the object defines, also those that it does not export, by .symtab: as many as there are names, empty where
  // there is none of that name. Reads the whole table, up to 2^20 symbols; of a stripped file or of memory it finds nothing.
  std::vector<std::optional<Symbol>> FindSymbols(std::span<const std::string_view> names) const;
  // All functions that it defines, by address: of .symtab, or where it is stripped of .dynsym; files only. At most 2^20.
  std::vector<NamedFunction> Functions() const;
  // NT_GNU_BUILD_ID as bytes; empty if it has none.
  std::vector<u8> BuildId() const;

  // Bytes at an address of the object, false if they are not in the image (also zero-filled tails in files).
  bool ReadVirtual(u64 address, void* out, std::size_t bytes) const;

 private:
  struct Dynamic {
    u64 symbols = 0, strings = 0, strings_size = 0, gnu_hash = 0, hash = 0;
  };

  struct SymbolTable {
    std::vector<u8> symbols, names;  // Elf64_Sym after Elf64_Sym
  };

  Image(std::shared_ptr<const Source> source, bool in_memory) : source_(std::move(source)), in_memory_(in_memory) {}
  Status ReadHeaders(u64 base);
  Status ReadSegments(u64 base, u64 table, u16 count, u16 entry_size);
  Dynamic ReadDynamic() const;
  SymbolTable ReadTable(const char* table, const char* names) const;
  template <class Visit>
  static void ForEach(const SymbolTable& table, Visit visit);
  bool NameIs(const Dynamic& dynamic, u32 offset, std::string_view name) const;
  std::optional<Symbol> Check(const Dynamic& dynamic, u64 index, std::string_view name) const;
  std::optional<Symbol> ByGnuHash(const Dynamic& dynamic, std::string_view name) const;
  std::optional<Symbol> ByHash(const Dynamic& dynamic, std::string_view name) const;
  std::optional<Symbol> Linear(const Dynamic& dynamic, std::string_view name) const;

  std::shared_ptr<const Source> source_;
  bool in_memory_ = false;
  u64 bias_ = 0;
  u16 machine_ = 0, type_ = 0;
  u64 section_table_ = 0;
  u16 section_count_ = 0, section_entry_ = 0, section_names_ = 0;
  std::vector<Segment> segments_;
};

}  // namespace unleak::elf
