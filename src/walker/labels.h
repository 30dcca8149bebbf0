/* Names edges: where in the object at hand does the reference that traverse reports lie? Walker blob only.
 *
 * Before traverse is called, the runs of words in which the object's members lie are noted as spans. Traverse reports
 * members in the order of memory nearly always, so each reported pointer is compared with the next word of a span
 * first, then with the words just behind, then with all; how much is searched per object is bounded by its size. */
#pragma once
#include "walker/extent.h"

enum { NEAR_WORDS = 16, SEARCH_FLOOR = 2048 };

INLINE u64 label_of_offset(i64 offset) { return (u64)offset << 3 | UNLEAK_LABEL_BODY; }

/* Adds a run of `count` words, `step` bytes apart. */
INLINE struct unleak_span *add_span(Context *c, u64 first, u64 count, i64 step, u32 kind) {
  struct unleak_span *s = &c->spans[c->span_count];
  if (!count || count >> MAX_LENGTH_LOG2 || c->span_count == UNLEAK_MAX_SPANS) count = 0, s = &c->spans[0];
  if (!count) return 0;
  c->span_count++;
  s->first = s->next = first;
  s->end = first + count * (u64)step;
  s->step = step;
  s->names = 0;
  s->names_step = 0;
  s->kind = kind;
  s->mask = ~0ull;
  c->search_budget += (i64)count * 2;
  return s;
}

/* Words of the body from offset `from` to `to`; `origin` is the address that offsets count from. */
INLINE void body_span(Context *c, u64 from, u64 to, u64 origin, u64 mask) {
  struct unleak_span *s = to > from ? add_span(c, from, (to - from) / 8, 8, UNLEAK_LABEL_BODY) : 0;
  if (s) s->names = origin, s->mask = mask;
}

/* Items that traverse goes through from the last to the first (Objects/listobject.c, tupleobject.c). */
INLINE void item_span(Context *c, u64 items, u64 count) {
  if (items && count) add_span(c, items + (count - 1) * 8, count, -8, UNLEAK_LABEL_INDEX);
}

/* Values whose names lie in a table of their own: split dicts, attributes of instances. */
INLINE void value_span(Context *c, u64 values, u64 keys, u32 kind) {
  if (!keys) return;
  struct key_table table = key_table(c, keys);
  struct unleak_span *s = add_span(c, values, table.count, 8, kind);
  if (s) s->names = table.entries + table.key, s->names_step = (u32)table.stride;
}

static void dict_spans(Context *c, u64 object) {
  const struct unleak_layout *l = &c->layout;
  u64 keys = load(object + (u64)l->dict.keys), values = load(object + (u64)l->dict.values);
  if (!keys) return;
  if (values) {
    value_span(c, values + (u64)l->attributes.values_header * (l->attributes.mode == 13), keys, UNLEAK_LABEL_VALUE);
    return;
  }
  struct key_table table = key_table(c, keys);
  add_span(c, table.entries + table.key + 8, table.count, (i64)table.stride, UNLEAK_LABEL_VALUE);
  if (table.stride == 24) add_span(c, table.entries + table.key, table.count, 24, UNLEAK_LABEL_KEY);
}

static void instance_spans(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  u64 behind = inline_values(c, object, t), apart = instance_values(c, object);
  if (behind) {
    if (load8(behind + (u64)l->attributes.values_valid))
      value_span(c, behind + (u64)l->attributes.values_header, t->cached_keys, UNLEAK_LABEL_ATTR);
  } else if (apart) {
    value_span(c, apart, t->cached_keys, UNLEAK_LABEL_ATTR);
  }
  u64 dict = object + (u64)(i64)l->attributes.dict_offset;
  body_span(c, dict, dict + 8, object, ~0ull);
}

/* Variables and evaluation stack of a frame from 3.11 on, and the header of the frame if it lies in the object. */
static void internal_frame_spans(Context *c, u64 object, u64 frame, u64 body_end) {
  const struct unleak_layout *l = &c->layout;
  u64 code = frame_code(c, frame), locals, mask = l->frame.tagged ? ~3ull : ~0ull;
  if (!code) return;
  u64 slots = frame_slots(c, code, &locals);
  struct unleak_span *s = add_span(c, frame + (u64)l->frame.localsplus, slots, 8, UNLEAK_LABEL_LOCAL);
  if (s) s->mask = mask;
  if (frame >= body_end && frame - object < 4096) body_span(c, frame, frame + (u64)l->frame.localsplus, object, mask);
}

/* 3.9, 3.10: locals, cells and free variables of the frame object, then its evaluation stack. */
INLINE u64 old_frame_slots(Context *c, u64 code, u64 *locals) {
  const struct unleak_layout *l = &c->layout;
  u64 cells = load(code + (u64)l->code.cellvars), frees = load(code + (u64)l->code.freevars);
  *locals = load32(code + (u64)l->code.nlocals) + (cells ? item_count(c, cells) : 0) + (frees ? item_count(c, frees) : 0);
  u64 stack = load32(code + (u64)l->code.stacksize);
  if (*locals > 65536 || stack > 65536) *locals = stack = 0;
  return *locals + stack;
}

