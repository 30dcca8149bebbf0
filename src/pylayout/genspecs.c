/* Second half of the layout generator: types whose tp_traverse leaves out references that they own, or whose size is
 * not basic size plus items (struct unleak_spec). Structs that no header declares are restated here with the file
 * that declares them; tests/pylayout checks all of them against live interpreters. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include "frameobject.h"
#include "datetime.h"
#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_code.h"
#endif
#if PY_VERSION_HEX >= 0x030F0000
#include "internal/pycore_moduleobject.h"
#endif
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include "layout.h"

#define SINCE(minor) (PY_VERSION_HEX >= (0x03000000 | (minor) << 16))
#define END (-1L)

/* Prints one spec: n pointers in the body (the variable arguments, up to END), `indirect_n` behind the pointer at `indirect`. */
static void Spec(const char *name, long basic, int subtypes, const char *kind, long indirect, int indirect_n, ...) {
  va_list args;
  va_start(args, indirect_n);
  printf("AddSpec(l, \"%s\", %ld, %d, UNLEAK_%s, %ld, %d, {", name, basic, subtypes, kind, indirect, indirect_n);
  int first = 1;
  for (long offset; (offset = va_arg(args, long)) != END; first = 0) printf("%s%ld", first ? "" : ", ", offset);
  printf("});\n");
  va_end(args);
}
#define OFFSET(type, member) ((long)offsetof(type, member))
#define ITEM(n) ((long)sizeof(PyObject) + 8L * (n)) /* n-th pointer after the object header */
#define STG_DICT(n) ((long)sizeof(PyDictObject) + 3 * 8 + 24 + 8L * (n)) /* n-th word behind the ffi_type */

static void CodeSpec(void) {
#if SINCE(12)
  long cached = OFFSET(PyCodeObject, _co_cached);
  int cached_n = (int)(sizeof(*((PyCodeObject *)0)->_co_cached) / sizeof(PyObject *));
#else
  long cached = -1;
  int cached_n = 0;
#endif
  Spec("code", 0, 0, "SPEC", cached, cached_n,
#ifndef Py_GIL_DISABLED
       OFFSET(PyCodeObject, co_consts), /* a collected type there: Objects/codeobject.c, code_traverse tells these alone */
#endif
       OFFSET(PyCodeObject, co_names), OFFSET(PyCodeObject, co_filename), OFFSET(PyCodeObject, co_name),
#if SINCE(10)
       OFFSET(PyCodeObject, co_linetable),
#else
       OFFSET(PyCodeObject, co_lnotab),
#endif
#if SINCE(11)
       OFFSET(PyCodeObject, co_qualname), OFFSET(PyCodeObject, co_localsplusnames),
       OFFSET(PyCodeObject, co_localspluskinds), OFFSET(PyCodeObject, co_exceptiontable),
#if !SINCE(12)
       OFFSET(PyCodeObject, _co_code),
#endif
#else
       OFFSET(PyCodeObject, co_code), OFFSET(PyCodeObject, co_varnames), OFFSET(PyCodeObject, co_freevars),
       OFFSET(PyCodeObject, co_cellvars),
#endif
       END);
}

