// Lost reference
//
// What: Native code took a reference and never gave it back: an error path that returns early, a getter that counts
// twice. The object stays for ever although nothing refers to it; or an object that is in use gets a count that only
// rises, which costs no memory by itself but means that it can never go.
//
// Evidence: Each object's reference count is compared with the references that the look shows. Objects of a type
// (strings, ints and bytes too, which the collector does not know: they are found in the allocator's pools) with a
// reference that no object, root, frame or native data explains become more from look to look, and those of the first
// look are still there. Or the surplus of one object in use, or of a type's objects, rises in each interval. Between
// the looks the processor tells who writes to such an object's count, and to those of objects that are made where the
// lost ones were: the native function that took references, the line of Python that called it, the line that made the
// object.
//
// Remedy: Mend the extension, or take a release in which it is mended; until then leave the call out, or keep away from
// its error path.
//
// Example:
//     PyObject *list = PyDict_Items(dict);       // a new reference
//     if (!convert(list)) return NULL;           // the error path forgets Py_DECREF(list)
//
// Limits: At least four looks and 16 references. Native code that keeps objects in memory of its own, in a growing
// cache of C, looks the same; where living objects of a native type come in step with the lost ones (a C++ object with a
// vector of them, a suspended greenlet with its stack), these may keep them, and the finding is possible only. The native call is named only where the kernel gives watchpoints
// (kernel.perf_event_paranoid at most 2, or CAP_PERFMON), with one process, in builds with the GIL, and for objects of
// the small-object allocator; where several functions took references, which of them forgets is not told. Each line of
// Python has a certainty of its own: confirmed where the interpreter's own pointer to the running instruction was read
// (of planted losses one in a thousand single samples named a wrong line, or fewer: stress_places.py), probable or
// possible where it was found elsewhere on the stack, where one of an earlier call may lie as well. Classes, modules,
// their namespaces, and objects that lie in a library's image live as long as the program: a count of theirs that rises
// costs no memory, and is told as possible only.
#include <algorithm>
#include <cmath>
#include <set>

#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;

constexpr u64 kLeastLost = 16;            // objects or references over the window
constexpr double kReferenceBytes = 16.0;  // what a lost reference counts for in the ranking (DESIGN, "ranking")
constexpr size_t kMostOfAKind = 6, kMostReferrers = 6, kMostTypes = 8;
constexpr u64 kMostKept = 8;                           // lost objects of a type for each object that may keep them
constexpr double kStepSlack = 2.0, kStepShare = 0.03;  // objects under way while a look is taken
constexpr double kDominates = 0.5;  // of a type's growth, by one object: then it is that object's

// Value of each look; `value(look)` gives one.
template <class Value>
Series SeriesOf(const std::vector<LookSummary>& looks, const Value& value) {
  Series series;
  for (const LookSummary& look : looks) {
    AddTime(look.facts, series);
    series.value.push_back(value(look));
  }
  return series;
}

bool IsLeak(const Growth& growth) {
  return growth.grows && growth.every_interval && growth.total >= kLeastLost && !growth.levelling;
}

const LostOfType* OfType(const LookSummary& look, const std::string& type) {
  auto it = look.audit.types.find(type);
  return it == look.audit.types.end() ? nullptr : &it->second;
}

Json GrowthOf(const Series& objects, const Series& references, const Candidate& c, double bytes_per_s) {
  return {{"objects", objects.value},
          {"bytes", Json::array()},
          {"references", references.value},
          {"per_s", {{"objects", c.objects_per_s}, {"bytes", bytes_per_s}, {"references", c.growth.per_s}}}};
}

// What a thread was started with stays in native memory for as long as it runs (Modules/_threadmodule.c, struct bootstate): objects that
// come with new threads, no more than them, are theirs.
bool ComesWithThreads(const Evidence& evidence, const Series& series) {
  const auto& looks = evidence.looks;
  for (size_t i = 1; i < looks.size(); ++i)
    if (looks[i].facts.thread_count + series.value[i - 1] < looks[i - 1].facts.thread_count + series.value[i]) return false;
  return true;
}

