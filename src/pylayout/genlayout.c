/* Writes the layout table (layout.h) of the CPython whose headers it is compiled against, as C++ statements on
 * `l`, which tables.cc includes. Fields that are not written stay -1: "this version has no such field".
 *
 * Compiled and run by regen.py once an interpreter; needs that version's internal headers only. The few
 * structs that no header declares are named with the source file that does. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include "frameobject.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_gc.h"
#include "internal/pycore_runtime.h"
#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_frame.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_code.h"
#include "internal/pycore_global_objects.h"
#include "internal/pycore_object.h"
#endif
#if PY_VERSION_HEX >= 0x030E0000
#include "internal/pycore_interpframe.h"
#include "internal/pycore_genobject.h"
#endif
#if PY_VERSION_HEX >= 0x030A0000
#include "internal/pycore_moduleobject.h"
#endif
#include <stdio.h>
#include <stddef.h>
#include <string.h>

#define SINCE(minor) (PY_VERSION_HEX >= (0x03000000 | (minor) << 16))
#define FIELD(name, value) printf("l." #name " = %ld;\n", (long)(value))
#define AT(name, type, member) FIELD(name, offsetof(type, member))
#define FLAG(name, value) printf("l." #name " = static_cast<int32_t>(0x%xu);\n", (unsigned)(value))

typedef PyInterpreterState Interpreter;
typedef PyThreadState Thread;
typedef PyTypeObject Type;
typedef PyHeapTypeObject HeapType;
#if SINCE(11)
typedef _PyInterpreterFrame IFrame;
#endif

void Specs(void); /* genspecs.c */

static void Root(const char *list, const char *name, size_t offset) {
  printf("AddRoot(l.%s_roots, l.%s_roots_n, \"%s\", %zu);\n", list, list, name, offset);
}
#define IROOT(name, member) Root("interpreter", name, offsetof(Interpreter, member))
#define TROOT(name, member) Root("thread", name, offsetof(Thread, member))

static void Objects(void) {
  FIELD(layout_version, 1);
  FLAG(hex, PY_VERSION_HEX);
  AT(object.type, PyObject, ob_type);
  AT(object.size, PyVarObject, ob_size);
#ifdef Py_GIL_DISABLED
  FIELD(free_threaded, 1);
  FIELD(gc_header, 0);
  AT(object.gc_bits, PyObject, ob_gc_bits);
  AT(object.ref_shared, PyObject, ob_ref_shared);
#ifdef _PyGC_BITS_DEFERRED
  FIELD(object.deferred_bit, _PyGC_BITS_DEFERRED);
#endif
#else
  FIELD(free_threaded, 0);
  FIELD(gc_header, sizeof(PyGC_Head));
#endif
#if SINCE(12)
  FLAG(preheader_flags, Py_TPFLAGS_PREHEADER);
  FIELD(immortal_mode, 2);
#elif SINCE(11)
  FLAG(preheader_flags, Py_TPFLAGS_MANAGED_DICT);
  FIELD(immortal_mode, 1);
#else
  FIELD(preheader_flags, 0);
  FIELD(immortal_mode, 0);
#endif
}

