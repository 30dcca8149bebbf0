/* References that no object holds: interpreters, threads, running frames, static types. Walker blob only.
 *
 * Each group ends with a record of its own. The group at hand is in the context, so that after a fault what there is of
 * it can be closed. */
#pragma once
#include "walker/members.h"

enum { MAX_FRAMES = 1 << 20, MAX_CHAIN = 1 << 16 };

static void begin_group(Context *c, u64 group, u64 context, u64 extra) {
  c->edges = 0;
  c->heap_type = 0;
  c->group = group;
  c->group_context = context;
  c->group_extra = extra;
}

static void end_group(Context *c) {
  put4(c, UNLEAK_NODE, c->group, c->group_context, c->group_extra);
  c->root_count += c->edges;
  c->group = 0;
}

INLINE void root(Context *c, u64 target, u64 label) { edge(c, target, UNLEAK_TRAVERSE, label); }
INLINE u64 root_label(u64 index) { return index << 3 | UNLEAK_LABEL_ROOT; }
INLINE u64 local_label(u64 index) { return index << 3 | UNLEAK_LABEL_LOCAL; }

/* 3.14+: a slot of a frame is a tagged reference; those with a tag are ints or borrowed and own nothing. */
INLINE u64 owned_slot(const Context *c, u64 word) { return c->layout.frame.tagged && word & 3 ? 0 : word; }

/* 3.11 - 3.13: an array of pointers to {func, args, kwargs} (pycore_atexit.h); later a list that is a root. */
static void atexit_roots(Context *c) {
  const struct unleak_layout *l = &c->layout;
  if (l->interpreter.atexit_array == -1) return;
  u64 array = load(c->interpreter + (u64)l->interpreter.atexit_array);
  u64 count = load32(c->interpreter + (u64)l->interpreter.atexit_count);
  for (u64 i = 0; array && i < count && i < MAX_CHAIN; i++) {
    u64 callback = probe(array + i * 8);
    for (int j = 0; callback && j < 3; j++) root(c, load(callback + (u64)j * 8), root_label(UNLEAK_ROOT_ATEXIT));
  }
}

/* 3.10, 3.11: names that _Py_Identifier made, in a block of the interpreter (unicode.ids). */
static void identifier_roots(Context *c) {
  const struct unleak_layout *l = &c->layout;
  if (l->interpreter.ids_array == -1) return;
  u64 array = load(c->interpreter + (u64)l->interpreter.ids_array), count = load(c->interpreter + (u64)l->interpreter.ids_size);
  for (u64 i = 0; array && i < count && i < MAX_CHAIN; i++) root(c, probe(array + i * 8), root_label(UNLEAK_ROOT_IDENTIFIER));
}

static void interpreter_group(Context *c) {
  const struct unleak_layout *l = &c->layout;
  begin_group(c, UNLEAK_GROUP_INTERPRETER, c->interpreter, 0);
  for (i32 i = 0; i < l->interpreter_roots_n; i++) root(c, load(c->interpreter + (u64)l->interpreter_roots[i].offset), root_label((u64)i));
  atexit_roots(c);
  identifier_roots(c);
  end_group(c);
}

/* A frame from 3.11 on. Depth of the evaluation stack: stacktop counts slots, -1 while the frame runs (3.11 - 3.13), its
 * slots may be stale then; stackpointer is an address (3.14+). */
