#include "graph/leak_share.h"

#include <algorithm>
#include <bit>
#include <map>

#include "graph/components.h"

namespace unleak::graph {
namespace {

using snapshot::Columns;

class Sharer {
 public:
  Sharer(const Heap& heap, std::span<const GrowingContainer> growing)
      : heap_(heap), c_(heap.columns()), growing_(growing), grows_(heap.node_count()), base_(heap.node_count()) {
    for (size_t i = 0; i < growing.size(); ++i) {
      grows_.set(growing[i].node);
      elements_[growing[i].node] = growing[i].elements;
      std::sort(elements_[growing[i].node].begin(), elements_[growing[i].node].end());
    }
  }

  std::vector<LeakShare> Run() {
    FindBase();
    FindRest();
    FindMasks();
    return Sum();
  }

 private:
  bool Follows(u32 edge) const { return kHoldingEdges.has(c_.edge_label[edge]); }

  // An edge to an entry that grew, or to the value under a key that is one.
  bool IsGrowing(u32 source, u32 edge) const {
    using snapshot::Label;
    if (!grows_.test(source)) return false;
    const auto& elements = elements_.at(source);
    const u32 label = c_.edge_label[edge];
    return elements.empty() || std::binary_search(elements.begin(), elements.end(), c_.edge_target[edge]) ||
           (Label::Kind(label) == snapshot::LabelKind::kKeyNode &&
            std::binary_search(elements.begin(), elements.end(), Label::Value(label)));
  }

  bool IsReached(u32 node) const {
    const Population p = heap_.population(node);
    return p == Population::kRetained || p == Population::kUnexplained || p == Population::kImmortal;
  }

  // What is reached without growing entries.
  void FindBase() {
    std::vector<u32> stack;
    for (u32 node : heap_.entries())
      if (IsReached(node) && base_.insert(node)) stack.push_back(node);
    while (!stack.empty()) {
      const u32 node = stack.back();
      stack.pop_back();
      for (u32 e = c_.edge_row[node]; e < c_.edge_row[node + 1]; ++e) {
        const u32 to = c_.edge_target[e];
        if (Follows(e) && !base_.test(to) && !IsGrowing(node, e)) {
          base_.set(to);
          stack.push_back(to);
        }
      }
    }
  }

  // The subgraph of everything that growing entries reach and the base does not.
  void FindRest() {
    local_.assign(heap_.node_count(), kNone);
    const auto visit = [&](u32 node) {
      if (base_.test(node) || local_[node] != kNone) return;
      local_[node] = static_cast<u32>(rest_.size());
      rest_.push_back(node);
    };
    for (const GrowingContainer& container : growing_)
      for (u32 e = c_.edge_row[container.node]; e < c_.edge_row[container.node + 1]; ++e)
        if (Follows(e) && IsGrowing(container.node, e)) visit(c_.edge_target[e]);
    for (size_t i = 0; i < rest_.size(); ++i) {
      const u32 node = rest_[i];
      for (u32 e = c_.edge_row[node]; e < c_.edge_row[node + 1]; ++e)
        if (Follows(e)) visit(c_.edge_target[e]);
    }
    for (u32 node : rest_) {
      for (u32 e = c_.edge_row[node]; e < c_.edge_row[node + 1]; ++e)
        if (Follows(e) && local_[c_.edge_target[e]] != kNone) csr_.target.push_back(local_[c_.edge_target[e]]);
      csr_.row.push_back(static_cast<u32>(csr_.target.size()));
    }
  }

  // Which containers reach each component: along edges, which lead to lower component numbers.
  void FindMasks() {
    components_ = StronglyConnected(csr_.row, csr_.target);
    mask_.assign(components_.count, 0);
    for (size_t i = 0; i < growing_.size(); ++i) {
      const u32 node = growing_[i].node;
      for (u32 e = c_.edge_row[node]; e < c_.edge_row[node + 1]; ++e) {
        const u32 to = c_.edge_target[e];
        if (Follows(e) && local_[to] != kNone && IsGrowing(node, e)) mask_[components_.of[local_[to]]] |= u64{1} << i;
      }
    }
    std::vector<u32> order(rest_.size());
    std::vector<u32> next(components_.count + 1, 0);
    for (u32 k : components_.of) ++next[k + 1];
    for (u32 k = 0; k < components_.count; ++k) next[k + 1] += next[k];
    for (u32 n = 0; n < rest_.size(); ++n) order[next[components_.of[n]]++] = n;
    for (size_t i = order.size(); i-- > 0;) {
      const u32 n = order[i];
      for (u32 e = csr_.row[n]; e < csr_.row[n + 1]; ++e)
        mask_[components_.of[csr_.target[e]]] |= mask_[components_.of[n]];
    }
  }

  std::vector<LeakShare> Sum() const {
    std::vector<LeakShare> out(growing_.size());
    std::vector<std::map<u32, TypeShare>> types(growing_.size());
    for (u32 n = 0; n < rest_.size(); ++n) {
      const u64 mask = mask_[components_.of[n]], bytes = c_.size_of(rest_[n]);
      const double part = static_cast<double>(bytes) / std::popcount(mask);
      for (u64 left = mask; left != 0; left &= left - 1) {
        const size_t i = static_cast<size_t>(std::countr_zero(left));
        out[i].bytes += part;
        ++out[i].objects;
        TypeShare& type = types[i][c_.type[rest_[n]]];
        ++type.objects;
        type.bytes += part;
        if (left != mask || (left & (left - 1)) != 0) continue;
        out[i].exclusive_bytes += bytes;
        ++out[i].exclusive_objects;
      }
    }
    for (size_t i = 0; i < out.size(); ++i) {
      for (auto& [type, share] : types[i]) {
        share.type = type;
        out[i].types.push_back(share);
      }
      std::stable_sort(out[i].types.begin(), out[i].types.end(),
                       [](const TypeShare& a, const TypeShare& b) { return a.bytes > b.bytes; });
    }
    return out;
  }

  const Heap& heap_;
  const Columns& c_;
  std::span<const GrowingContainer> growing_;
  Bits grows_;                                // is one of growing_
  std::map<u32, std::vector<u32>> elements_;  // of those, sorted
  Bits base_;
  std::vector<u32> local_, rest_;  // node -> index into rest_, and back
  Csr csr_;
  Components components_;
  std::vector<u64> mask_;  // by component
};

}  // namespace

Result<std::vector<LeakShare>> LeakShares(const Heap& heap, std::span<const GrowingContainer> growing) {
  if (growing.size() > kMostShares)
    return Status(Code::kUsage,
                  "LeakShare of " + std::to_string(growing.size()) + " containers; at most " +
                      std::to_string(kMostShares) + " can be told apart",
                  "pass the fastest growing ones");
  for (const GrowingContainer& container : growing)
    if (container.node >= heap.node_count())
      return Status(Code::kUsage, "a growing container is not a node of this heap");
  return Sharer(heap, growing).Run();
}

}  // namespace unleak::graph
