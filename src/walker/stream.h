/* The stream that the walker (in the twin) and the reader (from outside) produce, word for word the same:
 * 64-bit words in records. The low 3 bits of a record's first word are its tag; objects are 8-byte aligned.
 *
 *   edge    target | class(0..3)      label                            belongs to the next node or root group
 *   block   address | 4               bytes                            out-of-line block owned by the next node
 *   leaf    address | 5   type:size   refcount:value   length:flags    a node without edges, may come between edges of another
 *   faulted address | 6   type:size   refcount:edges   length:flags    its traverse did not end well; edges so far belong to it
 *   node    address | 7   type:size   refcount:edges   length:flags    ends the edges that came since the last node
 *   group   0 | 7         group       context          extra           as a node, but its edges are roots
 *
 * "a:b" is a word with a in its high and b in its low 32 bits, but length:flags = length << 16 | flags (snapshot::NodeFlag).
 * type: index into the walker's type table (struct unleak_type_entry). size: body, collector header and owned
 * blocks; 0xffffffff = 4 GiB or more, then a word "0 | 4, bytes" (block at address 0) came before and holds it.
 * value: of an int of at most one digit, biased by 2^31; 0 = not given.
 * Block records stand directly before the record of their owner (node, leaf or faulted).
 * The edges of an object come together and directly before it, but leaves may stand between them. An object that
 * is reported more than once (never by the walker) is the first one. Lengths of 2^48 or more are cut off.
 */
#pragma once
#include <stdint.h>

enum unleak_tag {
  UNLEAK_TRAVERSE = 0, UNLEAK_OMITTED = 1, UNLEAK_CONSERVATIVE = 2, UNLEAK_TYPE_EDGE = 3,
  UNLEAK_BLOCK = 4, UNLEAK_LEAF_NODE = 5, UNLEAK_FAULTED = 6, UNLEAK_NODE = 7,
};

/* Edge label words: payload | kind in the low 3 bits. Resolved to names once, outside. */
enum unleak_label {
  UNLEAK_LABEL_NONE = 0,
  UNLEAK_LABEL_INDEX = 1,  /* index << 3: item of a list, tuple ... */
  UNLEAK_LABEL_VALUE = 2,  /* address of the key: value in a dict (also split ones) */
  UNLEAK_LABEL_KEY = 3,    /* 0: a dict's key, a set's member keeps LABEL_NONE */
  UNLEAK_LABEL_BODY = 4,   /* (int64) offset << 3 of the pointer in the object's body: named by (type, offset); negative: before the object (managed __dict__) */
  UNLEAK_LABEL_ATTR = 5,   /* address of the attribute's name: inline or out-of-line values of an instance */
  UNLEAK_LABEL_ROOT = 6,   /* index << 3 into interpreter_roots or thread_roots of the layout */
  UNLEAK_LABEL_LOCAL = 7,  /* localsplus index << 3: variable or evaluation stack slot of a frame or generator */
};

/* Root labels beyond the layout's tables. */
enum unleak_root_label {
  UNLEAK_ROOT_ATEXIT = 0x10000, /* a callback of atexit, its arguments (3.11 - 3.13) */
  UNLEAK_ROOT_IDENTIFIER = 0x10001, /* interned name that the interpreter keeps for itself (3.10, 3.11) */
};

/* Root groups. The edges of a group are counted references (class TRAVERSE) or stack slots that may be stale (class
 * CONSERVATIVE). A THREAD group is followed by the FRAME groups of its thread. */
enum unleak_group {
  UNLEAK_GROUP_INTERPRETER = 1,  /* context: PyInterpreterState; labels ROOT */
  UNLEAK_GROUP_THREAD = 2,       /* context: PyThreadState; labels ROOT */
  UNLEAK_GROUP_FRAME = 3,        /* context: frame (internal frame or frame object); extra: code object; labels LOCAL or NONE; innermost first */
  UNLEAK_GROUP_STATIC_TYPES = 4, /* context: PyInterpreterState; dicts and types of builtin static types */
};

/* What the walker learned of a type; index is the number that the stream uses. */
struct unleak_type_entry {
  uint64_t address;     /* of the type object; 0 = no entry */
  uint64_t tp_flags;
  uint64_t traverse;    /* tp_traverse, 0 = not a GC type */
  uint64_t is_gc;       /* tp_is_gc or 0 */
  uint64_t cached_keys; /* key table of its instances' attributes (split table), 0 = none */
  uint64_t count;       /* objects written */
  uint32_t index;
  uint32_t basic_size, item_size;
  int32_t spec;         /* index into unleak_layout.specs, -1 = none */
  uint32_t fault_count; /* objects whose traverse did not end well */
  uint8_t kind;         /* enum unleak_kind */
  uint8_t gc, heap;     /* Py_TPFLAGS_HAVE_GC, Py_TPFLAGS_HEAPTYPE */
  uint8_t skipped;      /* its traverse was given up after a hang or too many faults */
  uint8_t conservative; /* bodies are scanned for pointers: nobody reports what they hold */
  uint8_t presize;      /* bytes in front of the object: collector header and managed dict */
  uint8_t finalizer;    /* has tp_finalize or tp_del */
  uint8_t shape;        /* enum unleak_shape: which labels its members get */
  uint8_t leaf;         /* holds no references: written as leaf records */
};

/* How the members of a type are laid out, beyond its kind. */
enum unleak_shape {
  UNLEAK_SHAPE_BODY = 0,      /* words of the body only */
  UNLEAK_SHAPE_INSTANCE = 1,  /* and values of a managed dict (in line or in a block of their own) */
  UNLEAK_SHAPE_FRAME = 2,     /* frame object */
  UNLEAK_SHAPE_GENERATOR = 3, /* generator, coroutine, asynchronous generator */
};
