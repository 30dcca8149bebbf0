#include "capture/assemble_steps.h"

namespace unleak::capture {

void AssignRoles(Assembly& a) {
  using snapshot::Role;
  for (size_t t = 0; t < a.out.types.size(); ++t) {
    Role role = a.out.types[t].heap ? Role::kInstance : Role::kOther;
    const std::string& name = a.bodies[t].tp_name;
    switch (a.bodies[t].kind) {
      case UNLEAK_DICT: role = Role::kDict; break;
      case UNLEAK_LIST: role = Role::kList; break;
      case UNLEAK_TUPLE: role = Role::kTuple; break;
      case UNLEAK_SET: role = Role::kSet; break;
      case UNLEAK_STR: role = Role::kStr; break;
      case UNLEAK_INT: role = Role::kInt; break;
      case UNLEAK_TYPE: role = Role::kType; break;
    }
    if (name == "code") role = Role::kCode;
    if (name == "function") role = Role::kFunction;
    if (name == "cell") role = Role::kCell;
    if (name == "module") role = Role::kModule;
    a.out.types[t].role = role;
  }
}

std::string FieldName(const unleak_layout&, const std::string&, i64) { return {}; }

}  // namespace unleak::capture
