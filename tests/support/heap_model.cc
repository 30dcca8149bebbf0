#include "tests/support/heap_model.h"

#include <array>

namespace unleak::testing::heap {

using snapshot::Role;

u32 Words::Intern(std::string_view text) {
  auto it = ids_.find(text);
  if (it != ids_.end()) return it->second;
  u32 id = static_cast<u32>(text_.size());
  text_.emplace_back(text);
  ids_.emplace(text_.back(), id);
  return id;
}

std::string Words::NameOf(Ref ref) const {
  if (ref.index == Ref::kNoIndex) return at(ref.word);
  return at(ref.word) + "[" + std::to_string(ref.index) + "]";
}

u64 Words::AddressOf(Ref ref) {
  auto [it, inserted] = addresses_.emplace(ref.key(), next_address_);
  if (inserted) next_address_ += 64;
  return it->second;
}

namespace {

struct Builtin {
  std::string_view name;
  Role role;
  u32 size;
  bool gc;
};

// Sizes as of 64-bit CPython 3.12, collector header included.
constexpr auto kBuiltins = std::to_array<Builtin>({
    {"dict", Role::kDict, 64, true}, {"list", Role::kList, 56, true}, {"tuple", Role::kTuple, 40, true},
    {"set", Role::kSet, 216, true}, {"frozenset", Role::kFrozenset, 216, true}, {"str", Role::kStr, 56, false},
    {"bytes", Role::kBytes, 40, false}, {"bytearray", Role::kBytearray, 56, false}, {"int", Role::kInt, 28, false},
    {"float", Role::kFloat, 24, false}, {"bool", Role::kBool, 28, false}, {"NoneType", Role::kNone, 16, false},
    {"memoryview", Role::kMemoryview, 184, true}, {"array.array", Role::kArray, 80, false},
    {"collections.deque", Role::kDeque, 760, true}, {"collections.OrderedDict", Role::kOrderedDict, 128, true},
    {"collections.defaultdict", Role::kDefaultdict, 72, true}, {"collections.Counter", Role::kCounter, 72, true},
    {"type", Role::kType, 1064, true}, {"module", Role::kModule, 72, true}, {"function", Role::kFunction, 160, true},
    {"builtin_function_or_method", Role::kBuiltinFunction, 72, true}, {"method", Role::kMethod, 64, true},
    {"cell", Role::kCell, 40, true}, {"code", Role::kCode, 224, false}, {"frame", Role::kFrame, 440, true},
    {"generator", Role::kGenerator, 240, true}, {"coroutine", Role::kCoroutine, 240, true},
    {"async_generator", Role::kAsyncGenerator, 248, true}, {"traceback", Role::kTraceback, 64, true},
    {"ValueError", Role::kException, 88, true}, {"weakref.ReferenceType", Role::kWeakref, 72, true},
    {"property", Role::kProperty, 80, true}, {"mappingproxy", Role::kMappingproxy, 48, true},
    {"functools.partial", Role::kPartial, 96, true}, {"functools._lru_cache_wrapper", Role::kLruCache, 144, true},
    {"functools._lru_list_elem", Role::kLruLink, 64, true}, {"_contextvars.Context", Role::kContext, 56, true},
    {"_contextvars.ContextVar", Role::kContextVar, 80, true}, {"_asyncio.Task", Role::kTask, 216, true},
    {"_asyncio.Future", Role::kFuture, 168, true}, {"_thread.lock", Role::kLock, 40, false},
    {"_thread._local", Role::kThreadLocal, 88, true}, {"queue.Queue", Role::kQueue, 48, true},
    {"types.SimpleNamespace", Role::kSimpleNamespace, 48, true}, {"threading.Thread", Role::kThread, 48, true},
    {"threading.Timer", Role::kTimer, 48, true}, {"weakref.WeakValueDictionary", Role::kWeakMap, 48, true},
    {"weakref.WeakKeyDictionary", Role::kWeakMap, 48, true}, {"weakref.WeakSet", Role::kWeakSet, 48, true},
    {"logging.Logger", Role::kLogger, 48, true},
});

}  // namespace

u32 TypeOf(Model& model, u32 word, const std::string& name) {
  auto [it, inserted] = model.type_ids.emplace(word, static_cast<u32>(model.types.size()));
  if (!inserted) return it->second;
  snapshot::Type type{.name = word, .module = kNone, .role = Role::kInstance, .gc = 1, .heap = 1, .traverse_known = 1, .basic_size = 64};
  for (const Builtin& builtin : kBuiltins) {
    if (builtin.name != name) continue;
    type.role = builtin.role;
    type.gc = builtin.gc ? 1 : 0;
    type.heap = 0;
    type.basic_size = builtin.size;
  }
  model.types.push_back(type);
  model.type_nodes.emplace_back();
  return it->second;
}

}  // namespace unleak::testing::heap
