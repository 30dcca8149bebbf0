/* What an object takes up and how long it is: size, owned blocks, length, flags, value. Walker blob only. */
#pragma once
#include "walker/flags.h"
#include "walker/dicts.h"

enum { MAX_LENGTH_LOG2 = 48 };

/* Writes the record of a block that the object at hand owns; returns its bytes. */
INLINE u64 owned_block(Context *c, u64 address, u64 bytes) {
  if (!address || !bytes || bytes >> MAX_LENGTH_LOG2) return 0;
  if (c->blocks) put2(c, (address & ~7ull) | UNLEAK_BLOCK, bytes);
  return bytes;
}

/* A number of bytes or characters in the body; 0 if it cannot be one. */
INLINE u64 size_word(u64 object, i32 offset) {
  u64 n = load(object + (u64)(i64)offset);
  return n >> MAX_LENGTH_LOG2 ? 0 : n;
}

static u64 dict_blocks(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 keys = load(object + (u64)l->dict.keys), values = load(object + (u64)l->dict.values), start;
  if (!keys) return 0;
  if (!values) return is_empty_singleton(c, keys) ? 0 : owned_block(c, keys, key_table(c, keys).bytes);
  if (l->attributes.mode == 13 && load8(values + 2)) return 0; /* PyDictValues.embedded: lies in the instance */
  u64 bytes = values_block(c, keys, values, &start);
  return owned_block(c, start, bytes);
}

static u64 str_blocks(Context *c, u64 object, u32 state, u64 bytes_of_text) {
  const struct unleak_layout *l = &c->layout;
  u64 total = 0;
  if (!(state >> l->str.compact_shift & 1)) total = owned_block(c, load(object + (u64)l->str.data), bytes_of_text);
  if (!(state >> l->str.ascii_shift & 1)) {
    u64 encoded = load(object + (u64)l->str.utf8);
    if (encoded && encoded != object + (u64)l->str.compact_size && encoded != load(object + (u64)l->str.data))
      total += owned_block(c, encoded, load(object + (u64)l->str.utf8_length) + 1);
  }
  return total;
}

static u64 str_size(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  u32 state = load32(object + (u64)l->str.state), ascii = state >> l->str.ascii_shift & 1;
  u64 kind = state >> l->str.kind_shift & 7, text = (load(object + (u64)l->str.length) + 1) * (kind ? kind : 1);
  if (!(state >> l->str.compact_shift & 1)) return t->basic_size + str_blocks(c, object, state, text);
  if (ascii) return (u64)l->str.ascii_size + text;
  return (u64)l->str.compact_size + text + str_blocks(c, object, state, text);
}

static u64 deque_blocks(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 block = load(object + (u64)l->deque.left_block), last = load(object + (u64)l->deque.right_block);
  u64 most = load(object + (u64)l->object.size) / (u64)l->deque.block_items + 2, total = 0;
  for (u64 n = 0; sane(block) && n < most; n++) {
    total += owned_block(c, block, (u64)l->deque.links + 8);
    if (block == last) break;
    block = load(block + (u64)l->deque.links);
  }
  return total;
}

static u64 array_block(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 descriptor = load(object + (u64)l->array.descriptor);
  if (!sane(descriptor)) return 0;
  u64 item = load32(descriptor + (u64)l->array.descriptor_itemsize);
  return item > 16 ? 0 : owned_block(c, load(object + (u64)l->array.items), load(object + (u64)l->array.allocated) * item);
}

enum { NDARRAY_OWNS_DATA = 4, NDARRAY_OBJECTS = 17, NDARRAY_DIMENSIONS = 64 }; /* ndarraytypes.h: NPY_ARRAY_OWNDATA, NPY_OBJECT, NPY_MAXDIMS of 2.x */

/* Bytes of the buffer that an array owns: it is contiguous, so the widest dimension spans all of it. */
static u64 ndarray_bytes(const Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 n = load32(object + (u64)l->ndarray.dimensions_n), most = 0;
  u64 dimensions = load(object + (u64)l->ndarray.dimensions), strides = load(object + (u64)l->ndarray.strides);
  if (!(load32(object + (u64)l->ndarray.flags) & NDARRAY_OWNS_DATA) || load(object + (u64)l->ndarray.base)) return 0;
  if (!n || n > NDARRAY_DIMENSIONS || !sane(dimensions) || !sane(strides)) return 0;
  for (u64 i = 0; i < n; i++) {
    u64 count = probe(dimensions + i * 8), stride = probe(strides + i * 8);
    if (!count) return 0;
    if (count >> MAX_LENGTH_LOG2 || stride >> MAX_LENGTH_LOG2) return 0;
    if (stride && count > (1ull << MAX_LENGTH_LOG2) / stride) return 0;
    if (count * stride > most) most = count * stride;
  }
  return most;
}

