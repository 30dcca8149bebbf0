#include "pylayout/tables.h"

#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>

namespace unleak::pylayout {
namespace {

template <std::size_t kSize>
void CopyName(char (&to)[kSize], const char* name) {
  std::memset(to, 0, kSize);
  std::strncpy(to, name, kSize - 1);
}

void AddRoot(unleak_named_offset* roots, i32& count, const char* name, i32 offset) {
  if (count >= UNLEAK_MAX_ROOTS) return;
  roots[count].offset = offset;
  CopyName(roots[count].name, name);
  ++count;
}

void AddSpec(unleak_layout& layout, const char* name, i32 basic_size, i32 subtypes, unleak_kind kind, i32 indirect,
             i32 indirect_n, std::initializer_list<i32> offsets) {
  if (layout.specs_n >= UNLEAK_MAX_SPECS || offsets.size() > UNLEAK_MAX_SPEC_OFFSETS) return;
  unleak_spec& spec = layout.specs[layout.specs_n++];
  CopyName(spec.name, name);
  spec.basic_size = basic_size;
  spec.subtypes = subtypes;
  spec.kind = kind;
  spec.n = 0;
  for (i32 offset : offsets) spec.offset[spec.n++] = offset;
  spec.indirect = indirect;
  spec.indirect_n = indirect_n;
}

// A layout in which no version-dependent field exists.
unleak_layout Blank() {
  unleak_layout layout;
  std::memset(&layout, 0xff, sizeof layout);
  layout.size = sizeof layout;
  layout.interpreter_roots_n = layout.thread_roots_n = layout.specs_n = 0;
  return layout;
}

using Filler = void (*)(unleak_layout&);

constexpr std::array<Filler, 8> kFillers = {
    [](unleak_layout& l) {
#include "pylayout/tables/3_9.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_10.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_11.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_12.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_13.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_13t.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_14.inc"
    },
    [](unleak_layout& l) {
#include "pylayout/tables/3_15.inc"
    },
};

using Tables = std::array<unleak_layout, kFillers.size()>;

const Tables& AllTables() {
  static const std::unique_ptr<const Tables> kTables = [] {
    auto tables = std::make_unique<Tables>();
    for (std::size_t i = 0; i < kFillers.size(); ++i) {
      (*tables)[i] = Blank();
      kFillers[i]((*tables)[i]);
    }
    return tables;
  }();
  return *kTables;
}

}  // namespace

const unleak_layout* FindLayout(u32 python_hex, bool free_threaded) {
  for (const unleak_layout& layout : AllTables()) {
    if (static_cast<u32>(layout.hex) >> 16 == python_hex >> 16 && (layout.free_threaded == 1) == free_threaded) return &layout;
  }
  return nullptr;
}

const std::vector<const unleak_layout*>& AllLayouts() {
  static const std::vector<const unleak_layout*> kAll = [] {
    std::vector<const unleak_layout*> all;
    for (const unleak_layout& layout : AllTables()) all.push_back(&layout);
    return all;
  }();
  return kAll;
}

std::string VersionName(const unleak_layout& layout) {
  u32 hex = static_cast<u32>(layout.hex);
  return std::to_string(hex >> 24) + "." + std::to_string(hex >> 16 & 0xff) + (layout.free_threaded == 1 ? "t" : "");
}

}  // namespace unleak::pylayout
