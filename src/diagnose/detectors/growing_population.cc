// Growing population
//
// What: Objects of one type become more and more although no container grows: nodes of a linked list or a tree, objects
// that hold each other in a chain, wrappers around wrappers.
//
// Evidence: The retained instances of a type rise in every interval, the instances of the first look are still there,
// and no growing container explains them. The path shown leads to the instance that is farthest from its root, where
// the chain grows; runs of the same step are shown once, with a `+`.
//
// Remedy: Cut the chain where it is no longer needed (`node.next = None`), or give it an end.
//
// Example:
//     head = Node(next=head)           # for every event, and nobody walks the list to its end
//
// Limits: Plain values and builtin containers are told by what holds them, not by their number.
#include <algorithm>

#include "diagnose/classify.h"
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kMostCandidates = 6;
constexpr u64 kLeastInstances = 16;
constexpr u64 kFollowed = 8;          // entries from which on a container is judged by itself
constexpr size_t kMostSampled = 64;   // instances
constexpr double kShortestRun = 5.0;  // seconds of a run before a population is judged
constexpr auto kRetained = static_cast<size_t>(graph::Population::kRetained);
constexpr int kLeastTelling = 60;  // plain values and builtin containers are named by what holds them

bool Tells(const snapshot::Columns& c, u32 type) {
  return Telling(c, type) >= kLeastTelling || c.types[type].role == snapshot::Role::kType;
}

