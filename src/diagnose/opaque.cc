#include "diagnose/opaque.h"

#include <algorithm>

#include "diagnose/names.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::Role;

constexpr size_t kMostNodes = 50'000;

// Links of an lru_cache are no collected objects, but the cache reports what they hold.
bool IsBlind(const Columns& c, u32 node) {
  return !(c.flags[node] & snapshot::kTracked) && c.role_of(node) != Role::kLruLink;
}

std::string Named(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  const u32 owner = c.role_of(node) == Role::kDict ? DictOwner(heap, node) : kNone;
  if (owner != kNone) return "the __dict__ of " + std::string(c.type_name(owner));
  return std::string(c.type_name(node));
}

std::string BlindMember(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  const std::string name = Named(heap, node);
  if (!c.types[c.type[node]].gc)
    return name + ": its type takes no part in garbage collection, so what it refers to is not seen";
  return name + ": the collector does not track it although it refers to objects that it does track";
}

std::string BlindEdge(const Heap& heap, u32 from, u32 edge) {
  const Columns& c = heap.columns();
  const std::string step = heap.StepText(from, c.edge_label[edge]), to(c.type_name(c.edge_target[edge]));
  const std::string link = Named(heap, from) + (step.empty() ? " -> " : step + " -> ") + to;
  if (Label::Class(c.edge_label[edge]) == EdgeClass::kConservative)
    return link + ": a reference in memory of native code, which its type does not report to the collector";
  return link + ": its type does not report this reference to the collector";
}

}  // namespace

std::string OpaqueLink(const Heap& heap, const graph::Component& island) {
  const Columns& c = heap.columns();
  const size_t count = std::min(island.nodes.size(), kMostNodes);
  for (size_t i = 0; i < count; ++i)
    if (IsBlind(c, island.nodes[i])) return BlindMember(heap, island.nodes[i]);
  for (size_t i = 0; i < count; ++i) {
    const u32 node = island.nodes[i];
    if (c.role_of(node) == Role::kLruLink) continue;
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e)
      if (!graph::kCollectorEdges.has(c.edge_label[e]) &&
          std::binary_search(island.nodes.begin(), island.nodes.end(), c.edge_target[e]))
        return BlindEdge(heap, node, e);
  }
  return {};
}

}  // namespace unleak::diagnose
