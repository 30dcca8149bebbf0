/* Writes stream records into the ring (stream.h). Records are never cut by the end of a slot. Walker blob only. */
#pragma once
#include "walker/abi.h"
#include "walker/memory.h"

enum { RECORD_BYTES = 32 }; /* the longest record */

INLINE void request(Context *c, u64 what) {
  c->request = what;
  __asm__ volatile("int3" ::: "memory");
}

/* Hands the slot over and takes the next one, waiting for the tracer where all are full. */
OUTLINE void next_slot(Context *c) {
  u64 slot = c->written % UNLEAK_RING_SLOTS;
  c->slot_words[slot] = (c->out - (c->ring + slot * UNLEAK_SLOT_BYTES)) / 8;
  __asm__ volatile("" ::: "memory"); /* x86-64 keeps the order of stores */
  c->written++;
  while (c->written - c->drained >= UNLEAK_RING_SLOTS) request(c, UNLEAK_REQUEST_ROOM);
  c->out = c->ring + (c->written % UNLEAK_RING_SLOTS) * UNLEAK_SLOT_BYTES;
  c->out_end = c->out + UNLEAK_SLOT_BYTES;
  if (UNLIKELY(c->edges > c->edge_limit) && c->object) {
    c->request = UNLEAK_REQUEST_HANG;
    __asm__ volatile("ud2"); /* a traverse that never ends: as if it hung */
  }
}

INLINE u64 *record(Context *c) {
  if (UNLIKELY(c->out + RECORD_BYTES > c->out_end)) next_slot(c);
  return (u64 *)c->out;
}

INLINE void put2(Context *c, u64 a, u64 b) {
  u64 *to = record(c);
  to[0] = a;
  to[1] = b;
  c->out = (u64)(to + 2);
}

INLINE void put4(Context *c, u64 a, u64 b, u64 d, u64 e) {
  u64 *to = record(c);
  to[0] = a;
  to[1] = b;
  to[2] = d;
  to[3] = e;
  c->out = (u64)(to + 4);
}
