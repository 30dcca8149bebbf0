// What is kept of a look once its heap is gone: paths folded to a small tree, containers, totals by type.
//
// The tree of shortest paths is folded by (parent, step, type): items of sequences are one step "[*]", values of maps
// "{*}" unless the map is a namespace or has at most Heap::kMostKeys keys, an object and its __dict__ are one
// (attributes fold alike whether they lie inline or in a dict), and runs of the same (step, type) are one node shown
// with "+": a linked list of a million nodes is one. Hashes hold no address, size, count or thread number, so that
// folded nodes of two looks, or of two runs of a program, can be compared (the idea is BLeak's and shark's, see docs).
#pragma once

#include <string>
#include <vector>

#include "graph/heap.h"

namespace unleak::graph {

struct FoldOptions {
  u32 most_nodes = 400'000;       // 40 bytes each; what does not fit is counted in its parent, or in "other roots"
  u32 most_containers = 500'000;  // 40 bytes each; the longest are kept
  u64 shortest = 4;               // containers with fewer entries are left out
};

struct FoldedNode {
  u32 parent = kNone;      // index of a folded node before it; kNone: a root
  u32 step = 0, type = 0;  // Fold::text: step (".x", "[*]", name of the root), name of the type
  bool run = false;        // holds a run of two or more steps
  u64 hash = 0;
  u64 objects = 0, bytes = 0;  // of this node alone
};

struct FoldedContainer {
  u64 address = 0;
  u64 length = 0;    // entries; of a bytearray: bytes
  u64 owner = 0;     // address of the object whose attribute, item or key it is; 0: none
  u32 node = kNone;  // folded node
  u32 type = 0;      // Fold::text
  snapshot::Role role = snapshot::Role::kOther;
};

struct TypeTotal {
  u32 name = 0;                        // Fold::text
  u64 objects[6] = {}, bytes[6] = {};  // by Population
};

// Copies everything: independent of the heap.
class Fold {
 public:
  static Fold Make(const Heap& heap, const FoldOptions& options = {});

  const std::vector<FoldedNode>& nodes() const { return nodes_; }                 // parents before children
  const std::vector<FoldedContainer>& containers() const { return containers_; }  // ascending by address
  const std::vector<TypeTotal>& types() const { return types_; }                  // types that have objects
  u64 merged_objects() const { return merged_; }  // did not fit and were counted in a parent
  u64 shortest() const { return shortest_; }      // what `shortest` had to be so that containers() fits

  std::string_view text(u32 id) const { return strings_.at(id); }
  // "app.cache.ACTIVE[*].next+"
  std::string PathText(u32 node) const;

 private:
  friend class Folder;
  snapshot::StringTable strings_;
  std::vector<FoldedNode> nodes_;
  std::vector<FoldedContainer> containers_;
  std::vector<TypeTotal> types_;
  u64 merged_ = 0, shortest_ = 0;
};

// Roles whose objects hold a number of entries that can grow, or that is fixed but tells of growth elsewhere (tuple).
bool IsFoldedContainer(snapshot::Role role);

}  // namespace unleak::graph