static void Runtime(void) {
  AT(runtime.interpreters_head, _PyRuntimeState, interpreters.head);
#if !SINCE(12)
  AT(runtime.tstate_current, _PyRuntimeState, gilstate.tstate_current);
  AT(runtime.gil, _PyRuntimeState, ceval.gil);
#endif
#if SINCE(13)
  AT(runtime.debug_offsets, _PyRuntimeState, debug_offsets);
#define DEBUG(name, member) FIELD(debug.name, offsetof(_PyRuntimeState, debug_offsets) + offsetof(_Py_DebugOffsets, member))
  DEBUG(runtime_size, runtime_state.size);
  DEBUG(interpreters_head, runtime_state.interpreters_head);
  DEBUG(interpreter_size, interpreter_state.size);
  DEBUG(interpreter_gc, interpreter_state.gc);
  DEBUG(interpreter_next, interpreter_state.next);
  DEBUG(threads_head, interpreter_state.threads_head);
  DEBUG(thread_size, thread_state.size);
  DEBUG(thread_next, thread_state.next);
  DEBUG(thread_frame, thread_state.current_frame);
  DEBUG(frame_previous, interpreter_frame.previous);
  DEBUG(frame_localsplus, interpreter_frame.localsplus);
  DEBUG(type_name, type_object.tp_name);
  DEBUG(type_flags, type_object.tp_flags);
  DEBUG(tuple_items, tuple_object.ob_item);
  DEBUG(dict_keys, dict_object.ma_keys);
#endif
  FIELD(runtime.size, sizeof(_PyRuntimeState));
  AT(runtime.finalizing, _PyRuntimeState, _finalizing);
  AT(gil.locked, struct _gil_runtime_state, locked);
  AT(gil.last_holder, struct _gil_runtime_state, last_holder);
}

static void InterpreterState(void) {
  FIELD(interpreter.size, sizeof(Interpreter));
  AT(interpreter.next, Interpreter, next);
  AT(interpreter.id, Interpreter, id);
#ifndef Py_GIL_DISABLED
  AT(interpreter.generation0, Interpreter, gc.generations);
  AT(interpreter.permanent, Interpreter, gc.permanent_generation);
#endif
  FIELD(interpreter.generation_size, sizeof(struct gc_generation));
  AT(interpreter.threshold, Interpreter, gc.generations[0].threshold);
  AT(interpreter.count, Interpreter, gc.generations[0].count);
  AT(interpreter.gc, Interpreter, gc);
  AT(interpreter.collecting, Interpreter, gc.collecting);
  AT(interpreter.enabled, Interpreter, gc.enabled);
  AT(interpreter.stats, Interpreter, gc.generation_stats);
  FIELD(interpreter.stats_size, sizeof(struct gc_generation_stats));
  AT(interpreter.stats_collections, struct gc_generation_stats, collections);
  AT(interpreter.stats_collected, struct gc_generation_stats, collected);
  AT(interpreter.stats_uncollectable, struct gc_generation_stats, uncollectable);
#if SINCE(15)
  FIELD(interpreter.stats_pointer, 1);
  AT(interpreter.stats_young, struct gc_stats, young.items);
  AT(interpreter.stats_young_index, struct gc_stats, young.index);
  AT(interpreter.stats_old, struct gc_stats, old[0].items);
  AT(interpreter.stats_old_index, struct gc_stats, old[0].index);
  FIELD(interpreter.stats_old_stride, sizeof(struct gc_old_stats_buffer));
#else
  FIELD(interpreter.stats_pointer, 0);
#endif
#if SINCE(11)
  AT(interpreter.threads_head, Interpreter, threads.head);
#else
  AT(interpreter.threads_head, Interpreter, tstate_head);
#endif
#if SINCE(12)
  AT(interpreter.gil, Interpreter, ceval.gil);
  AT(interpreter.finalizing, Interpreter, _finalizing);
  AT(interpreter.modules, Interpreter, imports.modules);
#else
  AT(interpreter.modules, Interpreter, modules);
#endif
#if !SINCE(13)
  AT(interpreter.eval_breaker, Interpreter, ceval.eval_breaker);
#endif
#if SINCE(14)
  AT(interpreter.interned, Interpreter, cached_objects.interned_strings);
#endif
#if SINCE(10) && !SINCE(12)
  AT(interpreter.ids_size, Interpreter, unicode.ids.size);
  AT(interpreter.ids_array, Interpreter, unicode.ids.array);
#endif
  AT(interpreter.sysdict, Interpreter, sysdict);
  AT(interpreter.builtins, Interpreter, builtins);
#if SINCE(11) && !SINCE(14)
  AT(interpreter.atexit_array, Interpreter, atexit.callbacks);
  AT(interpreter.atexit_count, Interpreter, atexit.ncallbacks);
#endif
}

