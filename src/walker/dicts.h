/* Key tables of dicts and of instances' attributes. Walker blob only.
 *
 * 3.9, 3.10 (Objects/dict-common.h): dk_size slots, entries {hash, key, value}. From 3.11 on (pycore_dict.h): log2 sizes,
 * entries {key, value} where all keys are str, else {hash, key, value}. In both the key is the word before the value. */
#pragma once
#include "walker/types.h"

struct key_table {
  u64 entries, count;  /* address of the first entry, entries in use */
  u64 stride, key;     /* bytes an entry; offset of the key in it, the value is behind it */
  u64 bytes;           /* of the whole table */
};

enum { MAX_ENTRIES_LOG2 = 40 };

/* 3.9, 3.10: bytes of the index of a table of `slots` slots. */
INLINE u64 old_index_bytes(u64 slots) {
  return slots * (slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8);
}

/* Describes the table at `keys`; an empty one if its sizes make no sense. */
INLINE struct key_table key_table(const Context *c, u64 keys) {
  const struct unleak_layout *l = &c->layout;
  struct key_table t = {0, 0, 24, 8, 0};
  u64 slots, index;
  if (l->keys.old) {
    slots = load(keys + (u64)l->keys.size);
    index = old_index_bytes(slots);
  } else {
    u32 log2 = load8(keys + (u64)l->keys.log2_size), log2_index = load8(keys + (u64)l->keys.log2_index_bytes);
    if (log2 > MAX_ENTRIES_LOG2 || log2_index > MAX_ENTRIES_LOG2 + 3) return t;
    slots = 1ull << log2;
    index = 1ull << log2_index;
    if (load8(keys + (u64)l->keys.kind)) t.stride = 16, t.key = 0;
  }
  u64 usable = slots * 2 / 3, used = load(keys + (u64)l->keys.nentries);
  if (used > usable || slots >> MAX_ENTRIES_LOG2) return t;
  t.entries = keys + (u64)l->keys.indices + index;
  t.count = used;
  t.bytes = (u64)l->keys.indices + index + usable * t.stride;
  return t;
}

/* The table that all empty dicts share: one slot, no entry; nobody owns it. */
INLINE int is_empty_singleton(const Context *c, u64 keys) {
  const struct unleak_layout *l = &c->layout;
  return l->keys.old ? load(keys + (u64)l->keys.size) == 1 : load8(keys + (u64)l->keys.log2_size) == 0;
}

/* Bytes of the values of a split dict or instance, where they are a block of their own, and where that starts.
 * Before 3.11 the bare array; 3.11, 3.12 (Objects/dictobject.c, new_values): a prefix in front, its size in the byte
 * before values[0]; 3.13+: a header with the capacity in front, the insertion order behind. */
INLINE u64 values_block(const Context *c, u64 keys, u64 values, u64 *start) {
  const struct unleak_layout *l = &c->layout;
  *start = values;
  if (l->attributes.mode == 13) {
    u64 capacity = load8(values);
    return (capacity + 1) * 8 + ((capacity + 7) & ~7ull);
  }
  if (l->keys.old) return load(keys + (u64)l->keys.size) * 2 / 3 * 8;
  u64 prefix = load8(values - 1), capacity = load(keys + (u64)l->keys.nentries) + load(keys + (u64)l->keys.usable);
  *start = values - prefix;
  return capacity > 255 ? 0 : prefix + capacity * 8;
}

/* 3.11, 3.12: the values of an instance that has no dict of its own yet; 0 = none (or in line, or in a dict). */
INLINE u64 instance_values(const Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  if (l->attributes.mode == 11) return load(object + (u64)(i64)l->attributes.values_offset);
  if (l->attributes.mode != 12) return 0;
  u64 word = load(object + (u64)(i64)l->attributes.dict_offset);
  return word & 1 ? word + 1 : 0;
}

/* 3.13+: header of the values that lie behind the body of an instance; 0 = the type has none. */
INLINE u64 inline_values(const Context *c, u64 object, const Type *t) {
  return c->layout.attributes.mode == 13 && t->tp_flags & (u32)c->layout.attributes.inline_flag
             ? object + t->basic_size : 0;
}
