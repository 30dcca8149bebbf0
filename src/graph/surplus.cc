#include "graph/surplus.h"

#include <algorithm>

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::RootKind;

constexpr u32 kPython312 = 0x030c0000;

// What corrects "every edge in counts once" for a node.
struct Correction {
  u32 node;
  i8 counted;   // -1: a root counts; +1: an edge does not
  u8 possible;  // 1: a conservative edge or root
};

std::vector<Correction> Corrections(const Columns& c) {
  std::vector<Correction> out;
  for (u32 e = 0; e < c.edge_count(); ++e)
    if (!kCountedEdges.has(c.edge_label[e])) out.push_back({c.edge_target[e], 1, 1});
  for (const auto& root : c.roots) {
    if (root.node == kNone || root.kind == RootKind::kImmortal) continue;
    if (root.conservative)
      out.push_back({root.node, 0, 1});
    else
      out.push_back({root.node, -1, 0});
  }
  std::sort(out.begin(), out.end(), [](const Correction& a, const Correction& b) { return a.node < b.node; });
  return out;
}

void Count(i64 surplus, u32 possible, Completeness* sum) {
  ++sum->mortal;
  if (surplus == 0) {
    ++sum->explained;
  } else if (surplus < 0) {
    ++sum->deficit_objects;
  } else if (surplus <= i64{possible}) {
    ++sum->explained;
    ++sum->possible_objects;
  } else {
    ++sum->surplus_objects;
    sum->surplus_references += static_cast<u64>(surplus) - possible;
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
    u32 possible = 0;
    for (; next < corrections.size() && corrections[next].node == node; ++next) {
      surplus += corrections[next].counted;
      possible += corrections[next].possible;
    }
    if (!HasCount(c, node)) continue;
    Count(surplus, possible, &out.completeness);
    if (surplus == 0) continue;
    out.node.push_back(node);
    out.value.push_back(surplus);
    out.possible.push_back(possible);
  }
  return out;
}

std::vector<UnexplainedType> UnexplainedByType(const Heap& heap) {
  std::vector<UnexplainedType> out(heap.columns().types.size());
  for (u32 t = 0; t < out.size(); ++t) out[t].type = t;
  for (u32 node : heap.surplus_nodes()) {
    const i64 left = heap.unexplained(node);
    if (left <= 0) continue;
    UnexplainedType& type = out[heap.columns().type[node]];
    ++type.objects;
    type.references += static_cast<u64>(left);
  }
  std::erase_if(out, [](const UnexplainedType& type) { return type.objects == 0; });
  std::sort(out.begin(), out.end(), [](const UnexplainedType& a, const UnexplainedType& b) {
    return a.objects != b.objects ? a.objects > b.objects : a.type < b.type;
  });
  return out;
}

}  // namespace unleak::graph
