#include <array>
#include <cstdio>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

// struct PyMemberDef (structmember.h, descrobject.h from 3.12 on): the same in all versions.
struct MemberDef {
  u64 name;
  i32 type;
  i32 pad;
  i64 offset;
  i32 flags;
  i32 pad2;
  u64 doc;
};
static_assert(sizeof(MemberDef) == 40);
constexpr i32 kObject = 6, kObjectEx = 16;  // T_OBJECT, T_OBJECT_EX: a pointer to an object
constexpr int kMaxMembers = 1024;           // of one type
constexpr int kMaxDepth = 256;              // bases of one type
constexpr i64 kMaxCached = 4096 * 8;        // offsets from here on are looked up each time
constexpr u64 kMaxMemberName = 200;

// Name in the type's own table of members (__slots__ of a class, tp_members of a C type), "" if it is not there.
std::string NameInTable(Assembly& a, u64 table, i64 offset) {
  for (int i = 0; table && i < kMaxMembers; ++i) {
    MemberDef def;
    if (!a.in.memory.Read(table + static_cast<u64>(i) * sizeof def, &def, sizeof def) || !def.name) break;
    if (def.offset == offset && (def.type == kObject || def.type == kObjectEx)) {
      return a.in.memory.CString(def.name, kMaxMemberName);
    }
  }
  return {};
}

// Members that CPython has no table entry for, by what they are for the program.
std::string WellKnown(Assembly& a, u32 type, i64 offset) {
  const auto& layout = a.layout();
  const TypeBody& body = a.bodies[type];
  if (offset < 0) return offset == layout.attributes.weakref_offset ? "__weakref__" : "__dict__";
  if (body.kind == UNLEAK_TYPE && offset == layout.type.dict) return "__dict__";
  if (a.out.types[type].role == snapshot::Role::kFunction) {
    if (offset == layout.function.defaults) return "__defaults__";
    if (offset == layout.function.kwdefaults) return "__kwdefaults__";
  }
  if (offset == body.dict_offset) return "__dict__";
  if (offset == body.weaklist_offset) return "__weakref__";
  return {};
}

std::string FindName(Assembly& a, u32 type, i64 offset) {
  std::string name = WellKnown(a, type, offset);
  u32 t = type;
  for (int depth = 0; name.empty() && t != kNone && depth < kMaxDepth; ++depth) {
    name = NameInTable(a, a.bodies[t].members, offset);
    if (name.empty()) name = FieldName(a.layout(), a.bodies[t].tp_name, offset);
    t = a.out.types[t].base;
  }
  if (name.empty()) {
    std::array<char, 24> text;
    std::snprintf(text.data(), text.size(), "+0x%llx", static_cast<unsigned long long>(offset));
    name = text.data();
  }
  return name;
}

}  // namespace

u32 MemberName(Assembly& a, u32 type, i64 offset) {
  if (offset >= kMaxCached) return a.String(FindName(a, type, offset));
  const size_t slot = static_cast<size_t>(offset < 0 ? 0 : offset / 8);  // slot 0 is the reference count: no member
  std::vector<u32>& cache = a.members[type];
  if (slot >= cache.size()) cache.resize(slot + 1);
  if (slot == 0 && offset == a.layout().attributes.weakref_offset) return a.String("__weakref__");
  if (!cache[slot]) cache[slot] = a.String(FindName(a, type, offset)) + 1;
  return cache[slot] - 1;
}

}  // namespace unleak::capture