// The instance that is farthest from its root: at the growing end of a chain.
u32 Deepest(const graph::Heap& heap, const std::string& type) {
  const auto& c = heap.columns();
  u32 deepest = kNone;
  size_t most = 0, tried = 0;
  for (u32 n = heap.node_count(); n-- > 0 && tried < 64;) {
    if (c.type_name(n) != type || heap.population(n) != graph::Population::kRetained) continue;
    ++tried;
    size_t depth = 0;
    for (u32 at = n; at != kNone && depth < 10'000; at = heap.parent(at)) ++depth;
    if (depth > most) most = depth, deepest = n;
  }
  return deepest;
}

// Runs of the same (edge, type) are shown once with a "+".
void FoldRuns(Holder& holder) {
  Json folded = Json::array();
  for (const auto& step : holder.path) {
    if (!folded.empty() && folded.back()["type"] == step["type"] &&
        folded.back()["edge"].get<std::string>().rfind(step["edge"].get<std::string>(), 0) == 0) {
      folded.back()["edge"] = step["edge"].get<std::string>() + "+";
      continue;
    }
    folded.push_back(step);
  }
  if (folded.size() == holder.path.size()) return;
  holder.path = folded;
  holder.text = holder.root.rfind("module ", 0) == 0 ? holder.root.substr(7) : holder.root;
  for (const auto& step : folded) holder.text += step["edge"].get<std::string>();
}

// Most instances lie in containers that are long enough to be followed: whether those keep them is judged there.
bool JudgedByContainers(const graph::Heap& heap, const std::string& type) {
  const auto& c = heap.columns();
  size_t sampled = 0, inside = 0;
  for (u32 n = heap.node_count(); n-- > 0 && sampled < kMostSampled;) {
    if (c.type_name(n) != type || heap.population(n) != graph::Population::kRetained) continue;
    ++sampled;
    const u32 parent = heap.parent(n);
    inside += parent != kNone && IsGrowable(c.role_of(parent)) && DictOwner(heap, parent) == kNone &&
              c.length_of(parent) >= kFollowed;
  }
  return 2 * inside >= sampled;
}

struct Population {
  std::string name;
  Series series;
  Growth growth;
  double survival = 1.0;
  u64 bytes = 0;  // of all instances now
};

// The retained instances of a type over the looks.
Population Measure(const std::vector<LookSummary>& looks, const std::string& name, const TypeTotal& now) {
  Population out;
  out.name = name;
  out.bytes = now.bytes[kRetained];
  for (const auto& look : looks) {
    auto it = look.types.find(name);
    AddTime(look.facts, out.series);
    out.series.value.push_back(it == look.types.end() ? 0 : it->second.objects[kRetained]);
    if (it != look.types.end())
      out.survival = std::min(out.survival, SampleSurvival(it->second.sketch, now.sketch, kPathSketch));
  }
  out.growth = Judge(out.series, Unit::kCount, out.survival);
  return out;
}

bool IsLeak(const Evidence& evidence, const Population& p) {
  if (!p.growth.grows || !p.growth.every_interval || p.survival < kFullSurvival || p.growth.total < kLeastInstances)
    return false;
  // What a short run has more of at its end may just be in use.
  return !evidence.options.run || evidence.window_s() >= kShortestRun;
}

Candidate Make(const Evidence& evidence, const Population& p, u32 example, const std::string& key) {
  Candidate c;
  c.family = Family::kPopulation;
  c.key = key;
  c.growth = p.growth;
  c.survival = p.survival;
  c.length = p.series.value.back();
  c.main_type = p.name;
  c.example = example;
  c.holder = DescribeHolder(evidence.last, example);
  FoldRuns(c.holder);
  c.objects_per_s = p.growth.per_s;
  const double each = static_cast<double>(p.bytes) / static_cast<double>(std::max<u64>(c.length, 1));
  c.bytes_per_s = p.growth.per_s * each;
  const u64 bytes = static_cast<u64>(each * static_cast<double>(p.growth.total));
  const Class kind = Classify(MakeLonePlace(evidence.last, c.holder, example));
  c.finding = {{"kind", kind.kind},
               {"what", Json::array({{{"type", p.name}, {"objects", p.growth.total}, {"bytes", bytes}}})},
               {"growth",
                {{"objects", p.series.value},
                 {"bytes", Json::array()},
                 {"references", Json::array()},
                 {"per_s", {{"objects", p.growth.per_s}, {"bytes", c.bytes_per_s}, {"references", 0.0}}}}},
               {"evidence", {{"survival", p.survival}, {"instances", p.series.value}, {"at_s", p.series.at_s}}}};
  if (!kind.pattern.empty()) c.finding["evidence"]["pattern"] = kind.pattern;
  const Json holder = {{"kind", c.holder.kind},
                       {"module", c.holder.module},
                       {"class", c.holder.owner_class},
                       {"function", c.holder.function},
                       {"name", c.holder.name},
                       {"inner", c.holder.inner},
                       {"container", p.name}};
  c.questions.push_back({{"id", c.key + ".stored"},
                         {"ask", "stored"},
                         {"holder", holder},
                         {"element_types", Json::array({p.name})},
                         {"key_types", Json::array()},
                         {"lone", true}});
  return c;
}

// Parts of what grows: an instance of another growing type keeps them.
void DropParts(const graph::Heap& heap, std::vector<Candidate>& found) {
  const auto part = [&](const Candidate& c) {
    u32 at = heap.dominator(c.example);
    for (int hops = 0; hops < 8 && at != kNone; ++hops, at = heap.dominator(at)) {
      const auto name = heap.columns().type_name(at);
      if (name != c.main_type &&
          std::any_of(found.begin(), found.end(), [&](const Candidate& o) { return o.main_type == name; }))
        return true;
    }
    return false;
  };
  std::vector<std::string> parts;
  for (const Candidate& c : found)
    if (part(c)) parts.push_back(c.key);
  if (parts.size() == found.size()) return;  // they keep each other
  std::erase_if(found, [&](const Candidate& c) { return std::find(parts.begin(), parts.end(), c.key) != parts.end(); });
}

}  // namespace

std::vector<Candidate> FindGrowingPopulations(const Evidence& evidence) {
  std::vector<Candidate> out;
  const auto& looks = evidence.looks;
  if (looks.size() < 3) return out;
  const auto& columns = evidence.last.columns();
  for (u32 t = 0; t < columns.types.size(); ++t) {
    const std::string name(columns.strings.at(columns.types[t].name));
    auto now = looks.back().types.find(name);
    if (now == looks.back().types.end() || now->second.objects[kRetained] < kLeastInstances || !Tells(columns, t))
      continue;
    const Population population = Measure(looks, name, now->second);
    if (!IsLeak(evidence, population) || JudgedByContainers(evidence.last, name)) continue;
    const u32 example = Deepest(evidence.last, name);
    if (example != kNone) out.push_back(Make(evidence, population, example, "t" + std::to_string(out.size())));
  }
  DropParts(evidence.last, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Candidate& a, const Candidate& b) { return a.bytes_per_s > b.bytes_per_s; });
  if (out.size() > kMostCandidates) out.resize(kMostCandidates);
  return out;
}

}  // namespace unleak::diagnose
