#include "graph/dominators.h"

#include <algorithm>
#include <utility>

namespace unleak::graph {
namespace {

// Vertices are numbered 1.. in depth-first preorder; 0 is the virtual root.
class SemiNca {
 public:
  SemiNca(const GraphView& graph, std::vector<u32>* entries)
      : graph_(graph),
        entries_(*entries),
        number_(graph.nodes(), 0),
        entry_(graph.nodes()),
        idom_(graph.nodes(), kNone) {
    for (u32 node : entries_) entry_.set(node);
  }

  DominatorTree Run() {
    NumberAll();
    FindSemidominators();
    FindDominators();
    return Intervals();
  }

 private:
  static constexpr u32 kLeaf = kNone;  // in number_: a leaf with one holder, no vertex

  bool IsSoleLeaf(u32 node) const {
    return graph_.row[node] == graph_.row[node + 1] && OneEdgeIn(node) && !entry_.test(node);
  }
  bool OneEdgeIn(u32 node) const { return graph_.in_row[node + 1] - graph_.in_row[node] == 1; }

  void NumberAll() {
    u32 vertices = 1;  // exactly: at this size a vector that doubles wastes tens of MiB
    for (u32 node = 0; node < graph_.nodes(); ++node) vertices += !IsSoleLeaf(node);
    order_.reserve(vertices);
    up_.reserve(vertices);
    order_.push_back(kNone);
    up_.push_back(0);
    for (size_t i = 0; i < entries_.size(); ++i)
      if (number_[entries_[i]] == 0) Number(entries_[i]);
    for (u32 node = 0; node < graph_.nodes(); ++node) {
      if (number_[node] != 0) continue;
      entry_.set(node);
      entries_.push_back(node);
      Number(node);
    }
    Release(calls_);
  }

  void Enter(u32 node, u32 parent) {
    number_[node] = static_cast<u32>(order_.size());
    order_.push_back(node);
    up_.push_back(parent);
    calls_.push_back({node, graph_.row[node]});
  }

  void Number(u32 start) {
    Enter(start, 0);
    while (!calls_.empty()) {
      auto& [node, edge] = calls_.back();
      if (edge == graph_.row[node + 1]) {
        calls_.pop_back();
        continue;
      }
      const u32 e = edge++, to = graph_.target[e];
      if (number_[to] != 0 || !graph_.follows(e)) continue;
      if (IsSoleLeaf(to)) {
        number_[to] = kLeaf;
        idom_[to] = node;
      } else {
        Enter(to, number_[node]);
      }
    }
  }

  // The smallest semidominator on the way from `u` up to, but without, the first ancestor that is not above `v`.
  u32 Evaluate(u32 u, u32 v) {
    if (u <= v) return u;
    path_.clear();
    for (u32 x = u; ancestor_[x] > v; x = ancestor_[x]) path_.push_back(x);
    for (size_t i = path_.size(); i-- > 0;) {
      const u32 x = path_[i], above = ancestor_[x];
      label_[x] = std::min(label_[x], label_[above]);
      ancestor_[x] = ancestor_[above];
    }
    return label_[u];
  }

  void FindSemidominators() {
    const u32 count = static_cast<u32>(order_.size());
    ancestor_ = up_;
    semi_ = up_;
    label_.resize(count);
    for (u32 v = count; v-- > 1;) {
      const u32 node = order_[v];
      u32 semi = up_[v];
      if (entry_.test(node)) {
        semi = 0;
      } else if (!OneEdgeIn(node)) {
        for (u32 i = graph_.in_row[node]; i < graph_.in_row[node + 1]; ++i) {
          if (!graph_.follows(graph_.in_edge[i])) continue;
          semi = std::min(semi, Evaluate(number_[graph_.in_source[i]], v));
        }
      }
      label_[v] = semi_[v] = semi;
    }
    Release(ancestor_);
    Release(label_);
    Release(path_);
  }

  void FindDominators() {
    const u32 count = static_cast<u32>(order_.size());
    for (u32 v = 1; v < count; ++v) {
      u32 above = up_[v];
      while (above > semi_[v]) above = up_[above];
      up_[v] = above;
      if (above != 0) idom_[order_[v]] = order_[above];
    }
    Release(semi_);
    Release(up_);
  }

  // Subtree sizes from the last vertex up, then places from the first vertex down, those of leaves behind them.
  DominatorTree Intervals() {
    DominatorTree tree;
    tree.parent = std::move(idom_);
    tree.out.assign(graph_.nodes(), 1);
    for (u32 node = 0; node < graph_.nodes(); ++node)
      if (number_[node] == kLeaf) ++tree.out[tree.parent[node]];
    for (size_t v = order_.size(); v-- > 1;)
      if (const u32 above = tree.parent[order_[v]]; above != kNone) tree.out[above] += tree.out[order_[v]];
    std::vector<u32>& next = number_;  // of a vertex: the place of its next child
    tree.in.resize(graph_.nodes());
    u32 top = 0;
    for (size_t v = 1; v < order_.size(); ++v) {
      const u32 node = order_[v], above = tree.parent[node];
      u32& place = above == kNone ? top : next[above];
      tree.in[node] = place;
      next[node] = place + 1;
      place += tree.out[node];
    }
    for (u32 node = 0; node < graph_.nodes(); ++node)
      if (number_[node] == kLeaf) tree.in[node] = next[tree.parent[node]]++;
    for (u32 node = 0; node < graph_.nodes(); ++node) tree.out[node] += tree.in[node] - 1;
    return tree;
  }

  const GraphView& graph_;
  std::vector<u32>& entries_;
  std::vector<u32> number_;  // node -> vertex; 0: not reached yet
  Bits entry_;
  std::vector<u32> idom_;        // by node
  std::vector<u32> order_, up_;  // by vertex: node; parent in the depth-first tree, later the dominator
  std::vector<u32> ancestor_, label_, semi_, path_;
  std::vector<std::pair<u32, u32>> calls_;
};

}  // namespace

DominatorTree Dominators(const GraphView& graph, std::vector<u32>* entries) { return SemiNca(graph, entries).Run(); }

std::vector<u64> SubtreeSums(const DominatorTree& tree, std::vector<u64> weight) {
  std::vector<u32> by_place(tree.in.size());
  for (u32 node = 0; node < by_place.size(); ++node) by_place[tree.in[node]] = node;
  for (size_t i = by_place.size(); i-- > 0;)
    if (const u32 above = tree.parent[by_place[i]]; above != kNone) weight[above] += weight[by_place[i]];
  return weight;
}

}  // namespace unleak::graph
