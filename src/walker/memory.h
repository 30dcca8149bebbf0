/* Loads from the frozen heap, the visited bitmap, and what may be an address. Walker blob only. */
#pragma once
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;
typedef int64_t i64;
typedef int32_t i32;
typedef struct unleak_context Context;
typedef struct unleak_type_entry Type;

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define INLINE static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline))

/* Plain loads: of objects that were recognised. A fault costs the object at hand. */
INLINE u64 load(u64 address) { return *(const u64 *)address; }
INLINE u32 load32(u64 address) { return *(const u32 *)address; }
INLINE uint16_t load16(u64 address) { return *(const uint16_t *)address; }
INLINE u8 load8(u64 address) { return *(const u8 *)address; }
/* A field whose offset the layout gives; a field that this version does not have (-1) reads as 0. */
INLINE u64 field(u64 object, i32 offset) { return offset == -1 ? 0 : load(object + (u64)(i64)offset); }

/* A load of what may be no address at all: 0 if nothing is mapped there (the tracer fixes the fault up). */
u64 probe(u64 address);

/* Could this be the address of an object? */
INLINE int sane(u64 address) { return !(address & 7) && address && !(address >> 47); }

/* Visited bitmap: one bit for 16 bytes; the tracer laid out a leaf of 8 MiB for each GiB that has mappings. */
INLINE u64 bitmap_leaf(const Context *c, u64 address) { return load(c->bitmap_top + (address >> 30) * 8); }
INLINE u64 *bitmap_word(u64 leaf, u64 address) { return (u64 *)leaf + (address >> 10 & ((1u << 20) - 1)); }
INLINE u64 bitmap_bit(u64 address) { return 1ull << (address >> 4 & 63); }
INLINE int test_and_set(u64 leaf, u64 address) {
  u64 *word = bitmap_word(leaf, address), bit = bitmap_bit(address);
  if (*word & bit) return 1;
  *word |= bit;
  return 0;
}
INLINE void clear_visited(u64 leaf, u64 address) { *bitmap_word(leaf, address) &= ~bitmap_bit(address); }
