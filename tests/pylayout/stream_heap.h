// A sink that keeps a whole stream (walker/stream.h) by node, for tests.
#pragma once

#include <unordered_map>
#include <vector>

#include "capture/twin.h"

namespace unleak::test {

struct StreamEdge {
  u64 edge, target, label;
  auto operator<=>(const StreamEdge&) const = default;
};

struct StreamNode {
  u64 address = 0, tag = 0;
  u64 type_size = 0, count_value = 0, length_flags = 0;
  std::vector<StreamEdge> edges;
  std::vector<std::pair<u64, u64>> blocks;  // address, bytes
  u32 type() const { return static_cast<u32>(type_size >> 32); }
};

struct StreamGroup {
  u64 group, context, extra;
  std::vector<StreamEdge> edges;
};

class StreamHeap : public capture::StreamSink {
 public:
  void Words(const u64* words, std::size_t count) override {
    for (std::size_t i = 0; i < count;) {
      u64 tag = words[i] & 7, address = words[i] & ~u64{7};
      if (tag < UNLEAK_BLOCK) edges_.push_back({tag, address, words[i + 1]});
      else if (tag == UNLEAK_BLOCK) blocks_.push_back({address, words[i + 1]});
      else if (address == 0) groups.push_back({words[i + 1], words[i + 2], words[i + 3], std::move(edges_)}), edges_.clear();
      else Node(address, tag, words + i);
      i += tag <= UNLEAK_BLOCK ? 2 : 4;
    }
  }
  void Restart() override {
    nodes.clear();
    groups.clear();
    edges_.clear();
    blocks_.clear();
  }

  std::unordered_map<u64, StreamNode> nodes;
  std::vector<StreamGroup> groups;

 private:
  void Node(u64 address, u64 tag, const u64* words) {
    StreamNode node{address, tag, words[1], words[2], words[3], {}, std::move(blocks_)};
    blocks_.clear();
    if (tag != UNLEAK_LEAF_NODE) {
      node.edges = std::move(edges_);
      edges_.clear();
    }
    nodes.emplace(address, std::move(node));
  }

  std::vector<StreamEdge> edges_;
  std::vector<std::pair<u64, u64>> blocks_;
};

}  // namespace unleak::test