static void InterpreterRoots(void) {
#if SINCE(12)
  IROOT("sys.modules", imports.modules);
  IROOT("modules by index", imports.modules_by_index);
  IROOT("importlib", imports.importlib);
  IROOT("__import__", imports.import_func);
#else
  IROOT("sys.modules", modules);
  IROOT("modules by index", modules_by_index);
  IROOT("importlib", importlib);
  IROOT("__import__", import_func);
#endif
  IROOT("sys", sysdict);
  IROOT("builtins", builtins);
  IROOT("builtins copy", builtins_copy);
  IROOT("interpreter dict", dict);
  IROOT("os.register_at_fork before", before_forkers);
  IROOT("os.register_at_fork parent", after_forkers_parent);
  IROOT("os.register_at_fork child", after_forkers_child);
  IROOT("gc.garbage", gc.garbage);
  IROOT("gc.callbacks", gc.callbacks);
  IROOT("audit hooks", audit_hooks);
#if SINCE(13)
  IROOT("sys copy", sysdict_copy);
  IROOT("codecs search path", codecs.search_path);
  IROOT("codecs search cache", codecs.search_cache);
  IROOT("codecs error handlers", codecs.error_registry);
#else
  IROOT("codecs search path", codec_search_path);
  IROOT("codecs search cache", codec_search_cache);
  IROOT("codecs error handlers", codec_error_registry);
#endif
  IROOT("warnings filters", warnings.filters);
  IROOT("warnings once registry", warnings.once_registry);
  IROOT("warnings default action", warnings.default_action);
#if SINCE(14)
  IROOT("atexit callbacks", atexit.callbacks);
#endif
}

static void ThreadState(void) {
  FIELD(thread.size, sizeof(Thread));
  AT(thread.next, Thread, next);
  AT(thread.interpreter, Thread, interp);
  AT(thread.thread_id, Thread, thread_id);
  AT(thread.dict, Thread, dict);
  AT(thread.context, Thread, context);
  AT(thread.exc_info, Thread, exc_info);
  AT(thread.exc_value, _PyErr_StackItem, exc_value);
  AT(thread.exc_previous, _PyErr_StackItem, previous_item);
#if SINCE(11)
  AT(thread.native_thread_id, Thread, native_thread_id);
#endif
#if SINCE(13)
  AT(thread.eval_breaker, Thread, eval_breaker);
  AT(thread.frame, Thread, current_frame);
#elif SINCE(11)
  AT(thread.cframe, Thread, cframe);
  AT(thread.cframe_current, _PyCFrame, current_frame);
#else
  AT(thread.frame, Thread, frame);
#endif
  TROOT("thread dict", dict);
  TROOT("asynchronous exception", async_exc);
  TROOT("context", context);
  TROOT("async generator firstiter", async_gen_firstiter);
  TROOT("async generator finalizer", async_gen_finalizer);
  TROOT("profile function", c_profileobj);
  TROOT("trace function", c_traceobj);
  TROOT("handled exception", exc_state.exc_value);
#if SINCE(12)
  TROOT("raised exception", current_exception);
#else
  TROOT("raised exception type", curexc_type);
  TROOT("raised exception", curexc_value);
  TROOT("raised traceback", curexc_traceback);
#endif
#if !SINCE(11)
  TROOT("handled exception type", exc_state.exc_type);
  TROOT("handled traceback", exc_state.exc_traceback);
#endif
}