// Living objects of a type at a look.
u64 LivingOf(const LookSummary& look, const std::string& type) {
  const auto it = look.types.find(type);
  return it == look.types.end() ? 0 : it->second.objects[static_cast<size_t>(graph::Population::kRetained)];
}

// In each interval so many lost ones for each new object, the same number each time.
bool InStep(const std::vector<u64>& objects, const std::vector<u64>& lost) {
  const u64 all = objects.back() - std::min(objects.front(), objects.back());
  const u64 each = all == 0 ? 0 : (lost.back() - lost.front() + all / 2) / all;
  if (each == 0 || each > kMostKept) return false;
  for (size_t i = 1; i < objects.size(); ++i) {
    const double wanted = static_cast<double>(each) * (static_cast<double>(objects[i]) - static_cast<double>(objects[i - 1]));
    const double more = static_cast<double>(lost[i]) - static_cast<double>(lost[i - 1]);
    if (wanted <= 0 || std::abs(more - wanted) > std::max(kStepSlack, kStepShare * wanted)) return false;
  }
  return true;
}

// A native type whose living objects come in step with the lost ones: what it keeps in memory of its own, no traverse
// shows. "" if there is none.
std::string KeeperType(const Evidence& evidence, const Series& lost) {
  const Columns& columns = evidence.last.columns();
  for (const snapshot::Type& type : columns.types) {
    if (type.role != snapshot::Role::kOther) continue;
    const std::string name(columns.strings.at(type.name));
    std::vector<u64> living;
    for (const LookSummary& look : evidence.looks) living.push_back(LivingOf(look, name));
    if (InStep(living, lost.value)) return name;
  }
  return {};
}

void TellKeeper(const Evidence& evidence, const Series& references, Candidate* c) {
  if (const std::string keeper = KeeperType(evidence, references); !keeper.empty())
    c->finding["evidence"]["owner"] = keeper;
}

// Objects that nobody can give back.
Candidate LostObjects(const Evidence& evidence, const std::string& type, const Series& series, const Growth& growth) {
  const LostOfType& now = *OfType(evidence.looks.back(), type);
  Candidate c;
  c.family = Family::kUnexplained;
  c.growth = growth;
  c.length = now.lost;
  c.main_type = type;
  c.objects_per_s = growth.per_s;
  const std::vector<TypeCount> dragged = Dragged(evidence.last, type);
  const double share = static_cast<double>(growth.total) / static_cast<double>(now.lost);
  u64 bytes = now.lost_bytes;
  Json what = Json::array(
      {{{"type", type}, {"objects", growth.total}, {"bytes", static_cast<u64>(share * static_cast<double>(bytes))}}});
  for (const TypeCount& more : dragged) {
    bytes += more.bytes;
    if (what.size() < kMostTypes)
      what.push_back({{"type", more.type},
                      {"objects", static_cast<u64>(share * static_cast<double>(more.objects))},
                      {"bytes", static_cast<u64>(share * static_cast<double>(more.bytes))}});
  }
  const double held = growth.per_s * static_cast<double>(bytes) / static_cast<double>(now.lost);
  c.bytes_per_s = held + growth.per_s * kReferenceBytes;
  c.finding = {
      {"kind", "lost-reference"},
      {"what", what},
      {"sites", evidence.writes.PlacesOfType(type)},
      {"growth", GrowthOf(series, series, c, held)},
      {"evidence",
       {{"instances", series.value}, {"at_s", series.at_s}, {"survival", c.survival}, {"referrers", Json::array()}}}};
  TellKeeper(evidence, series, &c);
  return c;
}

void FindLostObjects(const Evidence& evidence, std::vector<Candidate>* out) {
  for (const auto& [type, now] : evidence.looks.back().audit.types) {
    if (now.lost < kLeastLost) continue;
    const Series series = SeriesOf(evidence.looks, [&](const LookSummary& look) {
      const LostOfType* then = OfType(look, type);
      return then ? then->lost : 0;
    });
    const LostOfType* first = OfType(evidence.looks.front(), type);
    const double survival = first ? SketchSurvival(first->sketch, now.sketch, kPathSketch) : 1.0;
    const Growth growth = Judge(series, Unit::kCount, survival);
    if (!IsLeak(growth) || survival < kLeakSurvival || ComesWithThreads(evidence, series)) continue;
    out->push_back(LostObjects(evidence, type, series, growth));
    out->back().survival = survival;
  }
}

