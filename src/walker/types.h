/* The type table: what the walker needs to know of a type, looked up once. Walker blob only. */
#pragma once
#include "walker/output.h"

/* Bits of tp_flags that all versions 3.9 - 3.15 share (Include/object.h). */
enum { FLAG_HEAP = 9, FLAG_GC = 14, FLAG_INT = 24, FLAG_LIST = 25, FLAG_TUPLE = 26, FLAG_BYTES = 27, FLAG_STR = 28,
       FLAG_DICT = 29, FLAG_TYPE = 31 };

INLINE int has_flag(u64 flags, int bit) { return (int)(flags >> bit & 1); }

/* Is the zero-terminated text at `address` the same as `name` (of at most `limit` bytes)? */
static int same_text(u64 address, const char *name, int limit) {
  for (int i = 0; i < limit; i++) {
    u8 byte = (u8)probe(address + (u64)i);
    if (byte != (u8)name[i]) return 0;
    if (!byte) return 1;
  }
  return 0;
}

static int has_dot(const char *name) {
  for (int i = 0; i < 32 && name[i]; i++)
    if (name[i] == '.') return 1;
  return 0;
}

/* The spec that holds for a type: its own, or one of a base class that says so. -1 = none. */
static i32 find_spec(const Context *c, u64 type) {
  const struct unleak_layout *l = &c->layout;
  int subclass = 0;
  for (int depth = 0; type && depth < 64; depth++, subclass = 1) {
    int heap = has_flag(probe(type + (u64)l->type.flags), FLAG_HEAP);
    u64 name = probe(type + (u64)l->type.name), basic = probe(type + (u64)l->type.basic_size);
    for (i32 i = 0; i < l->specs_n; i++) {
      const struct unleak_spec *s = &l->specs[i];
      if (subclass && !s->subtypes) continue;
      if (heap && !has_dot(s->name)) continue;
      if (s->basic_size && (u64)(i64)s->basic_size != basic) continue;
      if (same_text(name, s->name, (int)sizeof s->name)) return i;
    }
    if (!heap) return -1;
    type = probe(type + (u64)l->type.base);
  }
  return -1;
}

static u8 kind_by_flags(u64 flags) {
  if (has_flag(flags, FLAG_TYPE)) return UNLEAK_TYPE;
  if (has_flag(flags, FLAG_DICT)) return UNLEAK_DICT;
  if (has_flag(flags, FLAG_LIST)) return UNLEAK_LIST;
  if (has_flag(flags, FLAG_TUPLE)) return UNLEAK_TUPLE;
  if (has_flag(flags, FLAG_INT)) return UNLEAK_INT;
  if (has_flag(flags, FLAG_STR)) return UNLEAK_STR;
  if (has_flag(flags, FLAG_BYTES)) return UNLEAK_BYTES;
  return UNLEAK_PLAIN;
}

static u8 shape_of(const Context *c, u64 name, u64 flags) {
  const struct unleak_layout *l = &c->layout;
  if (!has_flag(flags, FLAG_HEAP)) {
    if (same_text(name, "frame", 6)) return UNLEAK_SHAPE_FRAME;
    if (l->frame.internal && (same_text(name, "generator", 10) || same_text(name, "coroutine", 10) ||
                              same_text(name, "async_generator", 16)))
      return UNLEAK_SHAPE_GENERATOR;
  }
  u32 managed = (u32)l->attributes.managed_flag | (u32)l->attributes.inline_flag;
  return l->attributes.mode && (flags & managed) ? UNLEAK_SHAPE_INSTANCE : UNLEAK_SHAPE_BODY;
}

/* Objects of the type hold nothing, so they are written when first seen. */
static u8 is_leaf(const Context *c, const Type *t) {
  if (t->gc || t->heap || (t->spec >= 0 && c->layout.specs[t->spec].n)) return 0;
  return t->kind == UNLEAK_STR || t->kind == UNLEAK_INT || t->kind == UNLEAK_LEAF || t->kind == UNLEAK_BYTES ||
         t->kind == UNLEAK_BYTEARRAY;
}

INLINE int is_type_object(const Context *c, u64 type) {
  u64 meta = probe(type + (u64)c->layout.object.type);
  return sane(meta) && has_flag(probe(meta + (u64)c->layout.type.flags), FLAG_TYPE);
}

/* Fills a free slot for the type object at `type`; 0 if that is none. READY is not asked for: 3.9 has static types
 * without it. That the type of its type is a type, and that of that one too, is. */
OUTLINE Type *add_type(Context *c, u64 type, Type *t) {
  const struct unleak_layout *l = &c->layout;
  if (!sane(type) || !bitmap_leaf(c, type) || !is_type_object(c, type)) return 0;
  if (!is_type_object(c, probe(type + (u64)l->object.type))) return 0;
  u64 flags = probe(type + (u64)l->type.flags), basic = probe(type + (u64)l->type.basic_size);
  u64 name = probe(type + (u64)l->type.name);
  if (basic < 16 || basic > 1 << 20 || !(u8)probe(name)) return 0;
  t->tp_flags = flags;
  t->basic_size = (u32)basic;
  t->item_size = (u32)load(type + (u64)l->type.item_size);
  t->gc = (u8)has_flag(flags, FLAG_GC);
  t->heap = (u8)has_flag(flags, FLAG_HEAP);
  t->traverse = t->gc ? load(type + (u64)l->type.traverse) : 0;
  t->is_gc = load(type + (u64)l->type.is_gc);
  t->cached_keys = t->heap ? load(type + (u64)l->heap_type.cached_keys) : 0;
  t->presize = (u8)((t->gc ? l->gc_header : 0) + (flags & (u32)l->preheader_flags ? 16 : 0));
  t->finalizer = load(type + (u64)l->type.finalize) || load(type + (u64)l->type.del);
  t->shape = shape_of(c, name, flags);
  t->kind = kind_by_flags(flags);
  t->spec = find_spec(c, type);
  if (t->kind != UNLEAK_PLAIN && t->spec >= 0 && l->specs[t->spec].kind != t->kind) t->spec = -1;
  if (t->spec >= 0) t->kind = (u8)l->specs[t->spec].kind;
  t->conservative = t->kind == UNLEAK_PLAIN && !t->gc;
  t->leaf = is_leaf(c, t);
  t->index = (u32)c->type_count++;
  t->address = type;
  return t;
}

INLINE Type *type_of(Context *c, u64 type) {
  for (u64 h = (type >> 4) * 0x9E3779B97F4A7C15ull >> 40;; h++) {
    Type *t = (Type *)c->types + (h & c->type_mask);
    if (LIKELY(t->address == type)) return t;
    if (t->address) continue;
    if (!type) return 0;
    while (c->type_count * 4 > c->type_mask * 3) request(c, UNLEAK_REQUEST_TYPES);
    return add_type(c, type, t);
  }
}

/* Type of the object at `object`, which need not be one: 0 then. */
INLINE Type *type_at(Context *c, u64 object) { return type_of(c, probe(object + (u64)c->layout.object.type)); }
