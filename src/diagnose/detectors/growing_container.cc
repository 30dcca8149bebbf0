// Growing container. Evidence: its length never falls and rises from look to look, and the elements of the first look are
// still there. Limits: a container that is replaced by a copy at every store has no series of its own; it is seen along its path.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::Role;

constexpr size_t kMostCandidates = 24;
constexpr size_t kMostTypes = 12;
constexpr int kTellingElement = 80;

const Container* FindContainer(const LookSummary& look, const Container& like) {
  auto it = std::lower_bound(look.containers.begin(), look.containers.end(), like.address,
                             [](const Container& c, u64 address) { return c.address < address; });
  return it != look.containers.end() && it->address == like.address && it->type_hash == like.type_hash ? &*it : nullptr;
}

u32 NodeAt(const Columns& c, u64 address) {
  auto it = std::lower_bound(c.address.begin(), c.address.end(), address);
  return it != c.address.end() && *it == address ? static_cast<u32>(it - c.address.begin()) : kNone;
}

double Survival(const std::vector<u32>& sample, const std::vector<u32>& now) {
  if (sample.empty()) return 1.0;
  const std::unordered_set<u32> there(now.begin(), now.end());
  size_t found = 0;
  for (u32 hash : sample) found += there.count(hash);
  return static_cast<double>(found) / static_cast<double>(sample.size());
}

std::vector<u32> HashesOf(const Columns& c, u32 node) {
  std::vector<u32> hashes = Elements(c, node);
  for (u32& e : hashes) e = SketchHash(c.address[e]);
  return hashes;
}

// Members of the container's dominator subtree without itself, or its elements where they are shared with somebody.
std::vector<u32> Held(const Heap& heap, u32 node, const std::vector<u32>& elements) {
  std::vector<u32> held;
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (n != node && heap.dominates(node, n)) held.push_back(n);
  if (held.size() >= elements.size()) return held;
  std::vector<u32> all(elements);
  all.insert(all.end(), held.begin(), held.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// The container sits in a C object that caches calls; bounded ones keep their values in links.
bool InCallCache(const Heap& heap, u32 node, bool& bounded) {
  const Columns& c = heap.columns();
  const u32 parent = heap.parent(node);
  if (parent == kNone || c.role_of(parent) != Role::kLruCache) return false;
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e)
    if (c.role_of(c.edge_target[e]) == Role::kLruLink) bounded = true;
  return true;
}

std::string KindOf(const Heap& heap, u32 node, const Holder& holder, const std::vector<u32>& elements, bool cache) {
  const Columns& c = heap.columns();
  if (cache) return "unbounded-cache";
  size_t weak = 0;
  for (u32 e : elements) weak += c.role_of(e) == Role::kWeakref || c.role_of(e) == Role::kWeakProxy;
  if (!elements.empty() && weak * 2 > elements.size()) return "weakref-misuse";
  if (holder.kind == "interpreter") return "listener";
  for (u32 at = heap.parent(node); at != kNone; at = heap.parent(at))
    if (c.role_of(at) == Role::kContext || c.role_of(at) == Role::kContextNode || c.role_of(at) == Role::kThreadLocal) return "context";
  return "growing-container";
}

Json HolderQuestion(const Heap& heap, const Holder& h, u32 node) {
  return {{"kind", h.kind}, {"module", h.module}, {"class", h.owner_class}, {"function", h.function}, {"name", h.name},
          {"inner", h.inner}, {"container", heap.columns().type_name(node)}};
}

Json TypeNames(const std::vector<TypeCount>& counts) {
  Json out = Json::array();
  for (size_t i = 0; i < counts.size() && i < kMostTypes; ++i) out.push_back(counts[i].type);
  return out;
}

void Ask(const Heap& heap, const std::vector<u32>& elements, Candidate& candidate) {
  const Json holder = HolderQuestion(heap, candidate.holder, candidate.container);
  const auto types = CountTypes(heap, elements);
  for (const char* ask : {"stored", "bound", "removed"})
    candidate.questions.push_back({{"id", candidate.key + "." + ask}, {"ask", ask}, {"holder", holder},
                                   {"element_types", candidate.finding["evidence"]["element_types"]}, {"key_types", TypeNames(types)}});
}

std::vector<u32> Values(const Columns& c, u32 node) {
  std::vector<u32> values;
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
    const auto kind = snapshot::Label::Kind(c.edge_label[e]);
    if (kind != snapshot::LabelKind::kType && kind != snapshot::LabelKind::kKey) values.push_back(c.edge_target[e]);
  }
  return values;
}

