// How many bytes each growing container is to blame for (LeakShare; Vilk & Berger, "BLeak", PLDI 2018).
//
// Counted are objects that are reached through entries of growing containers only: what anything else holds as well
// would stay if the leak were fixed. An object that several of them reach is split evenly among them.
#pragma once

#include <span>
#include <vector>

#include "graph/heap.h"

namespace unleak::graph {

inline constexpr size_t kMostShares = 64;

struct GrowingContainer {
  u32 node = kNone;
  std::vector<u32> elements;  // targets of its edges that grew (also those under such a key); empty: all
};

struct TypeShare {
  u32 type = 0;      // index into columns().types
  u64 objects = 0;   // reached through this container, shared ones too
  double bytes = 0;  // its part of them
};

struct LeakShare {
  double bytes = 0;         // its part of all
  u64 exclusive_bytes = 0;  // what no other growing container reaches: freed if this one is fixed
  u64 objects = 0, exclusive_objects = 0;
  std::vector<TypeShare> types;  // by bytes, largest first
};

// One result a container, in the same order; the nodes differ. kUsage if there are more than kMostShares.
Result<std::vector<LeakShare>> LeakShares(const Heap& heap, std::span<const GrowingContainer> growing);

}  // namespace unleak::graph
