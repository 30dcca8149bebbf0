#include "pylayout/fields.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "pylayout/members.h"

namespace unleak::pylayout {
namespace {

constexpr u64 kMaxSlots = 4096;
constexpr std::size_t kMaxName = 128;
constexpr u64 kHeapType = u64{1} << 9;  // Py_TPFLAGS_HEAPTYPE
constexpr i32 kObjectMember = 6;        // T_OBJECT, structmember.h
constexpr i32 kObjectExMember = 16;     // T_OBJECT_EX: what __slots__ makes

// PyMemberDef (structmember.h, descrobject.h), the same in all versions.
struct MemberDefinition {
  u64 name;
  i32 type;
  i32 padding;
  i64 offset;
  i32 flags;
  i32 padding2;
  u64 doc;
};
static_assert(sizeof(MemberDefinition) == 40);

struct Place {
  i32 offset;
  const char* name;
};

std::string_view FindPlace(std::initializer_list<Place> places, i32 offset) {
  for (const Place& place : places) {
    if (place.offset >= 0 && place.offset == offset) return place.name;
  }
  return {};
}

std::string_view FrameField(const unleak_layout& l, i32 offset) {
  std::string_view own = FindPlace({{l.frame.back, "f_back"}, {l.frame.trace, "f_trace"}}, offset);
  if (!own.empty() || l.frame.internal == 1) return own;
  return FindPlace({{l.frame.code, "f_code"}, {l.frame.builtins, "f_builtins"}, {l.frame.globals, "f_globals"},
                    {l.frame.locals, "f_locals"}},
                   offset);
}

std::string_view GeneratorField(const unleak_layout& l, i32 offset) {
  std::string_view own = FindPlace({{l.generator.name, "__name__"}, {l.generator.qualname, "__qualname__"},
                                    {l.generator.exc_value, "handled exception"}},
                                   offset);
  if (!own.empty()) return own;
  if (l.frame.internal != 1) return offset == l.generator.iframe ? "gi_frame" : std::string_view();
  i32 f = l.generator.iframe;
  return FindPlace({{f + l.frame.code, "gi_code"}, {f + l.frame.function, "function"}, {f + l.frame.locals, "f_locals"},
                    {f + l.frame.object, "gi_frame"}},
                   offset);
}

std::string_view TypeField(const unleak_layout& l, i32 offset) {
  return FindPlace({{l.type.dict, "__dict__"}, {l.type.mro, "__mro__"}, {l.type.bases, "__bases__"}, {l.type.base, "__base__"},
                    {l.type.cache, "cache"}, {l.type.subclasses, "__subclasses__"}, {l.heap_type.name, "__name__"},
                    {l.heap_type.qualname, "__qualname__"}, {l.heap_type.slots, "__slots__"}, {l.heap_type.module, "module"}},
                   offset);
}

std::string_view CodeField(const unleak_layout& l, i32 offset) {
  return FindPlace({{l.code.consts, "co_consts"}, {l.code.names, "co_names"}, {l.code.filename, "co_filename"},
                    {l.code.name, "co_name"}, {l.code.qualname, "co_qualname"}, {l.code.linetable, "co_linetable"},
                    {l.code.localsplusnames, "co_localsplusnames"}, {l.code.varnames, "co_varnames"},
                    {l.code.cellvars, "co_cellvars"}, {l.code.freevars, "co_freevars"},
                    {l.frame.internal == 1 ? -1 : l.code.code_bytes, "co_code"}},
                   offset);
}

std::string_view LayoutField(const unleak_layout& layout, std::string_view type, i32 offset) {
  if (type == "type") return TypeField(layout, offset);
  if (type == "frame") return FrameField(layout, offset);
  if (type == "code") return CodeField(layout, offset);
  if (type == "generator" || type == "coroutine" || type == "async_generator") return GeneratorField(layout, offset);
  return {};
}

std::string ReadName(const ReadMemory& read, u64 address) {
  std::array<char, kMaxName + 1> text{};
  for (std::size_t i = 0; i <= kMaxName; ++i) {
    if (!read(address + i, &text[i], 1)) return {};
    if (text[i] == '\0') return {text.data(), i};
  }
  return {};
}

}  // namespace

std::string_view FieldName(const unleak_layout& layout, std::string_view type_name, i32 offset) {
  if (offset < 0) {
    constexpr i32 kLastWord = -8;  // of an object of variable size, counted from its end (tp_dictoffset)
    if (offset == kLastWord || (offset == layout.attributes.dict_offset && layout.attributes.mode > 0)) return "__dict__";
    if (offset == layout.attributes.weakref_offset && layout.attributes.mode >= 12) return "__weakref__";
    return {};
  }
  if (std::string_view name = LayoutField(layout, type_name, offset); !name.empty()) return name;
  const TypeMembers* members = FindMembers(layout, type_name);
  if (members == nullptr) return {};
  for (const Member& member : members->members) {
    if (member.offset + MemberShift(layout) == offset) return member.name;
  }
  return {};
}

std::vector<NamedField> OwnFields(const unleak_layout& layout, const ReadMemory& read, u64 type_address) {
  std::vector<NamedField> fields;
  auto word = [&read](u64 address) {
    u64 value = 0;
    return read(address, &value, sizeof value) ? value : 0;
  };
  if ((word(type_address + static_cast<u64>(layout.type.flags)) & kHeapType) == 0) return fields;
  u64 members = word(type_address + static_cast<u64>(layout.type.members));
  u64 count = std::min(word(type_address + static_cast<u64>(layout.object.size)), kMaxSlots);
  for (u64 i = 0; members != 0 && i < count; ++i) {
    MemberDefinition member;
    if (!read(members + i * sizeof member, &member, sizeof member) || member.name == 0) break;
    if (member.type != kObjectMember && member.type != kObjectExMember) continue;
    if (member.offset <= 0 || member.offset > INT32_MAX) continue;
    std::string name = ReadName(read, member.name);
    if (!name.empty()) fields.push_back({static_cast<i32>(member.offset), std::move(name)});
  }
  i64 dict = static_cast<i64>(word(type_address + static_cast<u64>(layout.type.dict_offset)));
  if (dict > 0 && dict < INT32_MAX) fields.push_back({static_cast<i32>(dict), "__dict__"});
  return fields;
}

}  // namespace unleak::pylayout