u64 SurplusIn(const LookSummary& look, const HeldSurplus& object) {
  const auto& all = look.audit.held;
  auto it = std::lower_bound(all.begin(), all.end(), object.address,
                             [](const HeldSurplus& h, u64 address) { return h.address < address; });
  return it != all.end() && it->address == object.address && it->type_hash == object.type_hash ? it->references : 0;
}

u32 NodeAt(const Columns& c, u64 address) {
  auto it = std::lower_bound(c.address.begin(), c.address.end(), address);
  return it != c.address.end() && *it == address ? static_cast<u32>(it - c.address.begin()) : kNone;
}

// Who else refers to the object: types of its referrers with the edge.
Json Referrers(const Heap& heap, u32 node) {
  Json out = Json::array();
  const auto sources = heap.in_sources(node), edges = heap.in_edges(node);
  for (size_t i = 0; i < sources.size() && out.size() < kMostReferrers; ++i) {
    const u32 owner = DictOwner(heap, sources[i]), shown = owner == kNone ? sources[i] : owner;
    out.push_back({{"type", heap.columns().type_name(shown)},
                   {"edge", heap.StepText(sources[i], heap.columns().edge_label[edges[i]])}});
  }
  return out;
}

Candidate HeldObject(const Evidence& evidence, u32 node, const Series& series, const Growth& growth) {
  const Columns& columns = evidence.last.columns();
  Candidate c;
  c.family = Family::kUnexplained;
  c.growth = growth;
  c.length = series.value.back();
  c.main_type = columns.type_name(node);
  c.holder = DescribeHolder(evidence.last, node);
  c.bytes_per_s = growth.per_s * kReferenceBytes;
  const Json what = Json::array({{{"type", c.main_type}, {"objects", 1}, {"bytes", columns.size_of(node)}}});
  const Series one = SeriesOf(evidence.looks, [](const LookSummary&) { return u64{1}; });
  c.finding = {{"kind", "lost-reference"},
               {"what", what},
               {"sites", evidence.writes.PlacesOfObject(columns.address[node])},
               {"growth", GrowthOf(one, series, c, 0.0)},
               {"evidence",
                {{"surplus", series.value},
                 {"at_s", series.at_s},
                 {"refcount", columns.refcount[node]},
                 {"referrers", Referrers(evidence.last, node)}}}};
  const snapshot::Role role = columns.role_of(node);
  // What lies in the image of a library is never freed, whatever its count (an extension's singletons).
  c.finding["evidence"]["costs_nothing"] = role == snapshot::Role::kType || role == snapshot::Role::kModule ||
                                           evidence.last.is_namespace(node) ||
                                           (columns.flags[node] & snapshot::kStatic) != 0;
  const std::string name = c.holder.known ? c.holder.text : "a " + ShortName(c.main_type);
  c.title = "the reference count of " + name + " (" + ShortName(c.main_type) + ") rises by " +
            FormatCount(static_cast<u64>(growth.per_s + 0.5)) + " a second, and nothing new refers to it";
  TellKeeper(evidence, series, &c);
  return c;
}

// Returns what the objects found account for, by type.
std::unordered_map<std::string, u64> FindHeldObjects(const Evidence& evidence, std::vector<Candidate>* out) {
  std::unordered_map<std::string, u64> explained;
  const Columns& columns = evidence.last.columns();
  for (const HeldSurplus& object : evidence.looks.back().audit.held) {
    if (object.references < kLeastLost) continue;
    const u32 node = NodeAt(columns, object.address);
    if (node == kNone) continue;
    const Series series = SeriesOf(evidence.looks, [&](const LookSummary& look) { return SurplusIn(look, object); });
    const Growth growth = Judge(series, Unit::kCount, 1.0);
    if (!IsLeak(growth)) continue;
    explained[std::string(columns.type_name(node))] += growth.total;
    out->push_back(HeldObject(evidence, node, series, growth));
  }
  return explained;
}

