// Heaps as text, for tests: see tests/heaps/README.md for the language.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "snapshot/columns.h"

namespace unleak::testing {

// One look that a text describes. Node names are as in the text: "cache", "s[17]".
struct HeapLook {
  snapshot::Columns columns;
  std::map<std::string, u32> nodes;

  u32 node(const std::string& name) const {  // kNone if there is no such node
    auto it = nodes.find(name);
    return it == nodes.end() ? kNone : it->second;
  }
};

// The looks of a text, at least one. Errors say "NAME:LINE: what". The columns have passed Validate().
Result<std::vector<HeapLook>> ParseHeapText(std::string_view text, const std::string& name = "heap");

// The same of a file; a relative path is taken from tests/heaps.
Result<std::vector<HeapLook>> LoadHeapText(const std::string& path);

// The only look of a text that is known to be right: prints the error and aborts if it is not.
HeapLook HeapOf(std::string_view text);

}  // namespace unleak::testing
