#include "graph/surplus.h"

#include <algorithm>

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::RootKind;

constexpr u32 kPython312 = 0x030c0000;

// Corrections to "every edge in counts once": conservative edges do not count (+1 each), roots do (-1 each). By node.
std::vector<std::pair<u32, i64>> Corrections(const Columns& c) {
  std::vector<std::pair<u32, i64>> out;
  for (u32 e = 0; e < c.edge_count(); ++e)
    if (!kCountedEdges.has(c.edge_label[e])) out.push_back({c.edge_target[e], 1});
  for (const auto& root : c.roots)
    if (root.node != kNone && !root.conservative && root.kind != RootKind::kImmortal) out.push_back({root.node, -1});
  std::sort(out.begin(), out.end());
  return out;
}

void Count(i64 surplus, Completeness* sum) {
  ++sum->mortal;
  if (surplus == 0) {
    ++sum->explained;
  } else if (surplus > 0) {
    ++sum->surplus_objects;
    sum->surplus_references += static_cast<u64>(surplus);
  } else {
    ++sum->deficit_objects;
  }
}

}  // namespace

bool HasCount(const Columns& c, u32 node) {
  const u16 flags = c.flags[node];
  if (flags & snapshot::kImmortal || c.refcount[node] == kNone) return false;
  return !(flags & snapshot::kStatic) || c.meta.python_hex >= kPython312;
}

Surplus FindSurplus(const Columns& c, const Reverse& reverse) {
  Surplus out;
  const auto corrections = Corrections(c);
  size_t next = 0;
  for (u32 node = 0; node < c.node_count(); ++node) {
    i64 surplus = static_cast<i64>(c.refcount[node]) - (reverse.row[node + 1] - reverse.row[node]);
    for (; next < corrections.size() && corrections[next].first == node; ++next) surplus += corrections[next].second;
    if (!HasCount(c, node)) continue;
    // functools.lru_cache chains its links by C pointers that own them (Modules/_functoolsmodule.c, lru_list_elem).
    if (c.role_of(node) == snapshot::Role::kLruLink) --surplus;
    Count(surplus, &out.completeness);
    if (surplus == 0) continue;
    out.node.push_back(node);
    out.value.push_back(surplus);
  }
  return out;
}

}  // namespace unleak::graph
