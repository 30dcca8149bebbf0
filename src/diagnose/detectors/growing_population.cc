// Growing population
//
// What: Objects of one type become more and more although no container grows: nodes of a linked list or a tree, objects that hold each
// other in a chain, wrappers around wrappers.
//
// Evidence: The retained instances of a type rise in every interval, the instances of the first look are still there, and no growing
// container explains them. The path shown leads to the instance that is farthest from its root, where the chain grows; runs of the same
// step are shown once, with a `+`.
//
// Remedy: Cut the chain where it is no longer needed (`node.next = None`), or give it an end.
//
// Example:
//     head = Node(next=head)           # for every event, and nobody walks the list to its end
//
// Limits: Plain values and builtin containers are told by what holds them, not by their number.
#include <algorithm>
#include <unordered_set>

#include "diagnose/classify.h"
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kMostCandidates = 6;
constexpr u64 kLeastInstances = 16;
constexpr int kLeastTelling = 60;  // plain values and builtin containers are named by what holds them

bool Tells(const snapshot::Columns& c, u32 type) {
  return Telling(c, type) >= kLeastTelling || c.types[type].role == snapshot::Role::kType;
}

double Survival(const std::vector<u32>& first, const std::vector<u32>& now) {
  const u32 reach = now.size() < kPathSketch ? kNone : now.front();
  const std::unordered_set<u32> there(now.begin(), now.end());
  size_t asked = 0, found = 0;
  for (u32 hash : first)
    if (hash <= reach) ++asked, found += there.count(hash);
  return asked ? static_cast<double>(found) / static_cast<double>(asked) : 1.0;
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
    if (!folded.empty() && folded.back()["type"] == step["type"] && folded.back()["edge"].get<std::string>().rfind(step["edge"].get<std::string>(), 0) == 0) {
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

}  // namespace

std::vector<Candidate> FindGrowingPopulations(const Evidence& evidence) {
  std::vector<Candidate> out;
  const auto& looks = evidence.looks;
  if (looks.size() < 3) return out;
  constexpr auto kRetained = static_cast<size_t>(graph::Population::kRetained);
  const auto& columns = evidence.last.columns();
  for (u32 t = 0; t < columns.types.size(); ++t) {
    const std::string name(columns.strings.at(columns.types[t].name));
    auto now = looks.back().types.find(name);
    if (now == looks.back().types.end() || now->second.objects[kRetained] < kLeastInstances || !Tells(columns, t)) continue;
    Series series;
    for (const auto& look : looks) {
      auto it = look.types.find(name);
      series.at_s.push_back(look.facts.at_s);
      series.value.push_back(it == look.types.end() ? 0 : it->second.objects[kRetained]);
    }
    auto first = looks.front().types.find(name);
    const double survival = first == looks.front().types.end() ? 1.0 : Survival(first->second.sketch, now->second.sketch);
    const Growth growth = Judge(series, Unit::kCount, survival);
    if (!growth.grows || !growth.every_interval || survival < kFullSurvival || growth.total < kLeastInstances) continue;
    const u32 example = Deepest(evidence.last, name);
    if (example == kNone) continue;
    Candidate c;
    c.family = Family::kPopulation;
    c.key = "t" + std::to_string(out.size());
    c.growth = growth;
    c.survival = survival;
    c.length = series.value.back();
    c.main_type = name;
    c.holder = DescribeHolder(evidence.last, example);
    FoldRuns(c.holder);
    c.objects_per_s = growth.per_s;
    const double each = static_cast<double>(now->second.bytes[kRetained]) / static_cast<double>(series.value.back());
    c.bytes_per_s = growth.per_s * each;
    const Class kind = Classify(MakeLonePlace(evidence.last, c.holder, example));
    c.finding = {{"kind", kind.kind},
                 {"what", Json::array({{{"type", name}, {"objects", growth.total}, {"bytes", static_cast<u64>(each * static_cast<double>(growth.total))}}})},
                 {"growth", {{"objects", series.value}, {"bytes", Json::array()}, {"references", Json::array()},
                             {"per_s", {{"objects", growth.per_s}, {"bytes", c.bytes_per_s}, {"references", 0.0}}}}},
                 {"evidence", {{"survival", survival}, {"instances", series.value}, {"at_s", series.at_s}}}};
    if (!kind.pattern.empty()) c.finding["evidence"]["pattern"] = kind.pattern;
    c.questions.push_back({{"id", c.key + ".stored"}, {"ask", "stored"},
                           {"holder", {{"kind", c.holder.kind}, {"module", c.holder.module}, {"class", c.holder.owner_class},
                                       {"function", c.holder.function}, {"name", c.holder.name}, {"inner", c.holder.inner}, {"container", name}}},
                           {"element_types", Json::array({name})}, {"key_types", Json::array()}});
    out.push_back(std::move(c));
  }
  std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.bytes_per_s > b.bytes_per_s; });
  if (out.size() > kMostCandidates) out.resize(kMostCandidates);
  return out;
}

}  // namespace unleak::diagnose