INLINE u64 ndarray_block(Context *c, u64 object) {
  return owned_block(c, load(object + (u64)c->layout.ndarray.data), ndarray_bytes(c, object));
}

/* Values of an instance that lie outside its body (3.11, 3.12: block) or behind it (3.13+). */
static u64 instance_extra(Context *c, u64 object, const Type *t) {
  u64 behind = inline_values(c, object, t), start;
  if (behind) return values_block(c, 0, behind, &start);
  u64 values = instance_values(c, object);
  if (!values || !t->cached_keys) return 0;
  u64 bytes = values_block(c, t->cached_keys, values, &start);
  return owned_block(c, start, bytes);
}

/* The code object of an internal frame, checked; 0 if it is none. */
static u64 frame_code(Context *c, u64 frame) {
  u64 code = probe(frame + (u64)c->layout.frame.code) & ~(c->layout.frame.tagged ? 3ull : 0ull);
  if (!sane(code)) return 0;
  Type *t = type_at(c, code);
  return t && t->spec == 0 ? code : 0;
}

/* Words of localsplus and evaluation stack of a frame that runs `code` (3.11+). */
INLINE u64 frame_slots(const Context *c, u64 code, u64 *locals) {
  u64 count = load32(code + (u64)c->layout.code.nlocalsplus), stack = load32(code + (u64)c->layout.code.stacksize);
  *locals = count > 65536 ? 0 : count;
  return *locals + (stack > 65536 ? 0 : stack);
}

/* Frame object or generator from 3.11 on: its frame lies behind its body; tp_itemsize says nothing about it. */
static u64 frame_extra(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  u64 frame = t->shape == UNLEAK_SHAPE_GENERATOR ? object + (u64)l->generator.iframe
                                                : probe(object + (u64)l->frame.object_frame);
  u64 code = frame_code(c, frame), locals;
  if (!code) return 0;
  u64 bytes = frame_slots(c, code, &locals) * 8;
  return t->shape == UNLEAK_SHAPE_GENERATOR ? bytes : bytes + (u64)l->frame.localsplus;
}

INLINE u64 item_count(const Context *c, u64 object) {
  i64 n = (i64)load(object + (u64)c->layout.object.size);
  if (n < 0) n = -n;
  return n >> MAX_LENGTH_LOG2 ? 0 : (u64)n;
}

INLINE u64 int_digits(const Context *c, u64 object) {
  return c->layout.integer.old ? item_count(c, object) : load(object + (u64)c->layout.integer.tag) >> 3;
}

/* Bytes behind the body that the kind of the object implies, with its blocks (whose records it writes). */
static u64 kind_extra(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  switch (t->kind) {
    case UNLEAK_LIST: return owned_block(c, load(object + (u64)l->list.items), load(object + (u64)l->list.allocated) * 8);
    case UNLEAK_DICT: return dict_blocks(c, object);
    case UNLEAK_SET: {
      u64 table = load(object + (u64)l->set.table);
      return table == object + (u64)l->set.small_table ? 0 : owned_block(c, table, (load(object + (u64)l->set.mask) + 1) * 16);
    }
    case UNLEAK_BYTEARRAY: /* 3.15 keeps the buffer in a bytes object, a node of its own */
      if (l->bytearray.object != -1) return 0;
      return owned_block(c, load(object + (u64)l->bytearray.bytes), load(object + (u64)l->bytearray.alloc));
    case UNLEAK_DEQUE: return deque_blocks(c, object);
    case UNLEAK_ARRAY: return array_block(c, object);
    case UNLEAK_TEXT_FILE:
      return owned_block(c, load(object + (u64)l->memory_file.buffer), size_word(object, l->memory_file.allocated) * 4);
    case UNLEAK_NDARRAY: return ndarray_block(c, object);
    case UNLEAK_TYPE: return has_flag(load(object + (u64)l->type.flags), FLAG_HEAP) ? t->item_size * item_count(c, object) : 0;
    case UNLEAK_DATETIME: return load8(object + (u64)l->datetime.has_tzinfo) ? 0 : (u64)-8; /* allocated without tzinfo */
    default: break;
  }
  if (l->frame.internal && (t->shape == UNLEAK_SHAPE_FRAME || t->shape == UNLEAK_SHAPE_GENERATOR)) return frame_extra(c, object, t);
  return t->item_size ? t->item_size * item_count(c, object) : 0;
}