static void BuiltinSpecs(void) {
  static const char *const kDescriptors[] = {"method_descriptor", "member_descriptor", "getset_descriptor",
                                             "classmethod_descriptor", "wrapper_descriptor"};
  for (int i = 0; i < 5; i++)
    Spec(kDescriptors[i], 0, 0, "SPEC", -1, 0, OFFSET(PyDescrObject, d_name), OFFSET(PyDescrObject, d_qualname), END);
#if SINCE(15)
  Spec("module", 0, 1, "SPEC", -1, 0, OFFSET(PyModuleObject, md_name), END);
#else
  Spec("module", 0, 1, "SPEC", -1, 0, ITEM(4), END); /* md_name */
#endif
  /* Objects/rangeobject.c: rangeobject, longrangeiterobject */
  Spec("range", ITEM(4), 0, "SPEC", -1, 0, ITEM(0), ITEM(1), ITEM(2), ITEM(3), END);
  Spec("longrange_iterator", ITEM(3), 0, "SPEC", -1, 0, ITEM(0), ITEM(1), ITEM(2), END);
  Spec("range_iterator", 0, 0, "LEAF", -1, 0, END);
  Spec("set", sizeof(PySetObject), 1, "SET", -1, 0, END);
  Spec("frozenset", sizeof(PySetObject), 1, "SET", -1, 0, END);
  Spec("float", 0, 1, "LEAF", -1, 0, END);
  Spec("complex", 0, 1, "LEAF", -1, 0, END);
#if SINCE(15)
  Spec("bytearray", 0, 1, "BYTEARRAY", -1, 0, OFFSET(PyByteArrayObject, ob_bytes_object), END);
#else
  Spec("bytearray", 0, 1, "BYTEARRAY", -1, 0, END);
#endif
  Spec("ellipsis", 0, 0, "LEAF", -1, 0, END);
  Spec("NoneType", 0, 0, "LEAF", -1, 0, END);
  Spec("NotImplementedType", 0, 0, "LEAF", -1, 0, END);
  Spec("object", 0, 0, "LEAF", -1, 0, END);
}

static void ModuleSpecs(void) {
  /* Modules/_datetimemodule.c, datetime.h */
  Spec("datetime.datetime", sizeof(PyDateTime_DateTime), 1, "DATETIME", -1, 0, OFFSET(PyDateTime_DateTime, tzinfo), END);
  Spec("datetime.time", sizeof(PyDateTime_Time), 1, "DATETIME", -1, 0, OFFSET(PyDateTime_Time, tzinfo), END);
  Spec("datetime.timezone", ITEM(2), 0, "SPEC", -1, 0, ITEM(0), ITEM(1), END); /* PyDateTime_TimeZone: offset, name */
  Spec("datetime.date", sizeof(PyDateTime_Date), 1, "LEAF", -1, 0, END);
  Spec("datetime.timedelta", sizeof(PyDateTime_Delta), 1, "LEAF", -1, 0, END);
#if SINCE(12)
  Spec("_io.BytesIO", 0, 1, "BYTES_FILE", -1, 0, END);
  /* Modules/_io/stringio.c: the str that the writer fills, which is its first field; from 3.14 on the writer is a block of its own */
#if SINCE(14)
  Spec("_io.StringIO", 0, 1, "TEXT_FILE", ITEM(5), 1, END);
#else
  Spec("_io.StringIO", 0, 1, "TEXT_FILE", -1, 0, ITEM(5), END);
#endif
#else
  Spec("_io.BytesIO", 0, 1, "BYTES_FILE", -1, 0, ITEM(0), END); /* Modules/_io/bytesio.c: buf */
  Spec("_io.StringIO", 0, 1, "TEXT_FILE", -1, 0, ITEM(5), ITEM(6), ITEM(8), ITEM(9), ITEM(10),
       END); /* Modules/_io/stringio.c: accu.large, accu.small, decoder, readnl, writenl */
  Spec("_io.BufferedRWPair", 0, 1, "SPEC", -1, 0, ITEM(0), ITEM(1), END); /* Modules/_io/bufferedio.c: reader, writer */
#endif
#if !SINCE(10)
  /* Modules/sre.h: PatternObject groupindex, indexgroup, pattern; MatchObject string, regs, pattern */
  Spec("re.Pattern", 0, 0, "SPEC", -1, 0, ITEM(2), ITEM(3), ITEM(4), END);
  Spec("re.Match", 0, 0, "SPEC", -1, 0, ITEM(1), ITEM(2), ITEM(3), END);
  Spec("operator.methodcaller", 0, 0, "SPEC", -1, 0, ITEM(0), END); /* Modules/_operator.c: name */
#endif
#if !SINCE(13)
  Spec("_thread._local", 0, 1, "SPEC", -1, 0, ITEM(0), ITEM(5), END); /* Modules/_threadmodule.c, localobject: key, wr_callback */
  /* Modules/_ctypes/ctypes.h, StgDictObject: a dict, size, align, length, ffi_type (24 bytes), proto, three functions, argtypes,
   * converters, restype, checker; it has the traverse of dict */
  Spec("StgDict", 0, 0, "DICT", -1, 0, STG_DICT(0), STG_DICT(4), STG_DICT(5), STG_DICT(6), STG_DICT(7), END);
#endif
  Spec("numpy.ndarray", 0, 1, "NDARRAY", -1, 0, ITEM(4), ITEM(5), END); /* base, descr */
  /* Modules/_functoolsmodule.c: lru_cache_object, lru_list_elem */
  Spec("functools._lru_cache_wrapper", 0, 1, "CALL_CACHE", -1, 0, END);
  Spec("functools._lru_list_elem", 0, 0, "CALL_LINK", -1, 0, END);
  /* Modules/_collectionsmodule.c: dequeobject; Modules/arraymodule.c: arrayobject */
  Spec("collections.deque", 0, 1, "DEQUE", -1, 0, END);
  Spec("array.array", 0, 1, "ARRAY", -1, 0, END);
}