// Among telling types those that the container itself holds come before what hangs on them.
void NameElementsFirst(const Columns& c, const std::vector<u32>& members, std::vector<TypeCount>& counts) {
  std::unordered_set<std::string_view> direct;
  for (u32 n : members)
    if (Telling(c, c.type[n]) >= kTellingElement) direct.insert(c.type_name(n));
  std::stable_partition(counts.begin(), counts.end(), [&](const TypeCount& t) { return direct.count(t.type) > 0; });
}

Candidate Make(const Evidence& evidence, u32 node, const Series& series, const Growth& growth, double survival, const std::string& key) {
  const Heap& heap = evidence.last;
  const Columns& c = heap.columns();
  Candidate out;
  out.key = key;
  out.container = node;
  out.growth = growth;
  out.survival = survival;
  out.length = series.value.back();
  out.holder = DescribeHolder(heap, node);
  out.holder.text += c.role_of(node) == Role::kDict || c.role_of(node) == Role::kOrderedDict || c.role_of(node) == Role::kDefaultdict ? "{*}" : "[*]";
  const auto elements = Elements(c, node);
  auto members = Values(c, node);
  members.insert(members.end(), elements.begin(), elements.end());
  const auto held = Held(heap, node, members);
  auto counts = CountTypes(heap, held);
  NameElementsFirst(c, members, counts);
  const bool cache = InCallCache(heap, node, out.bounded_by_structure);
  const double share = static_cast<double>(growth.total) / static_cast<double>(std::max<u64>(series.value.back(), 1));
  u64 bytes = 0;
  for (u32 n : held) bytes += c.size_of(n);
  out.bytes_per_s = share * static_cast<double>(bytes) / std::max(evidence.window_s(), 1e-3);
  out.objects_per_s = growth.per_s;
  out.main_type = counts.empty() ? "" : counts[0].type;
  out.holds_only_weak = std::none_of(held.begin(), held.end(), [&](u32 n) { return Telling(c, c.type[n]) >= kTellingElement; });
  Json what = Json::array();
  for (const auto& t : counts) {
    if (what.size() == kMostTypes) break;
    what.push_back({{"type", t.type}, {"objects", static_cast<u64>(share * static_cast<double>(t.objects))},
                    {"bytes", static_cast<u64>(share * static_cast<double>(t.bytes))}});
  }
  out.finding = {{"kind", KindOf(heap, node, out.holder, elements, cache)}, {"what", what},
                 {"growth", {{"objects", series.value}, {"bytes", Json::array()}, {"references", Json::array()},
                             {"per_s", {{"objects", growth.per_s}, {"bytes", out.bytes_per_s}, {"references", 0.0}}}}},
                 {"evidence", {{"survival", survival}, {"entries", series.value}, {"at_s", series.at_s}, {"every_interval", growth.every_interval},
                               {"steady", growth.steady}, {"container", c.type_name(node)}, {"retained", bytes},
                               {"element_types", TypeNames(CountTypes(heap, Values(c, node)))}}}};
  out.element_hashes = HashesOf(c, node);
  std::sort(out.element_hashes.begin(), out.element_hashes.end());
  Ask(heap, members, out);
  return out;
}

struct Grown {
  u32 node = kNone;
  Series series;
  Growth growth;
  double survival = 1.0;
  u64 path = 0;
};

void SingleContainers(const Evidence& evidence, std::vector<Grown>& out) {
  const auto& looks = evidence.looks;
  const Columns& c = evidence.last.columns();
  for (const Container& box : looks.back().containers) {
    Grown grown;
    const Container* first = nullptr;
    const LookSummary* first_look = nullptr;
    for (const LookSummary& look : looks) {
      const Container* there = FindContainer(look, box);
      if (!there) {  // too short to be followed at that look, or not made yet
        if (!first && &look != &looks.back()) continue;
        first = nullptr;
        break;
      }
      if (!first) first = there, first_look = &look;
      grown.series.at_s.push_back(look.facts.at_s);
      grown.series.value.push_back(there->length);
    }
    if (!first || grown.series.value.back() <= grown.series.value.front()) continue;
    const Unit unit = box.in_bytes ? Unit::kBytes : Unit::kCount;
    if (!Judge(grown.series, unit, 1.0).grows) continue;
    grown.node = NodeAt(c, box.address);
    if (grown.node == kNone) continue;
    if (!box.in_bytes) {
      const auto from = first_look->sketches.begin() + first->sketch_from;
      grown.survival = Survival(std::vector<u32>(from, from + first->sketch_count), HashesOf(c, grown.node));
    }
    grown.growth = Judge(grown.series, unit, grown.survival);
    grown.path = box.path;
    if (grown.growth.grows && grown.survival >= kLeakSurvival) out.push_back(std::move(grown));
  }
}