/* Size as the node record wants it; writes records of blocks, and of the size itself where it does not fit. */
static u32 extent(Context *c, u64 object, const Type *t) {
  u64 size = t->presize;
  if (t->kind == UNLEAK_STR) {
    size += str_size(c, object, t);
  } else if (t->kind == UNLEAK_INT) {
    u64 digits = int_digits(c, object);
    size += t->heap ? t->basic_size + 4 * digits : (u64)c->layout.integer.digits + 4 * (digits ? digits : 1);
  } else {
    size += t->basic_size + kind_extra(c, object, t);
  }
  if (t->shape == UNLEAK_SHAPE_INSTANCE) size += instance_extra(c, object, t);
  if (size < 0xffffffff) return (u32)size;
  put2(c, UNLEAK_BLOCK, size);
  return 0xffffffff;
}

static u64 length_of(const Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  switch (t->kind) {
    case UNLEAK_LIST: case UNLEAK_TUPLE: case UNLEAK_BYTES: case UNLEAK_BYTEARRAY: case UNLEAK_DEQUE: case UNLEAK_ARRAY:
      return item_count(c, object);
    case UNLEAK_STR: return load(object + (u64)l->str.length);
    case UNLEAK_DICT: return load(object + (u64)l->dict.used);
    case UNLEAK_SET: return load(object + (u64)l->set.used);
    case UNLEAK_TEXT_FILE: case UNLEAK_BYTES_FILE: return size_word(object, l->memory_file.length);
    default: return 0;
  }
}

/* Value of an int of at most one digit, biased by 2^31; 0 = not given. */
static u32 int_value(const Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 tag = load(object + (u64)l->integer.tag);
  if (int_digits(c, object) > 1) return 0;
  int negative = l->integer.old ? (i64)tag < 0 : (tag & 3) == 2;
  int zero = l->integer.old ? !tag : (tag & 3) == 1;
  i64 value = zero ? 0 : (i64)(load32(object + (u64)l->integer.digits) & 0x3fffffff);
  return (u32)((negative ? -value : value) + (1ll << 31));
}

/* Reference count; free-threaded: both halves together, without the bias of deferred counting. All ones = immortal. */
INLINE u32 refcount(const Context *c, u64 object) {
  if (!c->layout.free_threaded) return load32(object);
  u32 local = load32(object + 12); /* ob_ref_local, Include/object.h of 3.13t */
  if (local == ~0u) return local;
  u32 shared = (u32)(load(object + (u64)c->layout.object.ref_shared) >> 2);
  return local + shared - !!(load8(object + (u64)c->layout.object.gc_bits) & c->layout.object.deferred_bit);
}

INLINE int is_immortal(const Context *c, u32 count) {
  if (c->layout.free_threaded) return count == ~0u;
  return c->layout.immortal_mode == 2 ? (i32)count < 0 : c->layout.immortal_mode == 1 && count >= 900000000;
}

/* In the collector's lists, or marked so (free-threaded: bit 0 of ob_gc_bits)? */
INLINE int is_tracked(const Context *c, u64 object, const Type *t) {
  if (!t->gc) return 0;
  if (c->layout.free_threaded) return load8(object + (u64)c->layout.object.gc_bits) & 1;
  if (t->is_gc && !((int (*)(u64))t->is_gc)(object)) return 0;
  return load(object - 16) != 0;
}

static u32 leaf_flags(const Context *c, u64 object, const Type *t, u32 count) {
  u32 flags = is_immortal(c, count) ? UNLEAK_NODE_IMMORTAL : 0;
  if (t->kind == UNLEAK_STR) {
    u32 state = load32(object + (u64)c->layout.str.state);
    if (state >> c->layout.str.interned_shift & ((1u << c->layout.str.interned_bits) - 1)) flags |= UNLEAK_NODE_INTERNED;
  }
  return flags;
}
