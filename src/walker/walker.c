/* The walker: goes through all objects of a frozen CPython process from inside a clone of it.
 *
 * Freestanding: no data, no relocations, no system calls, no libc; all it knows of a CPython version comes in the layout.
 * It runs on a stack of its own under PTRACE_SYSEMU. One translation unit, so that the compiler sees the hot path whole. */
#include "walker/roots.h"

void walk(Context *c);

__asm__(
    ".section .header,\"a\"\n"
    "blob_start:\n"
    ".quad 0x314b4c57414e55\n"
    ".long walk - blob_start, probe_load - blob_start, probe_end - blob_start, blob_end - blob_start\n"
    ".text\n"
    "probe:\n"
    "endbr64\n"
    "probe_load: movq (%rdi), %rax\n"
    "probe_end: ret\n");

enum { MAX_FAULTS_PER_TYPE = 16, MAX_BROKEN_LINKS = 1000 };

/* The walk came back from a fault or hang in the object at hand: says so and gives up types that do it again. */
OUTLINE void close_faulted(Context *c) {
  Type *t = (Type *)c->object_type;
  u64 object = c->object;
  c->object = 0;
  c->watch_tracked = 0;
  c->faults++;
  if (c->request == UNLEAK_REQUEST_HANG || ++t->fault_count >= MAX_FAULTS_PER_TYPE) t->skipped = 1;
  c->request = UNLEAK_REQUEST_NONE;
  put4(c, object | UNLEAK_FAULTED, (u64)t->index << 32 | t->basic_size, (u64)refcount(c, object) << 32 | (u32)c->edges,
       UNLEAK_NODE_FAULTED);
  t->count++;
  c->nodes++;
}

/* Where do we go on after a fault? */
OUTLINE void recover(Context *c) {
  if (c->object) {
    close_faulted(c);
    return;
  }
  c->faults++;
  c->broken_links++;
  c->request = UNLEAK_REQUEST_NONE;
  if (c->group) end_group(c);
  if (c->phase == UNLEAK_PHASE_LISTS) c->link = 0; /* the next list, or object */
  else c->phase++;
}

INLINE void emit_pending(Context *c) {
  while (c->pending_count) emit(c, load(c->pending + --c->pending_count * 8), -1);
}

/* Next list of the collector: three generations and the permanent one of each interpreter. 0 = that was the last. */
static int next_list(Context *c) {
  const struct unleak_layout *l = &c->layout;
  if (!c->interpreter) {
    c->interpreter = load(c->runtime + (u64)l->runtime.interpreters_head);
    c->generation = 0;
  } else if (++c->generation == 4) {
    u64 next = load(c->interpreter + (u64)l->interpreter.next);
    if (!next) return 0;
    c->interpreter = next;
    c->generation = 0;
  }
  c->list_head = c->link = c->interpreter + (u64)(c->generation < 3 ? l->interpreter.generation0 + (i32)c->generation * l->interpreter.generation_size
                                                                    : l->interpreter.permanent);
  return 1;
}

/* Next object of the lists, 0 = end. Low bits of the links are flags of the collector. A link whose back link does not
 * agree is followed all the same (a list that is being changed still ends well), but not for ever. */
static u64 next_listed(Context *c) {
  for (;;) {
    if (!c->link && !next_list(c)) return 0;
    u64 next = load(c->link) & ~3ull;
    if (next == c->list_head) {
      c->link = 0;
      continue;
    }
    if (!sane(next) || !bitmap_leaf(c, next) || c->broken_links > MAX_BROKEN_LINKS) {
      c->broken_links++;
      c->link = 0;
      continue;
    }
    if ((probe(next + 8) & ~3ull) != c->link) c->broken_links++;
    c->link = next;
    c->listed++;
    return next + 16;
  }
}

/* One object that the collector's lists brought. */
INLINE void emit_listed(Context *c, u64 object, i64 generation) {
  if (UNLIKELY(!type_at(c, object))) {
    c->bad_edges++;
    return;
  }
  if (test_and_set(bitmap_leaf(c, object), object) && c->follow_tracked) return;
  emit(c, object, generation);
}

/* Free-threaded: next object that the tracer found, 0 = end. */
static u64 next_tracked(Context *c) {
  c->interpreter = load(c->runtime + (u64)c->layout.runtime.interpreters_head);
  if (c->tracked == c->tracked_end) return 0;
  c->tracked += 8;
  c->listed++;
  return load(c->tracked - 8);
}

/* One step of the lists; the phase ends when there is no more. */
INLINE void walk_lists(Context *c) {
  u64 object = c->layout.free_threaded ? next_tracked(c) : next_listed(c);
  if (object) emit_listed(c, object, c->layout.free_threaded ? -1 : (i64)c->generation);
  else c->phase = UNLEAK_PHASE_ROOTS;
}

__attribute__((noinline, used)) void walk(Context *c) {
  if (__builtin_setjmp((void **)c->recovery)) recover(c);
  for (;;) {
    emit_pending(c);
    switch (c->phase) {
      case UNLEAK_PHASE_START: c->phase = UNLEAK_PHASE_LISTS; break;
      case UNLEAK_PHASE_LISTS: walk_lists(c); break;
      case UNLEAK_PHASE_ROOTS:
        all_roots(c);
        c->phase = UNLEAK_PHASE_STATIC;
        break;
      case UNLEAK_PHASE_STATIC:
        static_type_group(c);
        c->phase = UNLEAK_PHASE_END;
        break;
      default:
        for (;;) request(c, UNLEAK_REQUEST_DONE);
    }
  }
}