static void Frames(void) {
#if SINCE(11)
  FIELD(frame.internal, 1);
  AT(frame.previous, IFrame, previous);
  AT(frame.locals, IFrame, f_locals);
  AT(frame.globals, IFrame, f_globals);
  AT(frame.builtins, IFrame, f_builtins);
  AT(frame.object, IFrame, frame_obj);
  AT(frame.localsplus, IFrame, localsplus);
  AT(frame.owner, IFrame, owner);
  FIELD(frame.owner_generator, FRAME_OWNED_BY_GENERATOR);
  FIELD(frame.owner_frame_object, FRAME_OWNED_BY_FRAME_OBJECT);
  AT(frame.object_frame, PyFrameObject, f_frame);
  AT(frame.back, PyFrameObject, f_back);
  AT(frame.trace, PyFrameObject, f_trace);
#if SINCE(13)
  AT(frame.extra_locals, PyFrameObject, f_extra_locals);
  AT(frame.locals_cache, PyFrameObject, f_locals_cache);
#endif
#if SINCE(14)
  AT(frame.overwritten_locals, PyFrameObject, f_overwritten_fast_locals);
#endif
#if SINCE(13)
  AT(frame.code, IFrame, f_executable);
  AT(frame.instruction, IFrame, instr_ptr);
#else
  AT(frame.code, IFrame, f_code);
  AT(frame.instruction, IFrame, prev_instr);
#endif
#if SINCE(12)
  AT(frame.function, IFrame, f_funcobj);
  FIELD(frame.owner_c_stack, 3); /* FRAME_OWNED_BY_CSTACK, from 3.14 on FRAME_OWNED_BY_INTERPRETER */
#else
  AT(frame.function, IFrame, f_func);
  FIELD(frame.owner_c_stack, 99); /* no such frames */
#endif
#if SINCE(14)
  FIELD(frame.tagged, 1);
  AT(frame.top, IFrame, stackpointer);
#else
  FIELD(frame.tagged, 0);
  AT(frame.top, IFrame, stacktop);
#endif
#else
  FIELD(frame.internal, 0);
  FIELD(frame.tagged, 0);
  FIELD(frame.owner_c_stack, 99);
  AT(frame.back, PyFrameObject, f_back);
  AT(frame.code, PyFrameObject, f_code);
  AT(frame.locals, PyFrameObject, f_locals);
  AT(frame.globals, PyFrameObject, f_globals);
  AT(frame.builtins, PyFrameObject, f_builtins);
  AT(frame.trace, PyFrameObject, f_trace);
  AT(frame.lasti, PyFrameObject, f_lasti);
  AT(frame.localsplus, PyFrameObject, f_localsplus);
  AT(frame.value_stack, PyFrameObject, f_valuestack);
#if SINCE(10)
  AT(frame.stack_depth, PyFrameObject, f_stackdepth);
#else
  AT(frame.stack_depth, PyFrameObject, f_stacktop);
#endif
#endif
}

static void Code(void) {
  AT(code.stacksize, PyCodeObject, co_stacksize);
  AT(code.consts, PyCodeObject, co_consts);
  AT(code.names, PyCodeObject, co_names);
  AT(code.filename, PyCodeObject, co_filename);
  AT(code.name, PyCodeObject, co_name);
  AT(code.firstlineno, PyCodeObject, co_firstlineno);
  AT(code.nlocals, PyCodeObject, co_nlocals);
  AT(code.argcount, PyCodeObject, co_argcount);
#if SINCE(10)
  AT(code.linetable, PyCodeObject, co_linetable);
#else
  AT(code.linetable, PyCodeObject, co_lnotab);
#endif
#if SINCE(11)
  AT(code.nlocalsplus, PyCodeObject, co_nlocalsplus);
  AT(code.qualname, PyCodeObject, co_qualname);
  AT(code.localsplusnames, PyCodeObject, co_localsplusnames);
  AT(code.code_adaptive, PyCodeObject, co_code_adaptive);
  AT(code.code_bytes, PyVarObject, ob_size);
#else
  AT(code.varnames, PyCodeObject, co_varnames);
  AT(code.cellvars, PyCodeObject, co_cellvars);
  AT(code.freevars, PyCodeObject, co_freevars);
  AT(code.code_bytes, PyCodeObject, co_code);
#endif
#if SINCE(12)
  AT(code.cached, PyCodeObject, _co_cached);
#endif
}

