/* References that tp_traverse leaves out, and the record of a whole object. Walker blob only. */
#pragma once
#include "walker/edges.h"

INLINE void omitted(Context *c, u64 object, i32 offset) {
  if (offset != -1) edge(c, load(object + (u64)(i64)offset), UNLEAK_OMITTED, label_of_offset(offset));
}

static void omitted_keys(Context *c, u64 keys) {
  if (!keys) return;
  struct key_table t = key_table(c, keys);
  for (u64 i = 0; i < t.count; i++)
    edge(c, load(t.entries + i * t.stride + t.key), UNLEAK_OMITTED, UNLEAK_LABEL_KEY);
}

/* 3.9, 3.10: dict_traverse reports keys by dk_lookup. What a lookup function means is learned from exact dicts: they
 * report n or 2n references for n values. (A subclass may report more: its __dict__.) */
static int old_dict_reports_keys(Context *c, u64 keys, const Type *t) {
  struct key_table table = key_table(c, keys);
  u64 function = load(keys + (u64)c->layout.keys.lookup), values = 0;
  for (u64 i = 0; i < table.count; i++) values += load(table.entries + i * table.stride + 16) != 0;
  if (!values) return 0;
  for (u64 i = 0; i < c->lookup_count; i++)
    if (c->lookups[i].function == function) return (int)c->lookups[i].reports_keys;
  int reports = c->edges >= 2 * values;
  if (!t->heap && c->lookup_count < UNLEAK_MAX_LOOKUPS) {
    c->lookups[c->lookup_count].function = function;
    c->lookups[c->lookup_count++].reports_keys = (u64)reports;
  }
  return reports;
}

/* Keys of a dict where all are str; those of a split dict belong to the table that its class owns. */
static void dict_members(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  u64 keys = load(object + (u64)l->dict.keys);
  if (load(object + (u64)l->dict.values) || !keys) return;
  int reported = l->keys.old ? old_dict_reports_keys(c, keys, t) : !load8(keys + (u64)l->keys.kind);
  if (!reported) omitted_keys(c, keys);
}

/* 3.12+: what a builtin static type owns a interpreter; the address of its state, 0 = none. Its index is in tp_subclasses. */
static u64 static_type_state(const Context *c, u64 type) {
  const struct unleak_layout *l = &c->layout;
  u64 index = load(type + (u64)l->type.subclasses) - 1, state;
  if (index < (u64)l->static_types.max) {
    state = c->interpreter + (u64)l->static_types.offset + index * (u64)l->static_types.stride;
    if (load(state + (u64)l->static_types.type) == type) return state;
  }
  if (l->static_types.offset2 != -1 && index < (u64)l->static_types.max2) {
    state = c->interpreter + (u64)l->static_types.offset2 + index * (u64)l->static_types.stride;
    if (load(state + (u64)l->static_types.type) == type) return state;
  }
  return 0;
}

static void static_type_members(Context *c, u64 type, u64 flags) {
  const struct unleak_layout *l = &c->layout;
  if (l->static_types.offset != -1 && flags & (u32)l->static_types.flag) {
    u64 state = static_type_state(c, type);
    if (state) {
      edge(c, load(state + (u64)l->static_types.dict), UNLEAK_OMITTED, label_of_offset(l->type.dict));
      edge(c, load(state + (u64)l->static_types.subclasses), UNLEAK_OMITTED, label_of_offset(l->type.subclasses));
    }
  } else {
    omitted(c, type, l->type.dict);
    omitted(c, type, l->type.subclasses);
  }
  omitted(c, type, l->type.mro);
  omitted(c, type, l->type.bases);
  omitted(c, type, l->type.cache);
}

static void type_members(Context *c, u64 type) {
  const struct unleak_layout *l = &c->layout;
  u64 flags = load(type + (u64)l->type.flags);
  if (!has_flag(flags, FLAG_HEAP)) {
    static_type_members(c, type, flags);
    return;
  }
  omitted(c, type, l->heap_type.name);
  omitted(c, type, l->heap_type.qualname);
  omitted(c, type, l->heap_type.slots);
  omitted(c, type, l->type.subclasses);
  omitted_keys(c, load(type + (u64)l->heap_type.cached_keys));
}

