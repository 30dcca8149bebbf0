#include "pylayout/roles.h"

#include <unordered_map>

namespace unleak::pylayout {
namespace {

using enum Role;

// Flags that CPython sets on subclasses of some builtins (object.h: Py_TPFLAGS_*_SUBCLASS).
constexpr struct {
  int bit;
  Role role;
} kSubclassFlags[] = {{24, kInt}, {25, kList}, {26, kTuple}, {27, kBytes}, {28, kStr}, {29, kDict}, {30, kException}, {31, kType}};

using Names = std::unordered_map<std::string_view, Role>;

void AddBuiltins(Names& names) {
  names.insert({
      {"dict", kDict}, {"frozendict", kDict}, {"list", kList}, {"tuple", kTuple}, {"set", kSet}, {"frozenset", kFrozenset},
      {"str", kStr}, {"bytes", kBytes}, {"bytearray", kBytearray}, {"int", kInt}, {"float", kFloat},
      {"complex", kComplex}, {"bool", kBool}, {"NoneType", kNone}, {"memoryview", kMemoryview},
      {"managedbuffer", kMemoryview}, {"_buffer_wrapper", kMemoryview}, {"type", kType}, {"module", kModule}, {"function", kFunction},
      {"builtin_function_or_method", kBuiltinFunction}, {"builtin_method", kBuiltinFunction},
      {"method-wrapper", kMethod}, {"method", kMethod}, {"instancemethod", kMethod}, {"cell", kCell}, {"code", kCode},
      {"frame", kFrame}, {"generator", kGenerator}, {"coroutine", kCoroutine}, {"coroutine_wrapper", kCoroutine},
      {"async_generator", kAsyncGenerator}, {"async_generator_asend", kAsyncGenerator},
      {"async_generator_athrow", kAsyncGenerator}, {"async_generator_wrapped_value", kAsyncGenerator},
      {"traceback", kTraceback}, {"BaseException", kException}, {"weakref", kWeakref},
      {"weakref.ReferenceType", kWeakref}, {"ReferenceType", kWeakref}, {"weakproxy", kWeakProxy},
      {"weakcallableproxy", kWeakProxy}, {"weakref.ProxyType", kWeakProxy}, {"weakref.CallableProxyType", kWeakProxy},
      {"property", kProperty}, {"staticmethod", kStaticmethod}, {"classmethod", kClassmethod},
      {"method_descriptor", kDescriptor}, {"member_descriptor", kDescriptor}, {"getset_descriptor", kDescriptor},
      {"classmethod_descriptor", kDescriptor}, {"wrapper_descriptor", kDescriptor}, {"mappingproxy", kMappingproxy},
      {"slice", kSlice}, {"range", kRange}, {"PyCapsule", kCapsule}, {"dict_keys", kDictView},
      {"dict_values", kDictView}, {"dict_items", kDictView}, {"odict_keys", kDictView}, {"odict_values", kDictView},
      {"odict_items", kDictView}, {"types.SimpleNamespace", kSimpleNamespace}, {"types.UnionType", kUnion},
      {"typing.Union", kUnion}, {"hamt", kContextNode}, {"hamt_array_node", kContextNode},
      {"hamt_bitmap_node", kContextNode}, {"hamt_collision_node", kContextNode}, {"Context", kContext},
      {"_contextvars.Context", kContext}, {"ContextVar", kContextVar}, {"_contextvars.ContextVar", kContextVar},
      {"Token", kContextToken}, {"_contextvars.Token", kContextToken},
  });
  for (std::string_view name :
       {"list_iterator", "list_reverseiterator", "tuple_iterator", "iterator", "reversed", "str_iterator",
        "str_ascii_iterator", "bytes_iterator", "bytearray_iterator", "callable_iterator", "set_iterator",
        "dict_keyiterator", "dict_valueiterator", "dict_itemiterator", "dict_reversekeyiterator",
        "dict_reversevalueiterator", "dict_reverseitemiterator", "odict_iterator", "range_iterator",
        "longrange_iterator", "enumerate", "zip", "map", "filter", "array.arrayiterator", "arrayiterator",
        "memory_iterator", "itertools.accumulate", "itertools.batched", "itertools.chain", "itertools.combinations",
        "itertools.combinations_with_replacement", "itertools.compress", "itertools.count", "itertools.cycle",
        "itertools.dropwhile", "itertools.filterfalse", "itertools.groupby", "itertools._grouper", "itertools.islice",
        "itertools.pairwise", "itertools.permutations", "itertools.product", "itertools.repeat", "itertools.starmap",
        "itertools.takewhile", "itertools._tee", "itertools._tee_dataobject", "itertools.zip_longest",
        "_collections._deque_iterator", "_collections._deque_reverse_iterator", "collections._deque_iterator",
        "collections._deque_reverse_iterator"}) {
    names.emplace(name, kIterator);
  }
}

void AddLibrary(Names& names) {
  names.insert({
      {"collections.OrderedDict", kOrderedDict}, {"collections.defaultdict", kDefaultdict},
      {"collections.Counter", kCounter}, {"collections.deque", kDeque}, {"array.array", kArray},
      {"functools.partial", kPartial}, {"functools._lru_cache_wrapper", kLruCache},
      {"functools._lru_list_elem", kLruLink}, {"_asyncio.Task", kTask}, {"asyncio.tasks.Task", kTask},
      {"_asyncio.Future", kFuture}, {"asyncio.futures.Future", kFuture}, {"concurrent.futures._base.Future", kFuture},
      {"_thread.lock", kLock}, {"_thread.RLock", kLock}, {"threading._RLock", kLock}, {"threading.Lock", kLock},
      {"threading.Condition", kLock}, {"threading.Semaphore", kLock}, {"threading.Event", kLock},
      {"threading.Barrier", kLock}, {"asyncio.locks.Lock", kLock}, {"asyncio.locks.Semaphore", kLock},
      {"asyncio.locks.Event", kLock}, {"asyncio.locks.Condition", kLock}, {"_thread._local", kThreadLocal},
      {"_threading_local.local", kThreadLocal}, {"queue.Queue", kQueue}, {"_queue.SimpleQueue", kQueue},
      {"queue._PySimpleQueue", kQueue}, {"asyncio.queues.Queue", kQueue}, {"multiprocessing.queues.Queue", kQueue},
      {"multiprocessing.queues.SimpleQueue", kQueue}, {"_io._IOBase", kFile}, {"re.Pattern", kRegex},
      {"re.Match", kRegex}, {"_sre.SRE_Pattern", kRegex}, {"_sre.SRE_Match", kRegex}, {"_sre.SRE_Scanner", kRegex},
      {"_ctypes._CData", kCtypes}, {"_ctypes.CThunkObject", kCtypes}, {"_ctypes.CField", kCtypes},
      {"ctypes.CField", kCtypes}, {"datetime.date", kDatetime}, {"datetime.datetime", kDatetime},
      {"datetime.time", kDatetime}, {"datetime.timedelta", kDatetime}, {"datetime.tzinfo", kDatetime},
      {"datetime.timezone", kDatetime}, {"enum.Enum", kEnumMember}, {"threading.Thread", kThread},
      {"threading.Timer", kTimer}, {"asyncio.events.TimerHandle", kTimer}, {"_socket.socket", kSocket},
      {"socket.socket", kSocket}, {"weakref.WeakKeyDictionary", kWeakMap}, {"weakref.WeakValueDictionary", kWeakMap},
      {"_weakrefset.WeakSet", kWeakSet}, {"weakref.WeakSet", kWeakSet}, {"logging.Logger", kLogger},
      {"numpy.ndarray", kNdarray}, {"os.stat_result", kStructseq}, {"os.statvfs_result", kStructseq},
      {"os.terminal_size", kStructseq}, {"os.times_result", kStructseq}, {"posix.times_result", kStructseq},
      {"os.uname_result", kStructseq}, {"posix.uname_result", kStructseq}, {"time.struct_time", kStructseq},
      {"sys.flags", kStructseq}, {"sys.float_info", kStructseq}, {"sys.hash_info", kStructseq},
      {"sys.int_info", kStructseq}, {"sys.thread_info", kStructseq}, {"sys.version_info", kStructseq},
      {"sys.asyncgen_hooks", kStructseq}, {"sys.UnraisableHookArgs", kStructseq}, {"pwd.struct_passwd", kStructseq},
      {"grp.struct_group", kStructseq}, {"resource.struct_rusage", kStructseq}, {"select.epoll", kFile},
      {"os.sched_param", kStructseq}, {"posix.sched_param", kStructseq}, {"posix.waitid_result", kStructseq},
      {"signal.struct_siginfo", kStructseq}, {"_thread._ExceptHookArgs", kStructseq},
  });
}

const Names& AllNames() {
  static const Names kNames = [] {
    Names names;
    AddBuiltins(names);
    AddLibrary(names);
    return names;
  }();
  return kNames;
}

}  // namespace

Role RoleOfName(std::string_view type_name) {
  auto it = AllNames().find(type_name);
  return it == AllNames().end() ? kOther : it->second;
}

Role RoleOf(const TypeFacts& facts) {
  for (std::string_view name : facts.names) {
    if (Role role = RoleOfName(name); role != kOther) return role;
  }
  for (auto [bit, role] : kSubclassFlags) {
    if (facts.tp_flags >> bit & 1) return role;
  }
  return facts.python_class ? kInstance : kOther;
}

}  // namespace unleak::pylayout
