#include "diagnose/root_cause.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

constexpr int kMostHops = 10'000;

bool Names(const Candidate& box, const std::string& type) {
  const Json& what = box.finding["what"];
  return std::any_of(what.begin(), what.end(), [&](const Json& w) { return w["type"] == type; });
}

// Of a call cache's table the whole cache: its values hang on links beside the table.
u32 WholeOf(const graph::Heap& heap, u32 container) {
  const u32 parent = container == kNone ? kNone : heap.parent(container);
  return parent != kNone && heap.columns().role_of(parent) == snapshot::Role::kLruCache ? parent : container;
}

// The container keeps the object alive, or the shortest path to it leads through the container.
bool Keeps(const graph::Heap& heap, u32 container, u32 object) {
  if (container == kNone || object == kNone) return false;
  if (heap.dominates(container, object)) return true;
  u32 at = object;
  for (int hops = 0; at != kNone && hops < kMostHops; ++hops, at = heap.parent(at))
    if (at == container) return true;
  return false;
}

}  // namespace

void DropExplained(const graph::Heap& heap, std::vector<Candidate>& candidates) {
  std::vector<std::string> drop;
  for (const Candidate& c : candidates) {
    if (c.family != Family::kPopulation) continue;
    const bool explained = std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& box) {
      return box.family == Family::kContainer && !box.in_bytes && (Names(box, c.main_type) || Keeps(heap, WholeOf(heap, box.container), c.example));
    });
    if (explained) drop.push_back(c.key);
  }
  std::erase_if(candidates,
                [&](const Candidate& c) { return std::find(drop.begin(), drop.end(), c.key) != drop.end(); });
}

}  // namespace unleak::diagnose
