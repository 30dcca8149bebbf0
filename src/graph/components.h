// Strongly connected components (Tarjan 1972), iterative.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"

namespace unleak::graph {

struct Components {
  std::vector<u32> of;  // node -> component
  u32 count = 0;        // an edge between two components leads from a higher to a lower number
};

// Self-loops make no difference. Memory: 12 bytes a node besides the result, and 8 a node of the deepest path.
Components StronglyConnected(std::span<const u32> row, std::span<const u32> target);

}  // namespace unleak::graph
