// Reading CPython's structs from memory that may be anywhere: the decoders (decode_*.h) are templates on how.
//
// A Memory has u64 Word(u64 address), u32 Word32(u64), u8 Byte(u64), which never fail: what cannot be read is 0; and
// bool Has(u64 address). So a decoder must never take a value for granted: runs of words end where memory ends, chains
// after kMaxLinks.
#pragma once

#include "base/types.h"
#include "pylayout/layout.h"

namespace unleak::pylayout {

// tp_flags bits that 3.9 - 3.15 share (Include/object.h).
inline constexpr int kFlagHeap = 9, kFlagGc = 14, kFlagInt = 24, kFlagList = 25, kFlagTuple = 26, kFlagBytes = 27,
                     kFlagStr = 28, kFlagDict = 29, kFlagException = 30, kFlagType = 31;

// No object has more items, entries or bytes than this.
inline constexpr u64 kMaxCount = u64{1} << 40;

// Nor a chain more links.
inline constexpr u64 kMaxLinks = u64{1} << 28;

inline bool HasFlag(u64 flags, int bit) { return (flags >> bit & 1) != 0; }

// Could this be the address of an object?
inline bool IsSane(u64 address) { return address != 0 && (address & 7) == 0 && address >> 47 == 0; }

inline u64 At(u64 address, i64 offset) { return address + static_cast<u64>(offset); }

template <class Memory>
struct View {
  const unleak_layout& layout;
  Memory& memory;

  // A field of the object at `object`; one that the version does not have (-1) reads as 0.
  u64 Word(u64 object, i64 offset) const { return offset == -1 ? 0 : memory.Word(At(object, offset)); }
  u32 Word32(u64 object, i64 offset) const { return offset == -1 ? 0 : memory.Word32(At(object, offset)); }
  u8 Byte(u64 object, i64 offset) const { return offset == -1 ? u8{0} : memory.Byte(At(object, offset)); }

  u64 TypeOf(u64 object) const { return Word(object, layout.object.type); }
  u64 TypeFlags(u64 type) const { return Word(type, layout.type.flags); }

  // ob_size without its sign; 0 if that makes no sense.
  u64 Count(u64 object) const {
    i64 n = static_cast<i64>(Word(object, layout.object.size));
    u64 count = n < 0 ? u64{0} - static_cast<u64>(n) : static_cast<u64>(n);
    return count > kMaxCount ? 0 : count;
  }
  // Calls take(i, address) for each of `count` places, `stride` bytes apart; stops where the memory ends.
  template <class Take>
  void EachPlace(u64 first, u64 count, u64 stride, const Take& take) const {
    constexpr u64 kStep = 128;  // places between two looks at whether there is memory
    for (u64 i = 0; first != 0 && i < count && i < kMaxCount; ++i) {
      u64 address = first + i * stride;
      if (i % kStep == 0 && !memory.Has(address)) return;
      take(i, address);
    }
  }
  // Bits of a frame slot that are the pointer.
  u64 SlotMask() const { return layout.frame.tagged == 1 ? ~u64{3} : ~u64{0}; }
};

}  // namespace unleak::pylayout
