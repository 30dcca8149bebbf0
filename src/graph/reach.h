// Breadth-first search from ranked roots: the tree of shortest paths that people read.
//
// It runs in phases, each to its end before the next one starts. Within a phase a root may start `delay` levels late,
// and so may the far end of an edge: a short path from a lesser root then beats a very long one from a better root.
// Edges that lead to nearly everything by a detour (function -> __globals__, traceback -> frame, internals of weak
// maps) are late: they wait until phase kNamed is done. Ties go to the seed, then to the edge, that comes first.
#pragma once

#include <array>
#include <vector>

#include "graph/view.h"

namespace unleak::graph {

enum ReachPhase : u8 {
  kNamedPhase = 0,  // modules, types, interpreter, threads
  kLatePhase,       // late edges out of what kNamed reached
  kFramePhase,      // running frames
  kTypePhase,       // held by nothing but its instances
  kPossiblePhase,   // conservative references, where they explain the count
  kImmortalPhase,
  kUnexplainedPhase,
  kReachPhases,
};

inline constexpr u8 kNotReached = 0xff;

struct Seed {
  u32 node = kNone;
  u32 root = kNone;    // index into Heap::roots()
  u8 delay = 0;        // levels, < kMaxDelay
  bool claim = false;  // belongs to this root from the start: no edge takes it first
  u32 source = kNone, edge = kNone;  // reached by this edge of a node that was reached before
};

// What makes an edge late or delayed. All empty: nothing does.
struct ReachRules {
  std::vector<u8> late_type;       // by type index: all edges out of such objects are late
  std::vector<u8> late_name;       // by string id: edges and keys with this name are late
  std::vector<u32> delayed_edges;  // ascending: they take kEdgeDelay levels more
  Bits delayed_source;             // nodes that have such edges
};

struct ReachTree {
  std::vector<u32> parent_edge, root;  // kNone: not reached, or no such thing
  std::vector<u8> mark;                // as given to Run(); kNotReached
};

class Reach {
 public:
  static constexpr u8 kMaxDelay = 8, kEdgeDelay = 2, kLateDelay = 4;

  // `graph` and `type` (by node) must outlive it; reverse edges are not used.
  Reach(const GraphView& graph, std::span<const u32> type, const ReachRules& rules);

  // Before the first Run().
  void Claim(const Seed& seed, u8 mark);
  void Run(ReachPhase phase, std::span<const Seed> seeds, u8 mark);
  ReachTree Take() { return std::move(tree_); }
  const std::vector<u8>& mark() const { return tree_.mark; }
  u32 root_of(u32 node) const { return tree_.root[node]; }
  // Nodes that only an edge from an instance to its type led to.
  const std::vector<u32>& type_entries() const { return type_entries_; }

 private:
  struct Item {
    u32 node, source, edge, root;
  };
  void Visit(const Item& item);
  void Arrive(const Item& item);
  void Expand(u32 node);
  void TakeEdge(u32 source, u32 edge, bool late_source);

  const GraphView& graph_;
  std::span<const u32> type_;
  const ReachRules& rules_;
  ReachTree tree_;
  ReachPhase phase_ = kNamedPhase;
  u8 mark_ = 0;
  u32 level_ = 0;
  std::array<std::vector<Item>, kMaxDelay + 1> wheel_;  // by level
  size_t waiting_ = 0;                                  // items in wheel_
  std::vector<Item> late_, types_;                      // put off to a later phase
  Bits type_queued_;
  std::vector<u32> type_entries_, frontier_, next_;
};

}  // namespace unleak::graph
