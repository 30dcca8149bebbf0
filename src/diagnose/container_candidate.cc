#include "diagnose/container_candidate.h"

#include <algorithm>
#include <unordered_set>

#include "diagnose/classify.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::Role;

constexpr size_t kMostTypes = 12;
constexpr int kTellingElement = 80;
constexpr double kLeastPart = 0.10;  // objects of a type, of the entries that came

bool IsMap(Role role) { return role == Role::kDict || role == Role::kOrderedDict || role == Role::kDefaultdict; }

Json HolderQuestion(const Heap& heap, const Holder& h, u32 node) {
  return {{"kind", h.kind},
          {"module", h.module},
          {"class", h.owner_class},
          {"function", h.function},
          {"name", h.name},
          {"inner", h.inner},
          {"container", heap.columns().type_name(node)}};
}

Json TypeNames(const std::vector<TypeCount>& counts) {
  Json out = Json::array();
  for (size_t i = 0; i < counts.size() && i < kMostTypes; ++i) out.push_back(counts[i].type);
  return out;
}

std::vector<u32> Entries(const Place& place) {
  std::vector<u32> entries = place.values;
  entries.insert(entries.end(), place.keys.begin(), place.keys.end());
  return entries;
}

void Ask(const Place& place, Candidate& candidate) {
  const Json holder = HolderQuestion(place.heap, candidate.holder, candidate.container);
  const Json types = TypeNames(CountTypes(place.heap, place.keys));
  for (const char* ask : {"stored", "bound", "removed"})
    candidate.questions.push_back({{"id", candidate.key + "." + ask},
                                   {"ask", ask},
                                   {"holder", holder},
                                   {"element_types", candidate.finding["evidence"]["element_types"]},
                                   {"key_types", types}});
}

int TellingOf(const Columns& c, const std::string& type) {
  for (u32 t = 0; t < c.types.size(); ++t)
    if (c.strings.at(c.types[t].name) == type) return Telling(c, t);
  return 0;
}

// Among telling types those that the container itself holds come before what hangs on them.
void NameElementsFirst(const Columns& c, const std::vector<u32>& members, std::vector<TypeCount>& counts) {
  std::unordered_set<std::string_view> direct;
  for (u32 n : members)
    if (Telling(c, c.type[n]) >= kTellingElement) direct.insert(c.type_name(n));
  std::stable_partition(counts.begin(), counts.end(), [&](const TypeCount& t) { return direct.count(t.type) > 0; });
}

// Types of which the growth can be made come before what the container has held all the time: a namespace that fills
// with texts is not told by the one class in it.
void NameGrownFirst(const Evidence& evidence, u64 entries, std::vector<TypeCount>& counts) {
  const auto retained = [](const LookSummary& look, const std::string& type) {
    const auto it = look.types.find(type);
    return it == look.types.end() ? u64{0} : it->second.objects[static_cast<size_t>(graph::Population::kRetained)];
  };
  const auto& looks = evidence.looks;
  std::stable_partition(counts.begin(), counts.end(), [&](const TypeCount& t) {
    const bool many = static_cast<double>(t.objects) >= kLeastPart * static_cast<double>(entries);
    return many && retained(looks.back(), t.type) > retained(looks.front(), t.type);
  });
}

