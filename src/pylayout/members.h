// Which words of the body of a builtin or stdlib C type hold references, how they are called, and who reports them.
//
// Static data by type name and version, checked against live interpreters (tests/pylayout/test_members.py).
// "Type name" is the type's tp_name ("function", "functools.partial", "_asyncio.Task").
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"
#include "pylayout/layout.h"

namespace unleak::pylayout {

enum class Reports : u8 {
  kTraverse,  // tp_traverse visits it
  kOmitted,   // a counted reference that traverse leaves out
};

struct Member {
  i32 offset;        // from the start of the object, in builds with a GIL
  const char* name;  // as Python calls it where it has a name there, else the C member without its prefix
  Reports reports = Reports::kTraverse;
};

// All that a type's own traverse (not that of its bases) visits at fixed places of the body, or more behind them where
// `shape` says so.
enum class Shape : u8 {
  kFixed,        // the members and nothing else
  kList, kTuple, kDict, kSet, kType, kFrame, kGenerator, kModule,
  kOrderedDict,     // a dict, its members and its attribute dict
  kDeque,
  kItems,        // ob_size references in the body from the first member's offset on
  kLruCache,     // members and the keys and results of its list of links
  kElement,      // members and the children block of an ElementTree element
  kTee,          // members and the values of a link of itertools.tee
  kSimpleQueue,  // 3.13+: a ring buffer of references
  kPartial,      // members are known, but nothing is said of more
  kLeaf,         // holds no references
};

struct TypeMembers {
  const char* type;
  i32 first_minor, last_minor;  // 3.x of the versions that it holds for
  Shape shape;
  std::span<const Member> members;
};

// The row for a type in a version, or nullptr.
const TypeMembers* FindMembers(const unleak_layout& layout, std::string_view type_name);

// What must be added to Member::offset in this build: 0, or 16 in free-threaded ones (longer object header).
i32 MemberShift(const unleak_layout& layout);

// All rows, for the tests.
std::span<const TypeMembers> AllMembers();

}  // namespace unleak::pylayout