static void old_frame_spans(Context *c, u64 object) {
  u64 code = load(object + (u64)c->layout.frame.code), locals;
  Type *t = sane(code) ? type_at(c, code) : 0;
  if (t && t->spec == 0)
    add_span(c, object + (u64)c->layout.frame.localsplus, old_frame_slots(c, code, &locals), 8, UNLEAK_LABEL_LOCAL);
}

static void frame_spans(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  u64 body_end = object + t->basic_size;
  if (!l->frame.internal) old_frame_spans(c, object);
  else if (t->shape == UNLEAK_SHAPE_GENERATOR) internal_frame_spans(c, object, object + (u64)l->generator.iframe, body_end);
  else internal_frame_spans(c, object, probe(object + (u64)l->frame.object_frame), body_end);
}

/* __dict__ of an object of variable size: behind its items, at a negative tp_dictoffset from the end. */
static void trailing_dict_span(Context *c, u64 object, const Type *t) {
  i64 offset = (i32)load32(t->address + (u64)c->layout.type.dict_offset);
  u64 end = object + ((t->basic_size + t->item_size * item_count(c, object) + 7) & ~7ull);
  if (offset < 0) body_span(c, end + (u64)offset, end, end, ~0ull);
}

/* Notes the spans of `object`, most likely ones first. */
static void begin_labels(Context *c, u64 object, const Type *t) {
  const struct unleak_layout *l = &c->layout;
  c->span_count = c->hot_span = 0;
  c->search_budget = SEARCH_FLOOR;
  if (!c->labels) return;
  u64 body = object + (u64)l->object.type + 8, body_end = object + t->basic_size, mask = ~0ull;
  switch (t->kind) {
    case UNLEAK_LIST: item_span(c, load(object + (u64)l->list.items), item_count(c, object)); break;
    case UNLEAK_TUPLE:
      item_span(c, object + (u64)l->tuple.items, item_count(c, object));
      body = body_end; /* nothing but items and a __dict__ behind them */
      if (t->heap) trailing_dict_span(c, object, t);
      break;
    case UNLEAK_DICT: dict_spans(c, object); break;
    case UNLEAK_SET: body = object + (u64)(i64)l->specs[t->spec].basic_size; break; /* members have no name */
    case UNLEAK_DEQUE: break;
    default: break;
  }
  if (t->shape == UNLEAK_SHAPE_INSTANCE) instance_spans(c, object, t);
  else if (t->shape != UNLEAK_SHAPE_BODY) frame_spans(c, object, t), mask = l->frame.tagged ? ~3ull : ~0ull;
  int container = t->kind == UNLEAK_LIST || t->kind == UNLEAK_DICT || t->kind == UNLEAK_SET || t->kind == UNLEAK_DEQUE;
  if (t->heap || !container) body_span(c, body, body_end, object, mask);
}

INLINE u64 word_label(const struct unleak_span *s, u64 word) {
  switch (s->kind) {
    case UNLEAK_LABEL_INDEX: return (word - (s->end - (u64)s->step)) | UNLEAK_LABEL_INDEX;
    case UNLEAK_LABEL_BODY: return label_of_offset((i64)(word - s->names));
    case UNLEAK_LABEL_LOCAL: return (word - s->first) | UNLEAK_LABEL_LOCAL;
    case UNLEAK_LABEL_KEY: return UNLEAK_LABEL_KEY;
    default: {
      u64 key = load(s->names ? s->names + (word - s->first) / 8 * s->names_step : word - 8);
      return key && !(key & 7) ? key | s->kind : UNLEAK_LABEL_NONE;
    }
  }
}

/* Looks for `target` in up to `limit` words of a span; if found, the next match is expected behind it. */
INLINE int search_span(Context *c, u32 index, u64 from, u64 target, i64 limit, u64 *label) {
  struct unleak_span *s = &c->spans[index];
  for (u64 word = from; word != s->end && limit > 0; word += (u64)s->step, limit--) {
    if ((load(word) & s->mask) != target) continue;
    s->next = word + (u64)s->step;
    c->hot_span = index;
    *label = word_label(s, word);
    return 1;
  }
  return 0;
}

OUTLINE u64 find_label(Context *c, u64 target) {
  u64 label = 0;
  if (!c->labels) return UNLEAK_LABEL_NONE;
  if (target == c->heap_type && !c->saw_type) return label_of_offset(c->layout.object.type);
  for (u32 i = 0; i < c->span_count; i++)
    if (search_span(c, i, c->spans[i].next, target, NEAR_WORDS, &label)) return label;
  for (u32 i = 0; i < c->span_count && c->search_budget > 0; i++) {
    struct unleak_span *s = &c->spans[i];
    i64 words = (i64)(s->end - s->first) / s->step;
    i64 limit = words < c->search_budget ? words : c->search_budget;
    c->search_budget -= limit;
    if (search_span(c, i, s->first, target, limit, &label)) return label;
  }
  return UNLEAK_LABEL_NONE;
}

/* Label of a reference that traverse reports. */
INLINE u64 label_of(Context *c, u64 target) {
  struct unleak_span *s = &c->spans[c->hot_span];
  if (LIKELY(c->hot_span < c->span_count) && s->next != s->end && (load(s->next) & s->mask) == target) {
    u64 word = s->next;
    s->next = word + (u64)s->step;
    return word_label(s, word);
  }
  return find_label(c, target);
}
