#include <algorithm>

#include "graph/dominators.h"
#include "graph/heap.h"
#include "graph/population.h"
#include "graph/reach.h"
#include "graph/roots.h"
#include "graph/surplus.h"
#include "snapshot/validate.h"

namespace unleak::graph {

// Builds in steps, each of which frees what only it needed: at 10 million objects every column is 40 MB.
class HeapBuilder {
 public:
  explicit HeapBuilder(snapshot::Columns columns) { heap_.columns_ = std::move(columns); }

  Result<Heap> Run() {
    UNLEAK_RETURN_IF_ERROR(snapshot::Validate(c_));
    heap_.reverse_ = MakeReverse(c_.edge_row, c_.edge_target);
    TakeSurplus();
    FindPopulations();
    FindDominators();
    return std::move(heap_);
  }

 private:
  static u8 Mark(Population population) { return static_cast<u8>(population); }

  void TakeSurplus() {
    Surplus surplus = FindSurplus(c_, heap_.reverse_);
    heap_.surplus_node_ = std::move(surplus.node);
    heap_.surplus_value_ = std::move(surplus.value);
    heap_.surplus_possible_ = std::move(surplus.possible);
    heap_.completeness_ = surplus.completeness;
  }

  void FindPopulations() {
    const NameSets names(c_.strings);
    heap_.namespaces_ = FindNamespaces(c_, names);
    RootPlan plan = PlanRoots(c_, heap_.reverse_, names);
    for (const NamedRoot& root : plan.roots) heap_.entries_.push_back(root.node);
    const GraphView graph{c_.edge_row, c_.edge_target, c_.edge_label, {}, {}, {}, kCountedEdges};
    Reach reach(graph, c_.type, plan.rules);
    constexpr u8 kRetained = static_cast<u8>(Population::kRetained);
    for (const Seed& seed : plan.named)
      if (seed.claim) reach.Claim(seed, kRetained);
    reach.Run(kNamedPhase, plan.named, kRetained);
    reach.Run(kLatePhase, plan.late, kRetained);
    reach.Run(kFramePhase, plan.frames, kRetained);
    reach.Run(kTypePhase, {}, kRetained);
    heap_.roots_ = std::move(plan.roots);
    FollowPossible(&reach, plan.possible);
    reach.Run(kImmortalPhase, ImmortalSeeds(reach.mark()), Mark(Population::kImmortal));
    JudgeTheRest(&reach);
  }

  static std::vector<Seed> Seeds(const std::vector<u32>& nodes) {
    std::vector<Seed> out;
    for (u32 node : nodes) out.push_back({node, kNone, 0, false});
    return out;
  }

  std::vector<Seed> ImmortalSeeds(const std::vector<u8>& mark) const {
    std::vector<u32> out;
    for (u32 node = 0; node < c_.node_count(); ++node)
      if (mark[node] == kNotReached && !HasCount(c_, node)) out.push_back(node);
    return Seeds(out);
  }

  // Conservative references hold only what has a count that counted ones do not explain: roots then hold it, edges of what
  // is retained if they explain all of the rest. What they lead to may hold more, so this goes on in rounds; a chain of
  // opaque objects longer than that is not followed.
  void FollowPossible(Reach* reach, const std::vector<Seed>& roots) {
    constexpr u8 kRetained = static_cast<u8>(Population::kRetained);
    constexpr int kRounds = 64;
    std::vector<u32> open;
    for (size_t i = 0; i < heap_.surplus_node_.size(); ++i) {
      const bool possible = heap_.surplus_value_[i] > 0 && heap_.surplus_possible_[i] > 0;
      if (possible && reach->mark()[heap_.surplus_node_[i]] == kNotReached) open.push_back(heap_.surplus_node_[i]);
    }
    for (int round = 0; round < kRounds && !open.empty(); ++round) {
      std::vector<Seed> seeds;
      for (u32 node : open) AddPossible(*reach, roots, node, &seeds);
      if (seeds.empty()) return;
      reach->Run(kPossiblePhase, seeds, kRetained);
      std::erase_if(open, [&](u32 node) { return reach->mark()[node] != kNotReached; });
    }
  }

  void AddPossible(const Reach& reach, const std::vector<Seed>& roots, u32 node, std::vector<Seed>* seeds) const {
    const auto by_node = [](const Seed& a, const Seed& b) { return a.node < b.node; };
    const auto [first, last] = std::equal_range(roots.begin(), roots.end(), Seed{node, kNone, 0, false}, by_node);
    if (first != last) return seeds->push_back(*first);
    i64 count = 0;
    Seed seed;
    const auto sources = heap_.in_sources(node), edges = heap_.in_edges(node);
    for (size_t i = 0; i < edges.size(); ++i) {
      if (kCountedEdges.has(c_.edge_label[edges[i]]) || reach.mark()[sources[i]] == kNotReached) continue;
      ++count;
      if (seed.node == kNone) seed = {node, reach.root_of(sources[i]), 0, false, sources[i], edges[i]};
    }
    if (count >= heap_.surplus(node)) seeds->push_back(seed);
  }