static void spec_members(Context *c, u64 object, const Type *t) {
  const struct unleak_spec *s = &c->layout.specs[t->spec];
  if (t->kind == UNLEAK_DATETIME && !load8(object + (u64)c->layout.datetime.has_tzinfo)) return;
  for (i32 i = 0; i < s->n; i++) omitted(c, object, s->offset[i]);
  u64 block = s->indirect >= 0 ? load(object + (u64)s->indirect) : 0;
  for (i32 i = 0; block && i < s->indirect_n; i++) edge(c, load(block + (u64)i * 8), UNLEAK_OMITTED, UNLEAK_LABEL_NONE);
}

/* The links that a call cache owns. A link's own type is reported by the cache (3.10+; before it is static). */
static void call_cache_members(Context *c, u64 object) {
  u64 next = (u64)c->layout.call_link.next, link = load(object + next);
  for (u64 n = 0; link != object && sane(link) && n < c->edge_limit; n++, link = probe(link + next))
    edge(c, link, UNLEAK_OMITTED, UNLEAK_LABEL_NONE);
}

/* What an array of objects holds. Views hold their base, which owns the buffer. */
static void ndarray_members(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 descriptor = load(object + (u64)l->ndarray.descriptor), data = load(object + (u64)l->ndarray.data);
  if (!sane(descriptor) || !sane(data) || (u8)probe(descriptor + (u64)l->ndarray.descriptor_kind) != 'O') return;
  if ((u32)probe(descriptor + (u64)l->ndarray.descriptor_number) != NDARRAY_OBJECTS) return;
  u64 count = ndarray_bytes(c, object) / 8;
  for (u64 i = 0; i < count; i++) edge(c, load(data + i * 8), UNLEAK_OMITTED, i << 3 | UNLEAK_LABEL_INDEX);
}

/* 3.12, 3.13: a generator that has ended keeps its code object; its traverse says nothing any more (Objects/genobject.c). */
static void generator_members(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  if (!l->frame.internal || l->frame.tagged || l->generator.code != -1) return;
  if ((signed char)load8(object + (u64)l->generator.state) >= l->generator.cleared)
    omitted(c, object, l->generator.iframe + l->frame.code);
}

static void omitted_members(Context *c, u64 object, const Type *t) {
  if (t->kind == UNLEAK_DICT) dict_members(c, object, t);
  else if (t->kind == UNLEAK_TYPE) type_members(c, object);
  else if (t->kind == UNLEAK_CALL_CACHE) call_cache_members(c, object);
  else if (t->kind == UNLEAK_CALL_LINK) c->saw_type = 1;
  else if (t->kind == UNLEAK_NDARRAY) ndarray_members(c, object);
  if (t->spec >= 0) spec_members(c, object, t);
  if (t->shape == UNLEAK_SHAPE_GENERATOR) generator_members(c, object);
}

INLINE int is_interned_dict(const Context *c, u64 object, const Type *t) {
  i32 offset = c->layout.interpreter.interned;
  return UNLIKELY(offset != -1) && t->kind == UNLEAK_DICT && c->interpreter && object == load(c->interpreter + (u64)offset);
}

