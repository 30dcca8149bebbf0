#include "diagnose/containers.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "diagnose/unheld.h"

namespace unleak::diagnose {
namespace {

using snapshot::Columns;

constexpr int kMostHops = 3;           // from a file in memory to the text or bytes that it keeps
constexpr u64 kMostBlocks = 64;        // along one path, that are replaced together
constexpr double kMostlyLength = 0.5;  // of a path's growth that longer containers must bring, not more of them

const Container* FindContainer(const LookSummary& look, const Container& like) {
  auto it = std::lower_bound(look.containers.begin(), look.containers.end(), like.address,
                             [](const Container& c, u64 address) { return c.address < address; });
  return it != look.containers.end() && it->address == like.address && it->type_hash == like.type_hash ? &*it : nullptr;
}

struct Followed {
  Series series;
  std::vector<std::vector<Fingerprint>> samples;  // of each look in the series
};

// One container over the looks. Looks before the first that followed it are left out; one that misses it later ends the
// matter: another object lay there.
bool Follow(const std::vector<LookSummary>& looks, const Container& box, Followed* out) {
  for (const LookSummary& look : looks) {
    const Container* there = FindContainer(look, box);
    if (!there) {
      if (out->samples.empty() && &look != &looks.back()) continue;
      return false;
    }
    const auto from = look.sketches.begin() + there->sketch_from;
    out->samples.emplace_back(from, from + there->sketch_count);
    AddTime(look.facts, out->series);
    out->series.value.push_back(there->length);
  }
  return true;
}

// The smallest share of an earlier look's elements that is still there.
double LeastSurvival(const graph::Heap& heap, u32 node, const std::vector<std::vector<Fingerprint>>& samples) {
  const ElementsNow now(heap, node);
  double least = 1.0;
  for (size_t i = 0; i + 1 < samples.size(); ++i) least = std::min(least, now.Survival(samples[i]));
  return least;
}

bool IsImmutable(snapshot::Role role) { return role == snapshot::Role::kStr || role == snapshot::Role::kBytes; }

// Every container that grows by itself. `flow`: those that entries run through instead of those that keep them.
std::vector<GrownContainer> Singles(const Evidence& evidence, bool flow) {
  std::vector<GrownContainer> out;
  const Columns& c = evidence.last.columns();
  for (const Container& box : evidence.looks.back().containers) {
    GrownContainer grown;
    Followed followed;
    if (!Follow(evidence.looks, box, &followed)) continue;
    grown.series = std::move(followed.series);
    if (grown.series.value.back() <= grown.series.value.front()) continue;
    const Unit unit = box.in_bytes ? Unit::kBytes : Unit::kCount;
    if (!Judge(grown.series, unit, 1.0).grows) continue;
    grown.node = NodeAt(c, box.address);
    if (grown.node == kNone) continue;
    if (!box.in_bytes) grown.survival = LeastSurvival(evidence.last, grown.node, followed.samples);
    grown.growth = Judge(grown.series, unit, grown.survival);
    grown.path = box.path;
    grown.in_bytes = box.in_bytes;
    if (box.in_bytes && IsImmutable(c.role_of(grown.node))) continue;  // another object lies there now: see AddReplacedBlocks
    if (grown.growth.grows && (grown.survival < kLeakSurvival) == flow) out.push_back(std::move(grown));
  }
  return out;
}

// Containers that grow along the same path as one: the same line fills them.
std::vector<GrownContainer> Grouped(std::vector<GrownContainer> singles) {
  std::stable_sort(singles.begin(), singles.end(),
                   [](const GrownContainer& a, const GrownContainer& b) { return a.growth.total > b.growth.total; });
  std::vector<GrownContainer> out;
  std::unordered_map<u64, size_t> by_path;
  for (GrownContainer& single : singles) {
    const auto [it, fresh] = by_path.emplace(single.path, out.size());
    if (fresh) {
      out.push_back(std::move(single));
      continue;
    }
    GrownContainer& group = out[it->second];
    const size_t later = group.series.value.size() - std::min(group.series.value.size(), single.series.value.size());
    const size_t skipped = single.series.value.size() - std::min(group.series.value.size(), single.series.value.size());
    for (size_t i = later; i < group.series.value.size(); ++i)
      group.series.value[i] += single.series.value[i - later + skipped];
    group.survival = std::min(group.survival, single.survival);
    ++group.containers;
    const Growth sum = Judge(group.series, Unit::kCount, group.survival);
    if (sum.grows) group.growth = sum;
  }
  return out;
}

// The share of a path's growth that comes from longer containers, not from more of them (those are told by what holds
// them).
double FromLength(const PathTotal& first, const PathTotal& now) {
  const double before = static_cast<double>(first.entries) / static_cast<double>(std::max<u64>(first.containers, 1));
  const double after = static_cast<double>(now.entries) / static_cast<double>(std::max<u64>(now.containers, 1));
  const double growth = static_cast<double>(now.entries) - static_cast<double>(first.entries);
  return growth > 0 ? (after - before) * static_cast<double>(first.containers) / growth : 0.0;
}

// Maps of growing lists: no container grows enough alone, all together do. And one that is replaced by a longer copy
// each time.
void AddSummedPaths(const Evidence& evidence, std::vector<GrownContainer>* out) {
  std::unordered_map<u64, u64> explained;
  for (const GrownContainer& grown : *out) explained[grown.path] += grown.growth.total;
  // Objects that entries run through come again at the same addresses: along the path they seem to stay.
  for (const GrownContainer& flow : Singles(evidence, true)) explained[flow.path] += flow.growth.total;
  const auto& looks = evidence.looks;
  for (const auto& [path, now] : looks.back().paths) {
    auto first = looks.front().paths.find(path);
    if (first == looks.front().paths.end() || FromLength(first->second, now) < kMostlyLength) continue;
    GrownContainer grown;
    grown.path = path;
    grown.containers = now.containers;
    for (const LookSummary& look : looks) {
      auto it = look.paths.find(path);
      AddTime(look.facts, grown.series);
      grown.series.value.push_back(it == look.paths.end() ? 0 : it->second.entries);
    }
    grown.survival = SampleSurvival(first->second.sketch, now.sketch, kPathSketch);
    grown.growth = Judge(grown.series, Unit::kCount, grown.survival);
    auto it = explained.find(path);
    if (!grown.growth.grows || grown.survival < kLeakSurvival ||
        (it != explained.end() && 2 * it->second >= grown.growth.total))
      continue;
    grown.node = NodeAt(evidence.last.columns(), now.example);
    if (grown.node != kNone) out->push_back(std::move(grown));
  }
}

// A text that is longer each time it is stored (`log += line`), an array that is copied to grow, the columns of a table:
// the same few big objects along a path. What passes there in turn has any size, so only even growth counts.
void AddReplacedBlocks(const Evidence& evidence, std::vector<GrownContainer>* out) {
  const auto& looks = evidence.looks;
  for (const auto& [path, now] : looks.back().blocks) {
    if (now.count > kMostBlocks) continue;
    GrownContainer grown;
    grown.path = path;
    grown.in_bytes = true;
    for (const LookSummary& look : looks) {
      auto it = look.blocks.find(path);
      if (it == look.blocks.end() || it->second.count != now.count) break;
      AddTime(look.facts, grown.series);
      grown.series.value.push_back(it->second.bytes);
    }
    const bool known = std::any_of(out->begin(), out->end(), [&, path = path](const GrownContainer& g) { return g.path == path; });
    if (known || grown.series.value.size() != looks.size()) continue;
    grown.series = WithoutSpikes(grown.series);
    if (!RisesEvenly(grown.series)) continue;
    grown.growth = Judge(grown.series, Unit::kBytes, 1.0);
    grown.node = NodeAt(evidence.last.columns(), now.address);
    if (grown.growth.grows && grown.node != kNone) out->push_back(std::move(grown));
  }
}

// What a file in memory keeps its content in grows with it.
void DropContents(const graph::Heap& heap, std::vector<GrownContainer>* grown) {
  std::unordered_set<u32> files;
  for (const GrownContainer& g : *grown)
    if (g.in_bytes) files.insert(g.node);
  const auto inside = [&](const GrownContainer& g) {
    u32 at = heap.parent(g.node);
    for (int hops = 0; hops < kMostHops && at != kNone; ++hops, at = heap.parent(at))
      if (files.count(at) != 0) return true;
    return false;
  };
  std::erase_if(*grown, [&](const GrownContainer& g) { return g.in_bytes && inside(g); });
}

}  // namespace

u32 NodeAt(const Columns& c, u64 address) {
  auto it = std::lower_bound(c.address.begin(), c.address.end(), address);
  return it != c.address.end() && *it == address ? static_cast<u32>(it - c.address.begin()) : kNone;
}

std::vector<GrownContainer> FindGrownContainers(const Evidence& evidence) {
  if (evidence.looks.size() < 2) return {};
  std::vector<GrownContainer> grown = Grouped(Singles(evidence, false));
  AddSummedPaths(evidence, &grown);
  AddReplacedBlocks(evidence, &grown);
  DropContents(evidence.last, &grown);
  std::stable_sort(grown.begin(), grown.end(),
                   [](const GrownContainer& a, const GrownContainer& b) { return a.growth.total > b.growth.total; });
  return grown;
}

std::vector<GrownContainer> FindBacklogs(const Evidence& evidence) {
  return evidence.looks.size() < 2 ? std::vector<GrownContainer>() : Grouped(Singles(evidence, true));
}

}  // namespace unleak::diagnose