static void Types(void) {
  AT(type.name, Type, tp_name);
  AT(type.basic_size, Type, tp_basicsize);
  AT(type.item_size, Type, tp_itemsize);
  AT(type.flags, Type, tp_flags);
  AT(type.traverse, Type, tp_traverse);
  AT(type.is_gc, Type, tp_is_gc);
  AT(type.base, Type, tp_base);
  AT(type.subclasses, Type, tp_subclasses);
  AT(type.dict, Type, tp_dict);
  AT(type.mro, Type, tp_mro);
  AT(type.bases, Type, tp_bases);
  AT(type.cache, Type, tp_cache);
  AT(type.weaklist, Type, tp_weaklist);
  AT(type.dict_offset, Type, tp_dictoffset);
  AT(type.weaklist_offset, Type, tp_weaklistoffset);
  AT(type.members, Type, tp_members);
  AT(type.del, Type, tp_del);
  AT(type.finalize, Type, tp_finalize);
  AT(type.version_tag, Type, tp_version_tag);
  FIELD(type.size, sizeof(Type));
  AT(heap_type.name, HeapType, ht_name);
  AT(heap_type.qualname, HeapType, ht_qualname);
  AT(heap_type.slots, HeapType, ht_slots);
  AT(heap_type.cached_keys, HeapType, ht_cached_keys);
  AT(heap_type.module, HeapType, ht_module);
  FIELD(heap_type.size, sizeof(HeapType));
#if SINCE(13)
  AT(static_types.offset, Interpreter, types.builtins.initialized);
  FIELD(static_types.stride, sizeof(managed_static_type_state));
  AT(static_types.type, managed_static_type_state, type);
  AT(static_types.dict, managed_static_type_state, tp_dict);
  AT(static_types.subclasses, managed_static_type_state, tp_subclasses);
  FIELD(static_types.max, _Py_MAX_MANAGED_STATIC_BUILTIN_TYPES);
  AT(static_types.offset2, Interpreter, types.for_extensions.initialized);
  FIELD(static_types.max2, _Py_MAX_MANAGED_STATIC_EXT_TYPES);
  FLAG(static_types.flag, _Py_TPFLAGS_STATIC_BUILTIN);
#elif SINCE(12)
  AT(static_types.offset, Interpreter, types.builtins);
  FIELD(static_types.stride, sizeof(static_builtin_state));
  AT(static_types.type, static_builtin_state, type);
  AT(static_types.dict, static_builtin_state, tp_dict);
  AT(static_types.subclasses, static_builtin_state, tp_subclasses);
  FIELD(static_types.max, _Py_MAX_STATIC_BUILTIN_TYPES);
  FLAG(static_types.flag, _Py_TPFLAGS_STATIC_BUILTIN);
#endif
}

static void Containers(void) {
  AT(list.items, PyListObject, ob_item);
  AT(list.allocated, PyListObject, allocated);
  AT(tuple.items, PyTupleObject, ob_item);
  AT(set.used, PySetObject, used);
  AT(set.fill, PySetObject, fill);
  AT(set.mask, PySetObject, mask);
  AT(set.table, PySetObject, table);
  AT(set.small_table, PySetObject, smalltable);
  AT(dict.used, PyDictObject, ma_used);
  AT(dict.keys, PyDictObject, ma_keys);
  AT(dict.values, PyDictObject, ma_values);
#if SINCE(11)
  FIELD(keys.old, 0);
  AT(keys.log2_size, PyDictKeysObject, dk_log2_size);
  AT(keys.log2_index_bytes, PyDictKeysObject, dk_log2_index_bytes);
  AT(keys.kind, PyDictKeysObject, dk_kind);
  AT(keys.usable, PyDictKeysObject, dk_usable);
  AT(keys.nentries, PyDictKeysObject, dk_nentries);
  AT(keys.indices, PyDictKeysObject, dk_indices);
#else
  /* Objects/dict-common.h, not installed: dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries, dk_indices[] */
  FIELD(keys.old, 1);
  FIELD(keys.size, 8);
  FIELD(keys.lookup, 16);
  FIELD(keys.usable, 24);
  FIELD(keys.nentries, 32);
  FIELD(keys.indices, 40);
#endif
}

