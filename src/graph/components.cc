#include "graph/components.h"

#include <algorithm>

namespace unleak::graph {
namespace {

class Tarjan {
 public:
  Tarjan(std::span<const u32> row, std::span<const u32> target) : row_(row), target_(target), low_(row.size() - 1, 0) {
    out_.of.assign(row.size() - 1, kNone);
  }

  Components Run() {
    for (u32 node = 0; node < low_.size(); ++node)
      if (low_[node] == 0) Search(node);
    return std::move(out_);
  }

 private:
  struct Call {
    u32 node, edge;  // next edge to look at
  };

  void Enter(u32 node) {
    low_[node] = ++clock_;
    open_.push_back(node);
    calls_.push_back({node, row_[node]});
  }

  void Search(u32 start) {
    Enter(start);
    index_.push_back(clock_);
    while (!calls_.empty()) {
      Call& call = calls_.back();
      if (call.edge < row_[call.node + 1]) {
        const u32 to = target_[call.edge++];
        if (low_[to] == 0) {
          Enter(to);
          index_.push_back(clock_);
        } else if (out_.of[to] == kNone) {
          low_[call.node] = std::min(low_[call.node], low_[to]);
        }
        continue;
      }
      Leave(call.node);
    }
  }

  void Leave(u32 node) {
    const u32 index = index_.back();
    calls_.pop_back();
    index_.pop_back();
    if (!calls_.empty()) low_[calls_.back().node] = std::min(low_[calls_.back().node], low_[node]);
    if (low_[node] != index) return;
    u32 member;
    do {
      member = open_.back();
      open_.pop_back();
      out_.of[member] = out_.count;
    } while (member != node);
    ++out_.count;
  }

  std::span<const u32> row_, target_;
  std::vector<u32> low_;    // 0: not seen; else the smallest number known to be reached through open nodes
  std::vector<u32> open_;   // seen, but not yet in a component
  std::vector<u32> index_;  // own number of each node in calls_
  std::vector<Call> calls_;
  u32 clock_ = 0;
  Components out_;
};

}  // namespace

Components StronglyConnected(std::span<const u32> row, std::span<const u32> target) {
  if (row.size() < 2) return {};
  return Tarjan(row, target).Run();
}

}  // namespace unleak::graph