  // References of the node that conservative edges of objects which no root reaches may explain.
  i64 SoftReferences(u32 node, const std::vector<u8>& mark) const {
    i64 count = 0;
    const auto sources = heap_.in_sources(node), edges = heap_.in_edges(node);
    for (size_t i = 0; i < edges.size(); ++i)
      count += !kCountedEdges.has(c_.edge_label[edges[i]]) && mark[sources[i]] == kNotReached;
    return count;
  }

  std::vector<u32> Unmarked(const std::vector<u8>& mark) const {
    std::vector<u32> out;
    for (u32 node = 0; node < c_.node_count(); ++node)
      if (mark[node] == kNotReached) out.push_back(node);
    return out;
  }

  void JudgeTheRest(Reach* reach) {
    constexpr u8 kUnexplained = static_cast<u8>(Population::kUnexplained);
    Bits soft(c_.node_count());
    std::vector<u32> hard;
    for (size_t i = 0; i < heap_.surplus_node_.size(); ++i) {
      const u32 node = heap_.surplus_node_[i];
      if (heap_.surplus_value_[i] <= 0 || reach->mark()[node] != kNotReached) continue;
      if (SoftReferences(node, reach->mark()) >= heap_.surplus_value_[i])
        soft.set(node);
      else
        hard.push_back(node);
    }
    reach->Run(kUnexplainedPhase, Seeds(hard), kUnexplained);
    Unreached rest = TakeUnreached(c_, Unmarked(reach->mark()), soft);
    if (const auto held = UnconfirmedSoft(c_, rest, soft); !held.empty()) {
      reach->Run(kUnexplainedPhase, Seeds(held), kUnexplained);
      rest = TakeUnreached(c_, Unmarked(reach->mark()), soft);
    }
    JudgeUnreached(c_, &rest);
    heap_.cycles_ = FindCycles(c_, rest);
    Keep(reach, rest);
  }

  void Keep(Reach* reach, const Unreached& rest) {
    const auto& types = reach->type_entries();
    heap_.entries_.insert(heap_.entries_.end(), types.begin(), types.end());
    ReachTree tree = reach->Take();
    heap_.root_ = std::move(tree.root);
    heap_.population_ = std::move(tree.mark);
    for (u32 node = 0; node < c_.node_count(); ++node) {
      const u32 edge = tree.parent_edge[node];
      const bool entered = edge == kNone || !kCountedEdges.has(c_.edge_label[edge]);
      if (entered && heap_.population_[node] != kNotReached) heap_.entries_.push_back(node);
      if (edge != kNone) tree.parent_edge[node] = PlaceOf(node, edge);
    }
    heap_.parent_at_ = std::move(tree.parent_edge);
    for (u32 n = 0; n < rest.node.size(); ++n) heap_.population_[rest.node[n]] = rest.state[rest.components.of[n]];
    const auto starts = UnreachedEntries(rest);
    heap_.entries_.insert(heap_.entries_.end(), starts.begin(), starts.end());
    SortEntries();
  }

  // Where in the reverse edges an edge into the node is.
  u32 PlaceOf(u32 node, u32 edge) const {
    const auto edges = heap_.in_edges(node);
    const auto at = std::lower_bound(edges.begin(), edges.end(), edge);
    return heap_.reverse_.row[node] + static_cast<u32>(at - edges.begin());
  }

  void SortEntries() {
    auto& entries = heap_.entries_;
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  }

  void FindDominators() {
    const Reverse& in = heap_.reverse_;
    const GraphView graph{c_.edge_row, c_.edge_target, c_.edge_label, in.row, in.source, in.edge, kHoldingEdges};
    DominatorTree tree = Dominators(graph, &heap_.entries_);
    SortEntries();
    std::vector<u64> sizes(c_.size.begin(), c_.size.end());
    for (const auto& [node, bytes] : c_.big_size) sizes[node] = bytes;
    heap_.retained_ = SubtreeSums(tree, std::move(sizes));
    heap_.idom_ = std::move(tree.parent);
    heap_.dom_in_ = std::move(tree.in);
    heap_.dom_out_ = std::move(tree.out);
  }

  Heap heap_;
  snapshot::Columns& c_ = heap_.columns_;
};

Result<Heap> Heap::Build(snapshot::Columns columns) { return HeapBuilder(std::move(columns)).Run(); }

i64 Heap::surplus(u32 node) const {
  const auto at = std::lower_bound(surplus_node_.begin(), surplus_node_.end(), node);
  return at != surplus_node_.end() && *at == node ? surplus_value_[static_cast<size_t>(at - surplus_node_.begin())] : 0;
}

i64 Heap::unexplained(u32 node) const {
  const auto at = std::lower_bound(surplus_node_.begin(), surplus_node_.end(), node);
  if (at == surplus_node_.end() || *at != node) return 0;
  const auto i = static_cast<size_t>(at - surplus_node_.begin());
  return surplus_value_[i] < 0 ? surplus_value_[i] : std::max<i64>(0, surplus_value_[i] - i64{surplus_possible_[i]});
}

}  // namespace unleak::graph