// Entries by which two containers are known to hold the same: no shared constants.
std::vector<u32> OwnEntries(const Place& place) {
  std::vector<u32> hashes;
  for (u32 n : Entries(place))
    if (!(place.columns().flags[n] & snapshot::kImmortal)) hashes.push_back(SketchHash(place.columns().address[n]));
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

Json What(const std::vector<TypeCount>& counts, double share) {
  Json what = Json::array();
  for (const auto& t : counts) {
    if (what.size() == kMostTypes) break;
    what.push_back({{"type", t.type},
                    {"objects", static_cast<u64>(share * static_cast<double>(t.objects))},
                    {"bytes", static_cast<u64>(share * static_cast<double>(t.bytes))}});
  }
  return what;
}

// What the structure says of the kind, and of a bound.
void SetClass(const Place& place, Candidate& out) {
  const Columns& c = place.columns();
  const Class found = Classify(place);
  out.finding["kind"] = found.kind;
  Json& evidence = out.finding["evidence"];
  if (!found.pattern.empty()) evidence["pattern"] = found.pattern;
  if (!found.keeps.empty()) evidence["keys_keep"] = found.keeps;
  out.bounded_by_structure = found.bounded;
  out.structural_bound = found.bound;
  out.bound_from = found.bound_from;
  if (const i64 most = KnownInt(c, place.node); out.structural_bound < 0 && most >= 0 && place.role(place.node) == Role::kDeque) {
    out.structural_bound = most;
    out.bound_from = "maxlen";
  }
  out.weak_keys = found.weak_keys;
  out.holds_only_weak = found.weak && std::none_of(place.held.begin(), place.held.end(),
                                                   [&](u32 n) { return Telling(c, c.type[n]) >= kTellingElement; });
}

}  // namespace

Candidate MakeContainerCandidate(const Evidence& evidence, const GrownContainer& grown, const std::string& key) {
  const Heap& heap = evidence.last;
  const Columns& c = heap.columns();
  Candidate out;
  out.key = key;
  out.container = grown.node;
  out.growth = grown.growth;
  out.survival = grown.survival;
  out.length = grown.containers == 1 ? grown.series.value.back() : c.length_of(grown.node);
  out.holder = DescribeHolder(heap, grown.node);
  out.in_bytes = grown.in_bytes;
  if (!out.in_bytes) out.holder.text += IsMap(c.role_of(grown.node)) ? "{*}" : "[*]";
  const Place place = MakePlace(heap, out.holder, grown.node);
  const auto entries = Entries(place);
  auto counts = CountTypes(heap, place.held);
  NameElementsFirst(c, entries, counts);
  NameGrownFirst(evidence, grown.growth.total, counts);
  // The growth in entries of the one that was looked into: new ones of all containers stand for the share of what it
  // holds.
  const double share =
      static_cast<double>(grown.growth.total) / static_cast<double>(std::max<u64>(out.in_bytes ? out.length : c.length_of(grown.node), 1));
  u64 bytes = 0;
  for (u32 n : place.held) bytes += c.size_of(n);
  if (out.in_bytes) {  // what grows is the object itself
    bytes = grown.series.value.back();
    counts = {{std::string(c.type_name(grown.node)), 1, bytes}};
  }
  out.bytes_per_s = share * static_cast<double>(bytes) / std::max(evidence.window_s(), 1e-3);
  out.objects_per_s = out.in_bytes ? 0.0 : grown.growth.per_s;
  out.main_type = counts.empty() ? "" : counts[0].type;
  out.telling = TellingOf(c, out.main_type);
  out.finding = {{"what", What(counts, share)},
                 {"growth",
                  {{"objects", out.in_bytes ? std::vector<u64>() : grown.series.value},
                   {"bytes", out.in_bytes ? grown.series.value : std::vector<u64>()},
                   {"references", Json::array()},
                   {"per_s", {{"objects", out.objects_per_s}, {"bytes", out.bytes_per_s}, {"references", 0.0}}}}},
                 {"evidence",
                  {{"survival", grown.survival},
                   {out.in_bytes ? "sizes" : "entries", grown.series.value},
                   {"at_s", grown.series.at_s},
                   {"every_interval", grown.growth.every_interval},
                   {"steady", grown.growth.steady},
                   {"container", c.type_name(grown.node)},
                   {"retained", bytes},
                   {"element_types", TypeNames(CountTypes(heap, place.values))}}}};
  if (grown.containers > 1) out.finding["evidence"]["containers"] = grown.containers;
  out.finding["kind"] = "growing-container";
  if (!out.in_bytes) SetClass(place, out);
  out.element_hashes = OwnEntries(place);
  Ask(place, out);
  return out;
}

}  // namespace unleak::diagnose
