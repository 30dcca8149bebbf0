// A container (or one object) with what is around it, as the classifiers look at it: what it holds, what holds it.
#pragma once

#include <functional>
#include <vector>

#include "diagnose/names.h"
#include "graph/heap.h"

namespace unleak::diagnose {

struct Place {
  const graph::Heap& heap;
  const Holder& holder;
  u32 node = kNone;
  std::vector<u32> keys, values;  // of a map; of other containers and of a lone object `keys` is empty
  std::vector<u32> held;          // all that goes with the container, or its elements where others hold them too
  std::vector<u32> owners;        // what holds it, nearest first: the shortest path from a root, at most kMostOwners

  static constexpr size_t kMostOwners = 24;
  static constexpr size_t kMostSampled = 4'000;  // of the entries are looked at

  const snapshot::Columns& columns() const { return heap.columns(); }
  snapshot::Role role(u32 n) const { return heap.columns().role_of(n); }
  // One of the nearest `hops` owners has this role.
  bool OwnedBy(snapshot::Role role, size_t hops = kMostOwners) const;
};

// Of a container in the last heap; `holder` must outlive it.
Place MakePlace(const graph::Heap& heap, const Holder& holder, u32 node);
// Of an object that is itself what grows in number: it is its own only entry.
Place MakeLonePlace(const graph::Heap& heap, const Holder& holder, u32 node);

using NodeTest = std::function<bool(u32)>;

// The share (0 to 1) of a sample of `nodes` that passes.
double Share(const std::vector<u32>& nodes, const NodeTest& test);

// A node, or one that it holds itself (items of a tuple, attributes of an instance), passes.
bool ItselfOrMember(const snapshot::Columns& columns, u32 node, const NodeTest& test);

// Members that hold it: no edge to the own type, no guessed one.
std::vector<u32> Members(const snapshot::Columns& columns, u32 node);

}  // namespace unleak::diagnose
