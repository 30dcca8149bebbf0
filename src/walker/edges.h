/* Edges: writes them, and sees to it that what they lead to is visited once. Walker blob only. */
#pragma once
#include "walker/labels.h"

/* A leaf is written at once, in between the edges of the object at hand. */
OUTLINE void write_leaf(Context *c, u64 object, Type *t) {
  u32 size = extent(c, object, t), count = refcount(c, object), value = t->kind == UNLEAK_INT ? int_value(c, object) : 0;
  u64 length = length_of(c, object, t);
  put4(c, object | UNLEAK_LEAF_NODE, (u64)t->index << 32 | size, (u64)count << 32 | value,
       length << 16 | leaf_flags(c, object, t, count));
  c->nodes++;
  t->count++;
}

/* First sight of an object: 0 if it is none. Tracked objects are left to the collector's lists. An object with reference
 * count 0 is none (any more): it is being freed, or kept for reuse (co_zombieframe of 3.9, 3.10). */
OUTLINE int meet(Context *c, u64 object, u64 class) {
  Type *t = type_at(c, object);
  if (UNLIKELY(!t)) {
    c->bad_edges++;
    c->last_bad = object;
    return 0;
  }
  if (UNLIKELY(!load32(object)) && !c->layout.free_threaded) {
    c->dead_targets += class == UNLEAK_TRAVERSE;
    return 0;
  }
  if (t->leaf) {
    write_leaf(c, object, t);
    return 1;
  }
  if (!c->follow_tracked && is_tracked(c, object, t)) return 1;
  if (c->pending + c->pending_count * 8 + 8 > c->pending_end) c->broken_links++;
  else *(u64 *)(c->pending + c->pending_count++ * 8) = object;
  return 1;
}

INLINE void add_edge(Context *c, u64 target, u64 class, u64 label) {
  if (!target) return;
  u64 leaf;
  if (UNLIKELY(!sane(target)) || UNLIKELY(!(leaf = bitmap_leaf(c, target)))) {
    c->bad_edges++;
    c->last_bad = target;
    return;
  }
  if (!test_and_set(leaf, target) && UNLIKELY(!meet(c, target, class))) {
    clear_visited(leaf, target);
    return;
  }
  put2(c, target | class, label);
  c->edges++;
  if (target == c->heap_type) c->saw_type = 1;
}

OUTLINE void edge(Context *c, u64 target, u64 class, u64 label) { add_edge(c, target, class, c->labels ? label : 0); }

/* Does an untracked object hold a tracked one? Then the collector does not see that reference. */
OUTLINE void note_tracked(Context *c, u64 target) {
  if (!sane(target) || !bitmap_leaf(c, target)) return;
  Type *t = type_at(c, target);
  if (t && t->gc && is_tracked(c, target, t)) c->saw_tracked = 1;
}

/* The visitproc that is given to tp_traverse. */
static int visit(u64 target, Context *c) {
  u64 label = label_of(c, target);
  if (UNLIKELY(c->watch_tracked)) note_tracked(c, target);
  if (UNLIKELY(target == c->instance_dict)) c->instance_dict = 0;
  add_edge(c, target, UNLEAK_TRAVERSE, label);
  return 0;
}

/* A word that may be a pointer to an object. Memory of a freed object may still look like it, so an object of a GC type
 * counts only if the collector tracks it, or something else has led to it: what is freed is not tracked. */
static void maybe_edge(Context *c, u64 word, u64 label) {
  u64 leaf;
  if (!sane(word) || !(leaf = bitmap_leaf(c, word))) return;
  u64 type = probe(word + (u64)c->layout.object.type);
  Type *t = sane(type) ? type_of(c, type) : 0;
  if (!t) return;
  u32 count = refcount(c, word);
  if (!c->layout.free_threaded && load16(word + 4)) return; /* no count, but a link of a list of free blocks */
  if (!count || (count > 1u << 28 && !is_immortal(c, count))) return;
  if (t->gc && !(*bitmap_word(leaf, word) & bitmap_bit(word)) && !is_tracked(c, word, t)) return;
  edge(c, word, UNLEAK_CONSERVATIVE, label);
}
