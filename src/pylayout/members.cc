#include "pylayout/members.h"

#include <array>
#include <unordered_map>
#include <vector>

namespace unleak::pylayout {
namespace {

using enum Shape;
constexpr Reports kOmitted = Reports::kOmitted;

struct Row {
  TypeMembers type;
  std::vector<Member> members;
};

Row MakeRow(const char* type, i32 first, i32 last, Shape shape, std::vector<Member> members) {
  return {{type, first, last, shape, {}}, std::move(members)};
}

#define TYPE(name, first, last, shape, ...) rows.push_back(MakeRow(name, first, last, shape, {__VA_ARGS__}));

void AddBuiltins(std::vector<Row>& rows) {
#include "pylayout/members_builtin.inc"
}

void AddStandardLibrary(std::vector<Row>& rows) {
#include "pylayout/members_stdlib.inc"
}

#undef TYPE

struct Tables {
  std::vector<Row> rows;  // owns the members
  std::vector<TypeMembers> all;
  std::unordered_multimap<std::string_view, const TypeMembers*> by_name;

  Tables() {
    AddBuiltins(rows);
    AddStandardLibrary(rows);
    for (Row& row : rows) {
      row.type.members = row.members;
      all.push_back(row.type);
    }
    for (const TypeMembers& type : all) by_name.emplace(type.type, &type);
  }
};

const Tables& AllTables() {
  static const Tables kTables;
  return kTables;
}

i32 Minor(const unleak_layout& layout) { return layout.hex >> 16 & 0xff; }

}  // namespace

const TypeMembers* FindMembers(const unleak_layout& layout, std::string_view type_name) {
  auto [begin, end] = AllTables().by_name.equal_range(type_name);
  for (auto it = begin; it != end; ++it) {
    if (it->second->first_minor <= Minor(layout) && Minor(layout) <= it->second->last_minor) return it->second;
  }
  return nullptr;
}

i32 MemberShift(const unleak_layout& layout) { return layout.object.type - 8; }

std::span<const TypeMembers> AllMembers() { return AllTables().all; }

}  // namespace unleak::pylayout
