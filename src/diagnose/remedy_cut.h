// What a cut would free: the heap is asked what only the cut references keep alive, and who holds the rest. Nothing is
// changed.
#pragma once

#include <string>
#include <vector>

#include "diagnose/names.h"

namespace unleak::diagnose {

struct Cut {
  u64 frees = 0;        // bytes that go with it
  u64 entries = 0;      // objects that the cut lets go of, where known: entries of the container
  u64 kept = 0;         // of these, how many somebody else holds too
  std::string kept_by;  // the most frequent of those holders, as a path; "" if nobody else holds any
  double kept_share() const { return entries ? static_cast<double>(kept) / static_cast<double>(entries) : 0.0; }
};

// All entries are taken out of the container. Plain values that many share (small ints, names, classes) do not count as
// entries where it holds anything more telling.
Cut CutEntries(const graph::Heap& heap, u32 container);

// The reference from `owner` to `target` is dropped.
Cut CutEdge(const graph::Heap& heap, u32 owner, u32 target);

// A path from a root to `node` that does not pass through `avoid`, as text; "" if none is found in a bounded search.
std::string OtherHolder(const graph::Heap& heap, u32 node, u32 avoid);

// Of a cycle (node ids, ascending): what is left of it when all references like one of its edges are cut.
struct CycleCut {
  u32 left = 0;                  // nodes that are in a cycle still
  u32 sources = 0, targets = 0;  // ends of the references that are cut; many to few points back at an owner
};

// One a cut edge (edge ids), in the same order. `with_types`: the references of instances to their classes count as
// edges too.
std::vector<CycleCut> CutsOfCycle(const graph::Heap& heap, const std::vector<u32>& nodes, const std::vector<u32>& edges,
                                  bool with_types);

// Index of the edge to cut: one that leaves no cycle, points from many to few, and is an attribute or variable rather
// than an entry.
size_t BestCut(const snapshot::Columns& columns, const std::vector<u32>& edges, const std::vector<CycleCut>& cuts);

// Whether living objects of this type have an attribute whose value always has another owner too: then a weak reference
// is safe. Looks at a bounded number of them; false if there are fewer than three.
bool AlwaysHeldElsewhere(const graph::Heap& heap, const std::string& type, const std::string& attribute);

}  // namespace unleak::diagnose
