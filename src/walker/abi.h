/* What the tracer and the walker blob share: the context page and the ring of stream words behind it, both in one
 * memfd that the clone and the tracer map. The only other channel is `int3` with `request` set.
 *
 * The tracer fills the context and jumps to the header's walk(context). It reads slots [drained, written) of the ring
 * at any time. When code that the walker called faults, hangs or makes a system call, the tracer sets the clone's
 * registers to `recovery`, and the walker marks the object at hand as faulted and goes on. */
#pragma once
#include <stdint.h>
#include "pylayout/layout.h"
#include "walker/stream.h"

enum {
  UNLEAK_RING_SLOTS = 16,
  UNLEAK_SLOT_BYTES = 1 << 20,
  UNLEAK_CONTEXT_BYTES = 1 << 16, /* of the memfd in front of the ring */
  UNLEAK_MAX_SPANS = 6,
  UNLEAK_MAX_LOOKUPS = 8,
};

enum unleak_request {
  UNLEAK_REQUEST_NONE = 0,
  UNLEAK_REQUEST_ROOM = 1,  /* the ring is full: run me again when a slot is drained */
  UNLEAK_REQUEST_DONE = 2,
  UNLEAK_REQUEST_TYPES = 3, /* the type table is full: the walk cannot go on */
  UNLEAK_REQUEST_HANG = 4,  /* set by the tracer: the recovery is because of a hang, give the type up */
};

/* Where the walker is; a fault is put down to what it says. */
enum unleak_phase {
  UNLEAK_PHASE_START = 0,
  UNLEAK_PHASE_LISTS = 1,   /* the collector's lists; free-threaded: what the tracer found */
  UNLEAK_PHASE_ROOTS = 2,
  UNLEAK_PHASE_STATIC = 3,
  UNLEAK_PHASE_END = 4,
};

/* A run of words in which members of the object at hand lie, for naming edges. */
struct unleak_span {
  uint64_t first, end, next; /* addresses: first word, one step behind the last, where the next match is expected */
  int64_t step;              /* bytes from word to word; negative for runs that traverse goes through backwards */
  uint64_t names;            /* VALUE, ATTR: address of the first key, 0 = in front of each word; BODY: address of offset 0 */
  uint32_t names_step;
  uint32_t kind;             /* enum unleak_label */
  uint64_t mask;             /* bits of a word that are the pointer */
};

struct unleak_context {
  uint64_t magic;
  /* set by the tracer; addresses are the clone's */
  uint64_t runtime;                   /* _PyRuntime */
  uint64_t bitmap_top;                /* word per GiB of address space: its 8 MiB leaf of visited bits, 0 = nothing mapped there */
  uint64_t types, type_mask;          /* hash table of unleak_type_entry, entries - 1 */
  uint64_t pending, pending_end;      /* stack of objects to visit */
  uint64_t ring;
  uint64_t tracked, tracked_end;      /* free-threaded: addresses of the objects that the collector knows */
  uint64_t edge_limit;                /* more edges than one object can have: a traverse that never ends */
  uint32_t follow_tracked;            /* the lists are not trusted: follow tracked objects from edges too */
  uint32_t conservative;              /* scan bodies of opaque objects */
  uint32_t labels, blocks;            /* 0: leave label words zero, send no block records (measuring only) */

  /* output */
  uint64_t out, out_end;              /* next word, end of this slot */
  volatile uint64_t written;          /* slots finished */
  volatile uint64_t drained;          /* slots taken (tracer) */
  volatile uint64_t slot_words[UNLEAK_RING_SLOTS];
  volatile uint64_t request;
  uint64_t recovery[5];               /* rbp, rip, rsp as __builtin_setjmp stores them */

  /* state of the walk, kept here because a fault may end any function */
  uint64_t phase, interpreter, generation, list_head, link;
  uint64_t group, group_context, group_extra; /* of the root group at hand; group 0 = none */
  uint64_t pending_count;
  uint64_t object, object_type;       /* at hand; 0 = none */
  uint64_t edges, edges_before;       /* of it so far; before its last phase */
  uint64_t heap_type;                 /* its type, if that is a counted heap type */
  uint64_t instance_dict;             /* 3.13+: its managed __dict__, as long as traverse has not reported that */
  uint32_t saw_type, watch_tracked, saw_tracked, flags;
  struct unleak_span spans[UNLEAK_MAX_SPANS];
  uint32_t span_count, hot_span;
  int64_t search_budget;              /* words that may still be searched for labels */
  uint64_t lookup_count;
  struct { uint64_t function, reports_keys; } lookups[UNLEAK_MAX_LOOKUPS]; /* 3.9, 3.10: what dict_traverse does, by dk_lookup */

  /* figures */
  volatile uint64_t nodes;
  uint64_t listed, edge_count[4], root_count, bad_edges, last_bad, dead_targets, broken_links, faults, type_count;

  struct unleak_layout layout;
};

#define UNLEAK_BLOB_MAGIC 0x314b4c57414e55ull /* "UNAWLK1" */

/* First bytes of the blob; the offsets are from its start. */
struct unleak_blob_header {
  uint64_t magic;
  uint32_t walk;             /* void walk(struct unleak_context *) */
  uint32_t probe, probe_end; /* a load that the tracer fixes up to 0 when it faults, and where to go on */
  uint32_t size;
};