static void internal_frame_group(Context *c, u64 frame) {
  const struct unleak_layout *l = &c->layout;
  u64 code = frame_code(c, frame), locals = 0, slots = frame + (u64)l->frame.localsplus;
  begin_group(c, UNLEAK_GROUP_FRAME, frame, code);
  root(c, owned_slot(c, load(frame + (u64)l->frame.code)), UNLEAK_LABEL_NONE);
  if (load8(frame + (u64)l->frame.owner) < (u32)l->frame.owner_c_stack) {
    root(c, owned_slot(c, load(frame + (u64)l->frame.function)), UNLEAK_LABEL_NONE);
    root(c, load(frame + (u64)l->frame.locals), UNLEAK_LABEL_NONE);
    root(c, load(frame + (u64)l->frame.object), UNLEAK_LABEL_NONE);
    u64 all = code ? frame_slots(c, code, &locals) : 0, known = locals;
    i64 depth = (i32)load32(frame + (u64)l->frame.top);
    if (l->frame.tagged) {
      u64 top = load(frame + (u64)l->frame.top);
      depth = top ? ((i64)top - (i64)slots) / 8 : -1;
    }
    if (depth >= (i64)locals && (u64)depth <= all) known = (u64)depth;
    for (u64 i = 0; i < known; i++) root(c, owned_slot(c, load(slots + i * 8)), local_label(i));
    if (depth < 0 && c->conservative)
      for (u64 i = locals; i < all; i++) maybe_edge(c, load(slots + i * 8) & ~(l->frame.tagged ? 3ull : 0ull), local_label(i));
  }
  end_group(c);
}

/* 3.9, 3.10: the frame object has its locals as members; its evaluation stack is not reported while it runs. */
static void frame_object_group(Context *c, u64 frame) {
  u64 code = load(frame + (u64)c->layout.frame.code), locals;
  Type *t = sane(code) ? type_at(c, code) : 0;
  begin_group(c, UNLEAK_GROUP_FRAME, frame, t && t->spec == 0 ? code : 0);
  root(c, frame, UNLEAK_LABEL_NONE);
  if (t && t->spec == 0 && c->conservative) {
    u64 all = old_frame_slots(c, code, &locals), slots = frame + (u64)c->layout.frame.localsplus;
    for (u64 i = locals; i < all; i++) maybe_edge(c, load(slots + i * 8), local_label(i));
  }
  end_group(c);
}

static void thread_groups(Context *c, u64 thread) {
  const struct unleak_layout *l = &c->layout;
  begin_group(c, UNLEAK_GROUP_THREAD, thread, 0);
  for (i32 i = 0; i < l->thread_roots_n; i++) root(c, load(thread + (u64)l->thread_roots[i].offset), root_label((u64)i));
  end_group(c);
  u64 frame = l->thread.cframe != -1 ? load(load(thread + (u64)l->thread.cframe) + (u64)l->thread.cframe_current)
                                     : load(thread + (u64)l->thread.frame);
  for (int n = 0; frame && n < MAX_FRAMES; n++) {
    if (l->frame.internal) internal_frame_group(c, frame);
    else frame_object_group(c, frame);
    frame = load(frame + (u64)(l->frame.internal ? l->frame.previous : l->frame.back));
  }
}

static void all_roots(Context *c) {
  const struct unleak_layout *l = &c->layout;
  u64 interpreters = 0;
  for (c->interpreter = load(c->runtime + (u64)l->runtime.interpreters_head); c->interpreter && interpreters < MAX_CHAIN;
       c->interpreter = load(c->interpreter + (u64)l->interpreter.next), interpreters++) {
    interpreter_group(c);
    u64 threads = 0;
    for (u64 t = load(c->interpreter + (u64)l->interpreter.threads_head); t && threads < MAX_CHAIN * 16;
         t = load(t + (u64)l->thread.next), threads++)
      thread_groups(c, t);
  }
  c->interpreter = load(c->runtime + (u64)l->runtime.interpreters_head);
}

/* Static types: those that objects of the heap have, and from 3.12 on those that the interpreter lists. They are never
 * freed; up to 3.11 their one reference at the start belongs to this group. */
static void static_type_group(Context *c) {
  const struct unleak_layout *l = &c->layout;
  begin_group(c, UNLEAK_GROUP_STATIC_TYPES, c->interpreter, 0);
  for (u64 i = 0; l->static_types.offset != -1 && i < (u64)l->static_types.max; i++) {
    u64 state = c->interpreter + (u64)l->static_types.offset + i * (u64)l->static_types.stride;
    u64 type = load(state + (u64)l->static_types.type);
    if (type) type_of(c, type);
  }
  for (u64 i = 0; i <= c->type_mask; i++) {
    Type *t = (Type *)c->types + i;
    if (t->address && !t->heap) root(c, t->address, UNLEAK_LABEL_NONE);
  }
  end_group(c);
}
