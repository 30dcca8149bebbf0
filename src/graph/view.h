// A directed graph as plain arrays, the only form that the algorithms of this folder take.
//
// Edges of node n are [row[n], row[n + 1]) of target; the edges into it are [in_row[n], in_row[n + 1]) of in_source and
// in_edge (edge id), ascending by edge id. `label` is parallel to target, or empty: then every edge counts.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"
#include "snapshot/columns.h"

namespace unleak::graph {

// A set of edges by their label's class and kind (the upper five bits).
struct EdgeSet {
  u32 mask = 0xffffffffu;
  constexpr bool has(u32 label) const { return mask >> (label >> 27) & 1u; }
};

constexpr bool IsTypeEdge(u32 label) {
  return snapshot::Label::Class(label) == snapshot::EdgeClass::kType ||
         snapshot::Label::Kind(label) == snapshot::LabelKind::kType;
}

namespace internal {
template <class Predicate>
constexpr EdgeSet MakeEdgeSet(Predicate wanted) {
  EdgeSet set{0};
  for (u32 top = 0; top < 32; ++top)
    if (wanted(top << 27)) set.mask |= 1u << top;
  return set;
}
}  // namespace internal

// Real references, each counted in its target's reference count.
inline constexpr EdgeSet kCountedEdges = internal::MakeEdgeSet(
    [](u32 label) { return snapshot::Label::Class(label) != snapshot::EdgeClass::kConservative; });
// Those that paths and dominators follow: not the one to the own type.
inline constexpr EdgeSet kHoldingEdges = internal::MakeEdgeSet([](u32 label) {
  return snapshot::Label::Class(label) != snapshot::EdgeClass::kConservative && !IsTypeEdge(label);
});
// Those that the collector subtracts.
inline constexpr EdgeSet kCollectorEdges =
    internal::MakeEdgeSet([](u32 label) { return snapshot::Label::Class(label) == snapshot::EdgeClass::kTraverse; });

struct GraphView {
  std::span<const u32> row, target, label;
  std::span<const u32> in_row, in_source, in_edge;  // may be empty where an algorithm does not ask for them
  EdgeSet edges;                                    // those that are followed

  u32 nodes() const { return row.empty() ? 0 : static_cast<u32>(row.size() - 1); }
  bool follows(u32 edge) const { return label.empty() || edges.has(label[edge]); }
};

// The edges into each node.
struct Reverse {
  std::vector<u32> row, source, edge;
};

Reverse MakeReverse(std::span<const u32> row, std::span<const u32> target);

// Owned arrays, for graphs that are made on the way (subgraphs, condensations).
struct Csr {
  std::vector<u32> row{0}, target;
};

// Gives the memory of a vector back; "v = {}" would keep it.
template <class T>
void Release(std::vector<T>& v) {
  std::vector<T>().swap(v);
}

// One bit a node.
class Bits {
 public:
  explicit Bits(u32 size = 0) : words_((static_cast<size_t>(size) + 63) / 64) {}
  bool test(u32 i) const { return words_[i >> 6] >> (i & 63) & 1; }
  void set(u32 i) { words_[i >> 6] |= u64{1} << (i & 63); }
  // Sets it; false if it was set before.
  bool insert(u32 i) {
    const bool fresh = !test(i);
    set(i);
    return fresh;
  }

 private:
  std::vector<u64> words_;
};

}  // namespace unleak::graph
