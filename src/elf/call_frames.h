// How to find the caller of a function and the registers that it has to give back, at any instruction: by the table
// that compilers leave in every object for exceptions and debuggers (.eh_frame, found by .eh_frame_hdr; x86-64).
//
// Source: System V ABI for x86-64, 4.2.4; DWARF 5, 6.4; Linux Standard Base, 10.6. Also stripped objects have it. What
// is computed there by an expression is not known here: compilers use those for the linker's stubs alone. Everything is
// hostile: sizes are bounded, a broken table finds nothing.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/types.h"
#include "elf/image.h"

namespace unleak::elf {

inline constexpr size_t kDwarfRegisters = 17;  // by DWARF's numbers; the last is the return address
inline constexpr u8 kDwarfReturn = 16;

struct FrameRule {
  struct Saved {
    enum Kind : u8 { kSame, kAtOffset, kUnknown };
    Kind kind = kSame;
    i64 offset = 0;  // from the frame's start
  };
  u64 function = 0;  // where the code begins that the entry describes; the object's address
  bool known = false;
  u8 base = 0;       // the frame starts at this register, by DWARF's number,
  i64 distance = 0;  // plus this many bytes: what the stack pointer was before the call
  std::array<Saved, kDwarfRegisters> registers;
};

class CallFrames {
 public:
  // Keeps a reference to `image`.
  explicit CallFrames(const Image& image);
  // Of the instruction at or around `address`, the object's own; nothing where the table has no entry.
  std::optional<FrameRule> RuleAt(u64 address) const;

 private:
  std::optional<u64> EntryOf(u64 address) const;

  const Image& image_;
  u64 header_ = 0, table_ = 0;
  u32 count_ = 0;
};

}  // namespace unleak::elf
