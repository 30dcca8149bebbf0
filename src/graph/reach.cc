#include "graph/reach.h"

#include <algorithm>
#include <utility>

namespace unleak::graph {

using snapshot::Label;
using snapshot::LabelKind;

Reach::Reach(const GraphView& graph, std::span<const u32> type, const ReachRules& rules)
    : graph_(graph), type_(type), rules_(rules), type_queued_(graph.nodes()) {
  tree_.parent_edge.assign(graph.nodes(), kNone);
  tree_.root.assign(graph.nodes(), kNone);
  tree_.mark.assign(graph.nodes(), kNotReached);
}

void Reach::Claim(const Seed& seed, u8 mark) {
  if (tree_.mark[seed.node] != kNotReached) return;
  tree_.mark[seed.node] = mark;
  tree_.root[seed.node] = seed.root;
}

void Reach::Run(ReachPhase phase, std::span<const Seed> seeds, u8 mark) {
  phase_ = phase;
  mark_ = mark;
  level_ = 0;
  for (const Seed& seed : seeds) {
    const u32 source = seed.claim ? seed.node : seed.source;
    wheel_[seed.delay].push_back({seed.node, source, seed.edge, seed.root});
    ++waiting_;
  }
  std::vector<Item>& put_off = phase == kLatePhase ? late_ : types_;
  if (phase == kLatePhase || phase == kTypePhase) {
    waiting_ += put_off.size();
    wheel_[0].insert(wheel_[0].end(), put_off.begin(), put_off.end());
    Release(put_off);
  }
  while (waiting_ > 0 || !frontier_.empty()) {
    const std::vector<Item> due = std::exchange(wheel_[level_ % wheel_.size()], std::vector<Item>());
    waiting_ -= due.size();
    for (const Item& item : due) Arrive(item);
    for (u32 node : frontier_) Expand(node);
    frontier_.clear();
    std::swap(frontier_, next_);
    ++level_;
  }
}

// A node that waited its time: a seed, or the far end of a delayed edge.
void Reach::Arrive(const Item& item) {
  if (item.edge == kNone) {
    if (item.source == item.node) {  // claimed, by this root or by one before it
      if (tree_.root[item.node] == item.root) frontier_.push_back(item.node);
    } else if (tree_.mark[item.node] == kNotReached) {
      tree_.mark[item.node] = mark_;
      tree_.root[item.node] = item.root;
      frontier_.push_back(item.node);
    }
    return;
  }
  if (tree_.mark[item.node] != kNotReached) return;
  if (!graph_.label.empty() && IsTypeEdge(graph_.label[item.edge])) type_entries_.push_back(item.node);
  Visit(item);
  frontier_.push_back(item.node);
}

void Reach::Visit(const Item& item) {
  tree_.mark[item.node] = mark_;
  tree_.parent_edge[item.node] = item.edge;
  tree_.root[item.node] = item.root;
}

void Reach::Expand(u32 node) {
  const bool late = !rules_.late_type.empty() && rules_.late_type[type_[node]];
  for (u32 e = graph_.row[node]; e < graph_.row[node + 1]; ++e)
    if (tree_.mark[graph_.target[e]] == kNotReached && graph_.follows(e)) TakeEdge(node, e, late);
}

void Reach::TakeEdge(u32 source, u32 edge, bool late) {
  const Item item{graph_.target[edge], source, edge, tree_.root[source]};
  const u32 label = graph_.label.empty() ? 0 : graph_.label[edge];
  const auto wait = [&](u8 levels) {
    wheel_[(level_ + levels) % wheel_.size()].push_back(item);
    ++waiting_;
  };
  if (IsTypeEdge(label)) {
    if (!type_queued_.insert(item.node)) return;
    if (phase_ < kTypePhase) return types_.push_back(item);
    return wait(kLateDelay);
  }
  const auto kind = Label::Kind(label);
  if ((kind == LabelKind::kName || kind == LabelKind::kKeyName) && Label::Value(label) < rules_.late_name.size())
    late |= rules_.late_name[Label::Value(label)] != 0;
  if (late) {
    if (phase_ == kNamedPhase) return late_.push_back(item);
    return wait(kLateDelay);
  }
  if (!rules_.delayed_edges.empty() && rules_.delayed_source.test(source) &&
      std::binary_search(rules_.delayed_edges.begin(), rules_.delayed_edges.end(), edge))
    return wait(kEdgeDelay);
  Visit(item);
  next_.push_back(item.node);
}

}  // namespace unleak::graph
