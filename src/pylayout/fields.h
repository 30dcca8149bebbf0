// Names of the words in an object's body, for edge labels.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "pylayout/layout.h"

namespace unleak::pylayout {

// The name of the reference at `offset` of an object whose type, or one of whose bases, is the builtin or stdlib type
// `type_name` (its tp_name, or "module.qualname" without the module for builtins); "" if that is not known. Offsets
// may be negative ("__dict__" of a managed dict). The text lives as long as the program.
std::string_view FieldName(const unleak_layout& layout, std::string_view type_name, i32 offset);

// Reads target memory: all of it, or false.
using ReadMemory = std::function<bool(u64 address, void* out, std::size_t bytes)>;

struct NamedField {
  i32 offset = 0;
  std::string name;
};

// Fields that a heap type itself adds to its instances: its __slots__ that hold objects, and "__dict__" where it keeps
// that in the body. Bases add theirs: ask for each. At most 4096; names of more than 128 bytes are left out.
std::vector<NamedField> OwnFields(const unleak_layout& layout, const ReadMemory& read, u64 type_address);

}  // namespace unleak::pylayout
