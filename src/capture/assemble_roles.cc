#include <array>
#include <vector>

#include "capture/assemble_steps.h"
#include "pylayout/fields.h"
#include "pylayout/roles.h"

namespace unleak::capture {
namespace {

// pylayout and snapshot are layers side by side, so each has the enumeration: the same numbers.
#define UNLEAK_SAME(role) \
  static_assert(static_cast<u8>(pylayout::Role::role) == static_cast<u8>(snapshot::Role::role))
UNLEAK_SAME(kOther);
UNLEAK_SAME(kInstance);
UNLEAK_SAME(kCounter);
UNLEAK_SAME(kType);
UNLEAK_SAME(kAsyncGenerator);
UNLEAK_SAME(kDescriptor);
UNLEAK_SAME(kContextToken);
UNLEAK_SAME(kStructseq);
UNLEAK_SAME(kEnumMember);
UNLEAK_SAME(kNdarray);
#undef UNLEAK_SAME

constexpr size_t kMaxBases = 64;

}  // namespace

void AssignRoles(Assembly& a) {
  std::vector<std::string_view> names;
  for (size_t t = 0; t < a.out.types.size(); ++t) {
    names.clear();
    for (u32 base = static_cast<u32>(t); base != kNone && names.size() < kMaxBases; base = a.out.types[base].base) {
      const u32 full = a.out.types[base].name;  // 0 before FinishTypes: only tp_name is known then
      names.push_back(full ? a.out.strings.at(full) : std::string_view(a.bodies[base].tp_name));
    }
    pylayout::TypeFacts facts;
    facts.names = names;
    facts.tp_flags = a.bodies[t].flags;
    facts.python_class = a.out.types[t].heap && a.bodies[t].tp_name.find('.') == std::string::npos;
    a.out.types[t].role = static_cast<snapshot::Role>(pylayout::RoleOf(facts));
  }
}

std::string FieldName(const unleak_layout& layout, const std::string& tp_name, i64 offset) {
  if (offset < INT32_MIN || offset > INT32_MAX) return {};
  return std::string(pylayout::FieldName(layout, tp_name, static_cast<i32>(offset)));
}

}  // namespace unleak::capture