/* Flags by the list that brought the object: 0 youngest, 2 oldest, 3 permanent (gc.freeze); negative: none. */
INLINE u32 node_flags(const Context *c, u64 object, const Type *t, u32 count, i64 generation) {
  u32 flags = leaf_flags(c, object, t, count) | (t->finalizer ? UNLEAK_NODE_FINALIZER : 0u);
  if (t->conservative) flags |= UNLEAK_NODE_OPAQUE;
  if (c->saw_tracked) flags |= UNLEAK_NODE_BLIND;
  if (c->layout.free_threaded && t->gc) {
    u8 bits = load8(object + (u64)c->layout.object.gc_bits); /* _PyGC_BITS_TRACKED 1, _PyGC_BITS_FROZEN 8 */
    return flags | (bits & 1 ? UNLEAK_NODE_TRACKED : 0u) | (bits & 8 ? UNLEAK_NODE_FROZEN : 0u);
  }
  if (generation < 0) return flags;
  return flags | UNLEAK_NODE_TRACKED | (generation == 0 ? UNLEAK_NODE_YOUNG : generation == 2 ? UNLEAK_NODE_OLD
                                        : generation == 3 ? UNLEAK_NODE_FROZEN : 0u);
}

/* May its traverse be called? Not that of a type which is no heap type: it aborts the program (Objects/typeobject.c,
 * type_traverse()). Of others that the collector passes over for now (a coroutine library's while one is suspended, by
 * tp_is_gc) the references are counted all the same. */
INLINE int may_traverse(const Type *t, int collected) { return t->traverse && (collected || t->kind != UNLEAK_TYPE); }

/* Calls the traverse of the object, then adds what it left out. */
static void all_members(Context *c, u64 object, Type *t) {
  int collected = t->traverse && (!t->is_gc || ((int (*)(u64))t->is_gc)(object));
  c->watch_tracked = collected && !is_tracked(c, object, t);
  begin_labels(c, object, t);
  /* 3.13.0 - 3.13.12, 3.14.0 - 3.14.3: an instance that has values in line reports these, and not the dict over them. */
  int managed = c->layout.attributes.mode == 13 && t->tp_flags & (u32)c->layout.attributes.managed_flag;
  c->instance_dict = managed ? load(object + (u64)(i64)c->layout.attributes.dict_offset) : 0;
  if (may_traverse(t, collected) && !t->skipped) ((int (*)(u64, void *, Context *))t->traverse)(object, (void *)visit, c);
  c->watch_tracked = 0;
  c->edge_count[UNLEAK_TRAVERSE] += c->edges;
  u64 before = c->edges;
  omitted_members(c, object, t);
  if (c->instance_dict) edge(c, c->instance_dict, UNLEAK_OMITTED, label_of_offset(c->layout.attributes.dict_offset));
  c->instance_dict = 0;
  c->edge_count[UNLEAK_OMITTED] += c->edges - before;
  before = c->edges;
  if (c->heap_type && !c->saw_type) {
    edge(c, c->heap_type, UNLEAK_TYPE_EDGE, label_of_offset(c->layout.object.type));
    c->edge_count[UNLEAK_TYPE_EDGE]++;
    before++;
  }
  if (UNLIKELY(t->conservative) && c->conservative)
    for (u32 at = (u32)c->layout.object.type + 8; at + 8 <= t->basic_size; at += 8) maybe_edge(c, load(object + at), label_of_offset(at));
  c->edge_count[UNLEAK_CONSERVATIVE] += c->edges - before;
  if (!collected && c->edges > (c->heap_type != 0)) c->saw_tracked = 1;
}

/* Writes edges, blocks and record of an object that is no leaf. */
OUTLINE void emit(Context *c, u64 object, i64 generation) {
  Type *t = type_at(c, object);
  if (UNLIKELY(!t)) {
    c->bad_edges++;
    return;
  }
  c->object = object;
  c->object_type = (u64)t;
  c->edges = 0;
  c->saw_type = c->saw_tracked = 0;
  c->heap_type = t->heap ? t->address : 0;
  if (!is_interned_dict(c, object, t)) all_members(c, object, t);
  u32 size = extent(c, object, t), count = refcount(c, object);
  u64 length = length_of(c, object, t);
  put4(c, object | UNLEAK_NODE, (u64)t->index << 32 | size, (u64)count << 32 | (u32)c->edges,
       length << 16 | node_flags(c, object, t, count, generation));
  t->count++;
  c->nodes++;
  c->object = 0;
}
