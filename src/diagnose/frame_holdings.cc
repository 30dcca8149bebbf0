#include "diagnose/frame_holdings.h"

#include <algorithm>
#include <map>

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;

constexpr size_t kMostSources = 64;
constexpr int kRounds = 2;  // lists of shared objects that share objects

class Holdings {
 public:
  explicit Holdings(const Heap& heap) : heap_(heap), c_(heap.columns()), root_of_(heap.node_count(), kNone) {}

  std::vector<FrameHolding> Find(u64 least) {
    FindTops();
    TakeVariables();
    for (u32 n = 0; n < heap_.node_count(); ++n)
      if (root_of_[n] != kNone) leads_to_[root_of_[n]] += heap_.retained(n);
    for (int round = 0; round < kRounds; ++round) TakeShared();
    return Sums(least);
  }

 private:
  // What dominates each node outermost: what a root or several others hold.
  void FindTops() {
    top_.assign(heap_.node_count(), kNone);
    std::vector<u32> chain;
    for (u32 n = 0; n < heap_.node_count(); ++n) {
      u32 at = n;
      for (chain.clear(); top_[at] == kNone && heap_.dominator(at) != kNone; at = heap_.dominator(at))
        chain.push_back(at);
      if (top_[at] == kNone) top_[at] = at;
      for (u32 below : chain) top_[below] = top_[at];
    }
  }

  // Variables that nothing but frames holds.
  void TakeVariables() {
    std::vector<bool> elsewhere(heap_.node_count());
    for (const auto& root : heap_.roots())
      if (!root.conservative && root.kind != snapshot::RootKind::kFrame && root.node < heap_.node_count())
        elsewhere[root.node] = true;
    for (u32 i = 0; i < c_.roots.size(); ++i) {
      const auto& root = c_.roots[i];
      if (root.kind != snapshot::RootKind::kFrame || root.conservative || root.node >= heap_.node_count()) continue;
      if (root.frame >= c_.frames.size() || elsewhere[root.node] || heap_.dominator(root.node) != kNone) continue;
      if (!HeldByRootsOnly(root.node)) continue;
      u32& best = root_of_[root.node];
      if (best == kNone || c_.frames[c_.roots[best].frame].depth < c_.frames[root.frame].depth) best = i;
    }
  }

  bool Counts(u32 edge) const {
    const u32 label = c_.edge_label[edge];
    return Label::Class(label) != EdgeClass::kConservative && Label::Class(label) != EdgeClass::kType &&
           Label::Kind(label) != LabelKind::kType;
  }

  bool HeldByRootsOnly(u32 node) const {
    const auto sources = heap_.in_sources(node);
    const auto edges = heap_.in_edges(node);
    if (sources.size() > kMostSources) return false;
    for (size_t i = 0; i < sources.size(); ++i)
      if (Counts(edges[i]) && !heap_.dominates(node, sources[i])) return false;
    return true;
  }

  u32 FrameOf(u32 node) const {
    const u32 root = root_of_[top_[node]];
    return root == kNone ? kNone : c_.roots[root].frame;
  }

  // Objects that several variables of one frame lead to, and nobody else.
  void TakeShared() {
    for (u32 n = 0; n < heap_.node_count(); ++n) {
      if (top_[n] != n || root_of_[n] != kNone || heap_.population(n) != graph::Population::kRetained) continue;
      const auto sources = heap_.in_sources(n);
      const auto edges = heap_.in_edges(n);
      if (sources.empty() || sources.size() > kMostSources) continue;
      u32 frame = kNone;
      std::vector<u32> variables;
      bool one = true;
      for (size_t i = 0; i < sources.size() && one; ++i) {
        if (!Counts(edges[i]) || heap_.dominates(n, sources[i])) continue;
        const u32 its = FrameOf(sources[i]);
        one = its != kNone && (frame == kNone || its == frame);
        frame = its;
        const u32 variable = root_of_[top_[sources[i]]];
        if (std::find(variables.begin(), variables.end(), variable) == variables.end()) variables.push_back(variable);
      }
      if (one && frame != kNone) Share(n, variables);
    }
  }

  // Each variable that leads to a shared object is credited with it; one of them stands for the frame.
  void Share(u32 node, const std::vector<u32>& variables) {
    for (u32 variable : variables) leads_to_[variable] += heap_.retained(node);
    root_of_[node] = variables.front();
  }

  std::vector<FrameHolding> Sums(u64 least) const {
    std::map<u32, FrameHolding> frames;
    for (u32 n = 0; n < heap_.node_count(); ++n) {
      if (root_of_[n] == kNone || top_[n] != n) continue;
      FrameHolding& holding = frames[c_.roots[root_of_[n]].frame];
      holding.bytes += heap_.retained(n);
      holding.objects += heap_.retained_objects(n);
    }
    std::vector<FrameHolding> out;
    for (auto& [frame, holding] : frames) {
      if (holding.bytes < least) continue;
      holding.frame = frame;
      for (u32 n = 0; n < heap_.node_count(); ++n)
        if (FrameOf(n) == frame) holding.members.push_back(n);
      for (const auto& [root, bytes] : leads_to_)
        if (c_.roots[root].frame == frame && bytes >= holding.bytes / 10) holding.roots.push_back(root);
      std::stable_sort(holding.roots.begin(), holding.roots.end(),
                       [&](u32 a, u32 b) { return leads_to_.at(a) > leads_to_.at(b); });
      out.push_back(std::move(holding));
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    return out;
  }

  const Heap& heap_;
  const Columns& c_;
  std::vector<u32> top_;
  std::map<u32, u64> leads_to_;  // bytes by variable, shared ones counted for each
  std::vector<u32> root_of_;     // of a top: the variable (index into columns.roots) that counts it
};

}  // namespace

std::vector<FrameHolding> FrameHoldings(const Heap& heap, u64 least) {
  if (heap.columns().total_bytes() < least) return {};
  return Holdings(heap).Find(least);
}

}  // namespace unleak::diagnose