// A class that gets a reference too many with each instance (its type forgets to give back the one that each instance
// has) can never go, which a class seldom does: nothing becomes more. It is told, but never decides the verdict.
bool AreClasses(const Columns& columns, const std::string& type) {
  return std::any_of(columns.types.begin(), columns.types.end(), [&](const snapshot::Type& t) {
    return t.role == snapshot::Role::kType && columns.strings.at(t.name) == type;
  });
}

// Many objects that are held, each with a few references too many.
void FindHeldTypes(const Evidence& evidence, const std::unordered_map<std::string, u64>& explained,
                   std::vector<Candidate>* out) {
  for (const auto& [type, now] : evidence.looks.back().audit.types) {
    if (now.held_references < kLeastLost) continue;
    const Series references = SeriesOf(evidence.looks, [&](const LookSummary& look) {
      const LostOfType* then = OfType(look, type);
      return then ? then->held_references : 0;
    });
    const Series objects = SeriesOf(evidence.looks, [&](const LookSummary& look) {
      const LostOfType* then = OfType(look, type);
      return then ? then->held : 0;
    });
    const Growth growth = Judge(references, Unit::kCount, 1.0);
    auto known = explained.find(type);
    const double left = known == explained.end() ? 1.0
                                                 : 1.0 - static_cast<double>(known->second) /
                                                             static_cast<double>(std::max<u64>(growth.total, 1));
    if (!IsLeak(growth) || left < kDominates) continue;
    Candidate c;
    c.family = Family::kUnexplained;
    c.growth = growth;
    c.length = now.held_references;
    c.main_type = type;
    c.bytes_per_s = growth.per_s * kReferenceBytes;
    c.finding = {
        {"kind", "lost-reference"},
        {"what", Json::array({{{"type", type}, {"objects", now.held}, {"bytes", 0}}})},
        {"growth", GrowthOf(objects, references, c, 0.0)},
        {"evidence", {{"surplus", references.value}, {"at_s", references.at_s}, {"referrers", Json::array()}}}};
    c.finding["evidence"]["costs_nothing"] = AreClasses(evidence.last.columns(), type);
    c.title = ShortName(type) + " objects that are in use get " + FormatCount(static_cast<u64>(growth.per_s + 0.5)) +
              " references a second that nothing explains";
    TellKeeper(evidence, references, &c);
    out->push_back(std::move(c));
  }
}

}  // namespace

std::vector<Candidate> FindLostReferences(const Evidence& evidence) {
  std::vector<Candidate> lost, held;
  if (evidence.looks.size() < 4) return lost;
  FindLostObjects(evidence, &lost);
  const auto explained = FindHeldObjects(evidence, &held);
  FindHeldTypes(evidence, explained, &held);
  const auto by_rate = [](const Candidate& a, const Candidate& b) { return a.bytes_per_s > b.bytes_per_s; };
  for (std::vector<Candidate>* some : {&lost, &held}) {
    std::stable_sort(some->begin(), some->end(), by_rate);
    if (some->size() > kMostOfAKind) some->resize(kMostOfAKind);
  }
  const size_t objects = lost.size();
  std::move(held.begin(), held.end(), std::back_inserter(lost));
  for (size_t i = 0; i < lost.size(); ++i) {
    lost[i].key = "u" + std::to_string(i);
    if (i < objects)
      lost[i].questions.push_back({{"id", lost[i].key + ".made"}, {"ask", "made"}, {"type", lost[i].main_type}});
  }
  return lost;
}

void DropKeptReferences(std::vector<Candidate>& candidates) {
  std::set<std::string> kept;  // keys
  for (const Candidate& lost : candidates) {
    if (lost.family != Family::kUnexplained || !lost.finding["evidence"].contains("owner")) continue;
    const Json& owner = lost.finding["evidence"]["owner"];
    const auto keeper = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) {
      return (c.family == Family::kContainer || c.family == Family::kPopulation) && !c.finding["what"].empty() &&
             c.finding["what"][0]["type"] == owner;
    });
    if (keeper == candidates.end()) continue;
    keeper->finding["evidence"]["native_references"].push_back(lost.main_type);
    kept.insert(lost.key);
  }
  std::erase_if(candidates, [&](const Candidate& c) { return kept.contains(c.key); });
}

}  // namespace unleak::diagnose
