// The modules of sys.modules: their names, dicts, files and whose they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/roots.h"

namespace unleak::graph {

enum class Origin : u8 { kProgram = 0, kInstalled, kStandard };

struct Module {
  u32 node = kNone;
  u32 dict = kNone;  // of its attributes
  u32 file = 0;      // string; 0: none of its functions was found
  Origin origin = Origin::kStandard;
  bool internal = false;  // sys, builtins, gc or importlib: holds what belongs to others
  std::string_view name;  // "?" where the key of sys.modules is not in the snapshot
};

// Whose code a file is, by where it lies.
Origin OriginOf(std::string_view file);

// In the order in which paths start at them (roots.h).
std::vector<Module> FindModules(const snapshot::Columns& columns, const Reverse& reverse, const NameSets& names);

// Ids of the edges by which modules refer to classes and functions of other modules, ascending.
std::vector<u32> ImportEdges(const snapshot::Columns& columns, const NameSets& names,
                             const std::vector<Module>& modules);

}  // namespace unleak::graph