static void StructsWithoutHeader(void) {
#define FIELD(name, value) printf("l." #name " = %ld;\n", (long)(value))
  /* dequeobject: PyObject_VAR_HEAD, leftblock, rightblock, leftindex, rightindex, state, maxlen;
   * block: leftlink, data[64], rightlink */
  FIELD(deque.left_block, sizeof(PyVarObject));
  FIELD(deque.right_block, sizeof(PyVarObject) + 8);
  FIELD(deque.left_index, sizeof(PyVarObject) + 16);
  FIELD(deque.right_index, sizeof(PyVarObject) + 24);
  FIELD(deque.maxlen, sizeof(PyVarObject) + 40);
  FIELD(deque.block_items, 64);
  FIELD(deque.links, 65 * 8);
  FIELD(deque.data, 8);
  /* arrayobject: PyObject_VAR_HEAD, ob_item, allocated, ob_descr; arraydescr: char typecode, int itemsize */
  FIELD(array.items, sizeof(PyVarObject));
  FIELD(array.allocated, sizeof(PyVarObject) + 8);
  FIELD(array.descriptor, sizeof(PyVarObject) + 16);
  FIELD(array.descriptor_itemsize, 4);
  FIELD(call_link.next, ITEM(1));
  /* stringio: buf, pos, string_size, buf_size (characters); bytesio: buf, pos, string_size */
  FIELD(memory_file.buffer, ITEM(0));
  FIELD(memory_file.length, ITEM(2));
  FIELD(memory_file.allocated, ITEM(3));
  FIELD(ndarray.data, ITEM(0));
  FIELD(ndarray.dimensions_n, ITEM(1)); /* int */
  FIELD(ndarray.dimensions, ITEM(2));
  FIELD(ndarray.strides, ITEM(3));
  FIELD(ndarray.base, ITEM(4));
  FIELD(ndarray.descriptor, ITEM(5));
  FIELD(ndarray.flags, ITEM(6));                 /* int */
  FIELD(ndarray.descriptor_kind, ITEM(1));       /* char */
  FIELD(ndarray.descriptor_number, ITEM(1) + 4); /* int */
  FIELD(datetime.has_tzinfo, offsetof(PyDateTime_DateTime, hastzinfo));
  FIELD(datetime.datetime_tzinfo, offsetof(PyDateTime_DateTime, tzinfo));
  FIELD(datetime.time_tzinfo, offsetof(PyDateTime_Time, tzinfo));
}

void Specs(void) {
  StructsWithoutHeader();
  CodeSpec();
  BuiltinSpecs();
  ModuleSpecs();
}