static void Attributes(void) {
#if SINCE(13)
  FIELD(attributes.mode, 13);
  FLAG(attributes.inline_flag, Py_TPFLAGS_INLINE_VALUES);
  AT(attributes.values_header, PyDictValues, values);
  AT(attributes.values_valid, PyDictValues, valid);
#elif SINCE(12)
  FIELD(attributes.mode, 12);
  AT(attributes.values_header, PyDictValues, values);
#elif SINCE(11)
  FIELD(attributes.mode, 11);
  AT(attributes.values_header, PyDictValues, values);
  FIELD(attributes.values_offset, -4 * (long)sizeof(void *)); /* Objects/object.c: _PyObject_ValuesPointer() */
  FIELD(attributes.dict_offset, -3 * (long)sizeof(void *));
#else
  FIELD(attributes.mode, 0);
#endif
#if SINCE(11)
  FLAG(attributes.managed_flag, Py_TPFLAGS_MANAGED_DICT);
#else
  FLAG(attributes.managed_flag, 0);
#endif
#if SINCE(12)
#ifndef MANAGED_DICT_OFFSET /* 3.12: pycore_object.h has it as a number in _PyObject_DictOrValuesPointer() */
#define MANAGED_DICT_OFFSET (-3 * (long)sizeof(void *))
#endif
  FIELD(attributes.dict_offset, MANAGED_DICT_OFFSET);
  FIELD(attributes.weakref_offset, MANAGED_WEAKREF_OFFSET);
  FLAG(attributes.managed_weakref_flag, Py_TPFLAGS_MANAGED_WEAKREF);
#endif
#if !SINCE(13)
  FLAG(attributes.inline_flag, 0);
#endif
}

/* First bit that is set in the state word once one of its bit fields is all ones, and the number of bits. */
#define BITS(name_shift, name_bits, member)                                      \
  do {                                                                           \
    PyASCIIObject o;                                                             \
    memset(&o, 0, sizeof o);                                                     \
    o.state.member = (unsigned)-1;                                               \
    unsigned w, shift, bits;                                                     \
    memcpy(&w, &o.state, sizeof w);                                              \
    for (shift = 0; !(w >> shift & 1); shift++) {}                               \
    for (bits = 0; shift + bits < 32 && (w >> (shift + bits) & 1); bits++) {}    \
    FIELD(str.name_shift, shift);                                                \
    if (name_bits) FIELD(str.interned_bits, bits);                               \
  } while (0)

static void Scalars(void) {
  AT(str.length, PyASCIIObject, length);
  AT(str.state, PyASCIIObject, state);
  FIELD(str.ascii_size, sizeof(PyASCIIObject));
  FIELD(str.compact_size, sizeof(PyCompactUnicodeObject));
  AT(str.data, PyUnicodeObject, data);
  AT(str.utf8, PyCompactUnicodeObject, utf8);
  AT(str.utf8_length, PyCompactUnicodeObject, utf8_length);
  BITS(interned_shift, 1, interned);
  BITS(kind_shift, 0, kind);
  BITS(compact_shift, 0, compact);
  BITS(ascii_shift, 0, ascii);
#if SINCE(12)
  FIELD(integer.old, 0);
  AT(integer.tag, PyLongObject, long_value.lv_tag);
  AT(integer.digits, PyLongObject, long_value.ob_digit);
#else
  FIELD(integer.old, 1);
  AT(integer.tag, PyVarObject, ob_size);
  AT(integer.digits, PyLongObject, ob_digit);
#endif
  AT(bytes_object.size, PyVarObject, ob_size);
  AT(bytes_object.bytes, PyBytesObject, ob_sval);
  AT(bytearray.alloc, PyByteArrayObject, ob_alloc);
  AT(bytearray.bytes, PyByteArrayObject, ob_bytes);
  AT(bytearray.start, PyByteArrayObject, ob_start);
#if SINCE(15)
  AT(bytearray.object, PyByteArrayObject, ob_bytes_object);
#endif
}

