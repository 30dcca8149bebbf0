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

// A top is what nothing but the virtual root dominates. What it dominates follows it in the dominator tree, so that one
// column by places of that tree says for every object which variable counts it.
class Holdings {
 public:
  explicit Holdings(const Heap& heap) : heap_(heap), c_(heap.columns()) {}

  std::vector<FrameHolding> Find(u64 least) {
    const auto variables = Variables();
    if (variables.empty()) return {};
    variable_at_.assign(heap_.node_count(), kNone);
    for (const auto& [node, variable] : variables) Credit(node, {variable});
    for (int round = 0; round < kRounds; ++round) TakeShared();
    return Sums(least);
  }

 private:
  // Variables that nothing but frames holds.
  std::map<u32, u32> Variables() const {
    std::map<u32, u32> variables;  // index into columns.roots, by the top that it is
    std::vector<u32> elsewhere;
    for (const auto& root : heap_.roots())
      if (!root.conservative && root.kind != snapshot::RootKind::kFrame) elsewhere.push_back(root.node);
    std::sort(elsewhere.begin(), elsewhere.end());
    for (u32 i = 0; i < c_.roots.size(); ++i) {
      const auto& root = c_.roots[i];
      if (root.kind != snapshot::RootKind::kFrame || root.conservative || root.node >= heap_.node_count()) continue;
      if (root.frame >= c_.frames.size() || heap_.dominator(root.node) != kNone) continue;
      if (std::binary_search(elsewhere.begin(), elsewhere.end(), root.node) || !HeldByRootsOnly(root.node)) continue;
      u32& best = variables.try_emplace(root.node, i).first->second;
      if (c_.frames[c_.roots[best].frame].depth < c_.frames[root.frame].depth) best = i;
    }
    return variables;
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

  // kNone where no frame alone holds it.
  u32 VariableOf(u32 node) const { return variable_at_[heap_.dominator_place(node)]; }

  u32 FrameOf(u32 node) const {
    const u32 variable = VariableOf(node);
    return variable == kNone ? kNone : c_.roots[variable].frame;
  }

  // Objects that several variables of one frame lead to, and nobody else.
  void TakeShared() {
    for (u32 n = 0; n < heap_.node_count(); ++n) {
      if (heap_.dominator(n) != kNone || VariableOf(n) != kNone) continue;
      if (heap_.population(n) != graph::Population::kRetained) continue;
      const auto sources = heap_.in_sources(n);
      const auto edges = heap_.in_edges(n);
      if (sources.empty() || sources.size() > kMostSources) continue;
      u32 frame = kNone;
      std::vector<u32> variables;
      bool one = true;
      for (size_t i = 0; i < sources.size() && one; ++i) {
        if (!Counts(edges[i]) || heap_.dominates(n, sources[i])) continue;
        const u32 variable = VariableOf(sources[i]), its = FrameOf(sources[i]);
        one = its != kNone && (frame == kNone || its == frame);
        frame = its;
        if (std::find(variables.begin(), variables.end(), variable) == variables.end()) variables.push_back(variable);
      }
      if (one && frame != kNone) Credit(n, variables);
    }
  }

  // Each variable that leads to a top is credited with it; one of them stands for the frame.
  void Credit(u32 top, const std::vector<u32>& variables) {
    for (u32 variable : variables) leads_to_[variable] += heap_.retained(top);
    const auto first = variable_at_.begin() + heap_.dominator_place(top);
    std::fill_n(first, heap_.retained_objects(top), variables.front());
  }

  std::vector<FrameHolding> Sums(u64 least) const {
    std::map<u32, FrameHolding> frames;
    for (u32 n = 0; n < heap_.node_count(); ++n) {
      if (heap_.dominator(n) != kNone || VariableOf(n) == kNone) continue;
      FrameHolding& holding = frames[FrameOf(n)];
      holding.bytes += heap_.retained(n);
      holding.objects += heap_.retained_objects(n);
    }
    std::vector<FrameHolding> out;
    for (auto& [frame, holding] : frames) {
      if (holding.bytes < least) continue;
      holding.frame = frame;
      TypeCounter counter(heap_);
      for (u32 n = 0; n < heap_.node_count(); ++n)
        if (FrameOf(n) == frame) counter.Add(n);
      holding.types = counter.Counts();
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
  std::vector<u32> variable_at_;  // by place: the variable (index into columns.roots) that counts it
  std::map<u32, u64> leads_to_;   // bytes by variable, shared ones counted for each
};

}  // namespace

std::vector<FrameHolding> FrameHoldings(const Heap& heap, u64 least) {
  if (heap.columns().total_bytes() < least) return {};
  return Holdings(heap).Find(least);
}

}  // namespace unleak::diagnose
