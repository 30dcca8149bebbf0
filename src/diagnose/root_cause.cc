#include "diagnose/root_cause.h"

#include <algorithm>
#include <cstdlib>

namespace unleak::diagnose {
namespace {

constexpr int kMostHops = 10'000;
constexpr size_t kLeastIntervals = 3;  // with fewer, two that grow as fast may do so by chance
constexpr i64 kOneStep = 2;  // entries that a look in the middle of a step may see in one and not yet in the other
constexpr double kSameSteps = 0.95, kSameBytes = 0.7;  // of the rates of two containers that grow in step

bool Alike(double a, double b, double share) { return std::min(a, b) >= share * std::max(a, b); }

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

std::vector<i64> Increments(const Candidate& c) {
  std::vector<i64> out;
  const Json entries = c.finding["evidence"].value("entries", Json::array());
  for (size_t i = 1; i < entries.size(); ++i) out.push_back(entries[i].get<i64>() - entries[i - 1].get<i64>());
  return out;
}

// From look to look each got as many entries as the other, but for a step that a look fell into.
bool GrewInStep(const Candidate& a, const Candidate& b) {
  const std::vector<i64> x = Increments(a), y = Increments(b);
  if (x.size() != y.size() || x.size() < kLeastIntervals) return false;
  for (size_t i = 0; i < x.size(); ++i)
    if (std::abs(x[i] - y[i]) > std::max<i64>(kOneStep, std::max(x[i], y[i]) / 100)) return false;
  return true;
}

// An object, no module or class, that has `a` in an attribute and leads to `b`.
bool OwnerLeadsTo(const graph::Heap& heap, const Candidate& a, const Candidate& b) {
  const u32 owner = a.holder.owner;
  if (owner == kNone) return false;
  const snapshot::Role role = heap.columns().role_of(owner);
  if (role == snapshot::Role::kModule || role == snapshot::Role::kType) return false;
  u32 at = heap.parent(b.container);
  for (int hops = 0; at != kNone && hops < kMostHops; ++hops, at = heap.parent(at))
    if (at == owner) return true;
  return false;
}

// What an object notes of each call in several lists of its own is one cause: the biggest is told, and names the
// others.
void DropNotedTwice(const graph::Heap& heap, std::vector<Candidate>& candidates) {
  const auto one_cause = [&](const Candidate& a, const Candidate& b) {
    return a.family == Family::kContainer && b.family == Family::kContainer && !a.in_bytes && !b.in_bytes &&
           a.main_type == b.main_type && a.finding["kind"] == b.finding["kind"] &&
           (OwnerLeadsTo(heap, a, b) || OwnerLeadsTo(heap, b, a)) && GrewInStep(a, b);
  };
  std::vector<std::string> drop;
  for (Candidate& a : candidates) {
    if (std::find(drop.begin(), drop.end(), a.key) != drop.end()) continue;
    for (Candidate& b : candidates) {
      if (&a == &b || a.bytes_per_s < b.bytes_per_s || std::find(drop.begin(), drop.end(), b.key) != drop.end())
        continue;
      if (!one_cause(a, b)) continue;
      a.finding["evidence"]["also_in"].push_back(b.holder.text);
      drop.push_back(b.key);
    }
  }
  std::erase_if(candidates,
                [&](const Candidate& c) { return std::find(drop.begin(), drop.end(), c.key) != drop.end(); });
}

}  // namespace

void DropExplained(const graph::Heap& heap, std::vector<Candidate>& candidates) {
  std::vector<std::string> drop;
  for (const Candidate& c : candidates) {
    if (c.family != Family::kPopulation) continue;
    const bool explained = std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& box) {
      return box.family == Family::kContainer && !box.in_bytes &&
             (Names(box, c.main_type) || Keeps(heap, WholeOf(heap, box.container), c.example));
    });
    if (explained) drop.push_back(c.key);
  }
  std::erase_if(candidates,
                [&](const Candidate& c) { return std::find(drop.begin(), drop.end(), c.key) != drop.end(); });
  DropNotedTwice(heap, candidates);
}

bool SaysMoreInStep(const Candidate& a, const Candidate& b) {
  if (a.family != Family::kContainer || b.family != Family::kContainer || a.holder.via_frame != b.holder.via_frame)
    return false;
  if (!Alike(a.objects_per_s, b.objects_per_s, kSameSteps) || !Alike(a.bytes_per_s, b.bytes_per_s, kSameBytes))
    return false;
  return a.telling > b.telling || (a.telling == b.telling && a.holder.name < b.holder.name);
}

}  // namespace unleak::diagnose
