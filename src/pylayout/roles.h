// The role of a type: what its instances are for, whatever their layout.
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"

namespace unleak::pylayout {

// The numbers of snapshot::Role, which lies in a sibling layer; capture checks with static_asserts that they agree.
enum class Role : u8 {
  kOther = 0, kInstance = 1,
  kDict, kList, kTuple, kSet, kFrozenset, kStr, kBytes, kBytearray, kInt, kFloat, kComplex, kBool, kNone,
  kMemoryview, kArray, kDeque, kOrderedDict, kDefaultdict, kCounter,
  kType, kModule, kFunction, kBuiltinFunction, kMethod, kCell, kCode, kFrame, kGenerator, kCoroutine,
  kAsyncGenerator, kTraceback, kException, kWeakref, kWeakProxy, kProperty, kStaticmethod, kClassmethod,
  kDescriptor, kMappingproxy, kPartial, kLruCache, kLruLink, kContext, kContextNode, kContextVar,
  kContextToken, kTask, kFuture, kLock, kThreadLocal, kIterator, kQueue, kFile, kSimpleNamespace,
  kStructseq, kRegex, kCtypes, kDatetime, kCapsule, kDictView, kSlice, kRange, kUnion, kEnumMember,
  kThread, kTimer, kSocket, kWeakMap, kWeakSet, kLogger, kNdarray,
};

struct TypeFacts {
  // The type's own name first, then that of its tp_base and so on: "module.qualname", without the module for
  // builtins; tp_names work too. The most derived name that says something decides.
  std::span<const std::string_view> names;
  u64 tp_flags = 0;
  bool python_class = false;  // made by a class statement: heap type whose tp_name has no dot
};

Role RoleOf(const TypeFacts& facts);

// The role of exactly that type name; kOther if the name says nothing.
Role RoleOfName(std::string_view type_name);

}  // namespace unleak::pylayout