// The share of a path's growth that comes from longer containers, not from more of them (those are told by what holds them).
double FromLength(const PathTotal& first, const PathTotal& now) {
  const double before = static_cast<double>(first.entries) / static_cast<double>(std::max<u64>(first.containers, 1));
  const double after = static_cast<double>(now.entries) / static_cast<double>(std::max<u64>(now.containers, 1));
  const double growth = static_cast<double>(now.entries) - static_cast<double>(first.entries);
  return growth > 0 ? (after - before) * static_cast<double>(first.containers) / growth : 0.0;
}

// Maps of growing lists: no container grows enough alone, all together do.
void SummedPaths(const Evidence& evidence, std::vector<Grown>& out) {
  std::unordered_map<u64, u64> explained;
  for (const Grown& grown : out) explained[grown.path] += grown.growth.total;
  const auto& looks = evidence.looks;
  for (const auto& [path, now] : looks.back().paths) {
    if (now.containers < 2) continue;
    Grown grown;
    grown.path = path;
    for (const LookSummary& look : looks) {
      auto it = look.paths.find(path);
      grown.series.at_s.push_back(look.facts.at_s);
      grown.series.value.push_back(it == look.paths.end() ? 0 : it->second.entries);
    }
    auto first = looks.front().paths.find(path);
    if (first == looks.front().paths.end() || FromLength(first->second, now) < 0.5) continue;
    {
      // A bottom-k sample of the first look, as far as the bottom-k of the last one reaches.
      const u32 reach = now.sketch.size() < kPathSketch ? kNone : now.sketch.front();
      std::vector<u32> sample;
      for (u32 hash : first->second.sketch)
        if (hash <= reach) sample.push_back(hash);
      grown.survival = Survival(sample, now.sketch);
    }
    grown.growth = Judge(grown.series, Unit::kCount, grown.survival);
    auto it = explained.find(path);
    if (!grown.growth.grows || grown.survival < kLeakSurvival || (it != explained.end() && 2 * it->second >= grown.growth.total)) continue;
    grown.node = NodeAt(evidence.last.columns(), now.example);
    if (grown.node != kNone) out.push_back(std::move(grown));
  }
}

bool SameElements(const Candidate& a, const Candidate& b) {
  if (a.element_hashes.empty() || b.element_hashes.empty()) return false;
  std::vector<u32> both;
  std::set_intersection(a.element_hashes.begin(), a.element_hashes.end(), b.element_hashes.begin(), b.element_hashes.end(),
                        std::back_inserter(both));
  return 2 * both.size() >= std::min(a.element_hashes.size(), b.element_hashes.size());
}

// Which of two holders of the same elements is the one to name: known, not weak, not a frame, then the shorter path.
bool Better(const Candidate& a, const Candidate& b) {
  auto rank = [](const Candidate& x) {
    return (x.holder.known ? 0 : 8) + (x.finding["kind"] == "weakref-misuse" ? 4 : 0) + (x.holder.via_frame ? 2 : 0) +
           (x.holder.kind == "interpreter" ? 1 : 0);
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a.holder.path.size() < b.holder.path.size();
}

}  // namespace

std::vector<Candidate> FindGrowingContainers(const Evidence& evidence) {
  std::vector<Grown> grown;
  if (evidence.looks.size() < 2) return {};
  SingleContainers(evidence, grown);
  SummedPaths(evidence, grown);
  std::stable_sort(grown.begin(), grown.end(), [](const Grown& a, const Grown& b) { return a.growth.total > b.growth.total; });
  std::vector<Candidate> out;
  for (size_t i = 0; i < grown.size() && i < kMostCandidates; ++i) {
    const Grown& g = grown[i];
    Candidate next = Make(evidence, g.node, g.series, g.growth, g.survival, "c" + std::to_string(i));
    auto same = std::find_if(out.begin(), out.end(), [&](const Candidate& c) { return SameElements(c, next); });
    if (same == out.end()) {
      out.push_back(std::move(next));
    } else if (Better(next, *same)) {
      next.finding["evidence"]["also_in"].push_back(same->holder.text);
      *same = std::move(next);
    } else {
      same->finding["evidence"]["also_in"].push_back(next.holder.text);
    }
  }
  // Weak containers grow because somebody else keeps their members: they are the story only when nothing else is, or when what
  // they hold keeps its own key.
  auto only_weak = [](const Candidate& c) { return c.finding["kind"] == "weakref-misuse" && c.holds_only_weak; };
  if (!std::all_of(out.begin(), out.end(), only_weak)) std::erase_if(out, only_weak);
  return out;
}

}  // namespace unleak::diagnose
