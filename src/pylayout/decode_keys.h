// Key tables of dicts and of instances' attributes.
//
// 3.9, 3.10 (Objects/dict-common.h): dk_size slots, entries {hash, key, value}. From 3.11 on (pycore_dict.h): log2 sizes,
// entries {key, value} where all keys are str, else {hash, key, value}. In both the value is the word behind the key.
#pragma once

#include "pylayout/decode_view.h"

namespace unleak::pylayout {

struct KeyTable {
  u64 entries = 0, count = 0;   // address of the first entry; entries in use
  u64 stride = 24, key = 8;     // bytes an entry; offset of the key in it
  u64 bytes = 0;                // of the whole table; 0 = its sizes make no sense
  u64 KeyAddress(u64 i) const { return entries + i * stride + key; }
  u64 ValueAddress(u64 i) const { return KeyAddress(i) + 8; }
};

template <class M>
KeyTable ReadKeyTable(const View<M>& v, u64 keys) {
  const auto& l = v.layout.keys;
  KeyTable table;
  u64 slots = 0, index = 0;
  if (keys == 0) return table;
  if (l.old == 1) {
    slots = v.Word(keys, l.size);
    if (slots > kMaxCount) return table;
    index = slots * (slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8);
  } else {
    u32 log2 = v.Byte(keys, l.log2_size), log2_index = v.Byte(keys, l.log2_index_bytes);
    if (log2 > 40 || log2_index > 43) return table;
    slots = u64{1} << log2;
    index = u64{1} << log2_index;
    if (v.Byte(keys, l.kind) != 0) table.stride = 16, table.key = 0;
  }
  u64 usable = slots * 2 / 3, used = v.Word(keys, l.nentries);
  if (used > usable) return table;
  table.entries = At(keys, l.indices) + index;
  table.count = used;
  table.bytes = static_cast<u64>(l.indices) + index + usable * table.stride;
  return table;
}

// The table that all empty dicts share: nobody owns it.
template <class M>
bool IsEmptySingleton(const View<M>& v, u64 keys) {
  const auto& l = v.layout.keys;
  return l.old == 1 ? v.Word(keys, l.size) == 1 : v.Byte(keys, l.log2_size) == 0;
}

struct Block {
  u64 address = 0, bytes = 0;
};

// The block of the values of a split dict or instance. Before 3.11 the bare array; 3.11, 3.12 (new_values in
// Objects/dictobject.c): a prefix in front, its size in the byte before values[0]; 3.13+: a header with the capacity
// in front, the insertion order behind.
template <class M>
Block ValuesBlock(const View<M>& v, u64 keys, u64 values) {
  const unleak_layout& l = v.layout;
  if (l.attributes.mode == 13) {
    u64 capacity = v.Byte(values, 0);
    return {values, (capacity + 1) * 8 + ((capacity + 7) & ~u64{7})};
  }
  if (l.keys.old == 1) {
    u64 slots = v.Word(keys, l.keys.size);
    return {values, slots > kMaxCount ? 0 : slots * 2 / 3 * 8};
  }
  u64 prefix = v.memory.Byte(values - 1), capacity = v.Word(keys, l.keys.nentries) + v.Word(keys, l.keys.usable);
  return {values - prefix, capacity > 255 ? 0 : prefix + capacity * 8};
}

// 3.11, 3.12: values of an instance that has no dict of its own yet; 0 = none.
template <class M>
u64 ValuesApart(const View<M>& v, u64 object) {
  const auto& l = v.layout.attributes;
  if (l.mode == 11) return v.Word(object, l.values_offset);
  if (l.mode != 12) return 0;
  u64 word = v.Word(object, l.dict_offset);
  return (word & 1) != 0 ? word + 1 : 0;
}

}  // namespace unleak::pylayout