static void Callables(void) {
#if SINCE(11)
  AT(generator.iframe, PyGenObject, gi_iframe);
  AT(generator.state, PyGenObject, gi_frame_state);
  FIELD(generator.cleared, FRAME_CLEARED);
#else
  AT(generator.iframe, PyGenObject, gi_frame);
  AT(generator.exc_type, PyGenObject, gi_exc_state.exc_type);
  AT(generator.exc_traceback, PyGenObject, gi_exc_state.exc_traceback);
#endif
#if !SINCE(12)
  AT(generator.code, PyGenObject, gi_code);
#endif
#if SINCE(11)
  AT(generator.origin, PyCoroObject, cr_origin_or_finalizer);
#else
  AT(generator.origin, PyAsyncGenObject, ag_finalizer);
#endif
  AT(generator.name, PyGenObject, gi_name);
  AT(generator.qualname, PyGenObject, gi_qualname);
  AT(generator.exc_value, PyGenObject, gi_exc_state.exc_value);
  AT(function.code, PyFunctionObject, func_code);
  AT(function.globals, PyFunctionObject, func_globals);
  AT(function.closure, PyFunctionObject, func_closure);
  AT(function.defaults, PyFunctionObject, func_defaults);
  AT(function.kwdefaults, PyFunctionObject, func_kwdefaults);
  AT(function.dict, PyFunctionObject, func_dict);
  AT(function.name, PyFunctionObject, func_name);
  AT(function.qualname, PyFunctionObject, func_qualname);
  AT(function.module, PyFunctionObject, func_module);
  AT(method.function, PyMethodObject, im_func);
  AT(method.self, PyMethodObject, im_self);
  AT(cell.ref, PyCellObject, ob_ref);
  AT(weakref.object, PyWeakReference, wr_object);
  AT(weakref.callback, PyWeakReference, wr_callback);
  AT(traceback.next, PyTracebackObject, tb_next);
  AT(traceback.frame, PyTracebackObject, tb_frame);
  AT(traceback.lineno, PyTracebackObject, tb_lineno);
#if !SINCE(15)
  AT(module.definition_size, PyModuleDef, m_size);
#endif
  /* 3.9: Objects/moduleobject.c; the same as pycore_moduleobject.h of 3.10 */
#if SINCE(10)
  AT(module.dict, PyModuleObject, md_dict);
  AT(module.state, PyModuleObject, md_state);
  AT(module.name, PyModuleObject, md_name);
#if SINCE(15)
  AT(module.definition, PyModuleObject, md_token);
  AT(module.state_size, PyModuleObject, md_state_size);
#else
  AT(module.definition, PyModuleObject, md_def);
#endif
#else
  FIELD(module.dict, sizeof(PyObject));
  FIELD(module.definition, sizeof(PyObject) + 8);
  FIELD(module.state, sizeof(PyObject) + 16);
  FIELD(module.name, sizeof(PyObject) + 32);
#endif
}

int main(void) {
  printf("// Layout of CPython %s, %s; written by regen.py, not by hand.\n", PY_VERSION,
#ifdef Py_GIL_DISABLED
         "free-threaded"
#else
         "default build"
#endif
  );
  Objects();
  Runtime();
  InterpreterState();
  InterpreterRoots();
  ThreadState();
  Frames();
  Code();
  Types();
  Containers();
  Attributes();
  Scalars();
  Callables();
  Specs();
  return 0;
}
