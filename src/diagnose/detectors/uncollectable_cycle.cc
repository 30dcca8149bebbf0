// Uncollectable cycle
//
// What: Objects that lead back to themselves through something that the cyclic collector cannot see. It takes the
// reference that it does not see for one from outside, and keeps the island for ever: an object of a type that does
// not take part in collection (a datetime with its tzinfo, many classes of native extensions, an array of objects), a
// dict that is not tracked, a callback that native code holds.
//
// Evidence: Islands that no root reaches, with a member or a reference inside that the collector does not see, become
// more from look to look. The opaque link is named, and the lines that make the edges of the cycle.
//
// Remedy: Break the cycle where the work ends: clear the attribute, or make one of its edges weak. Waiting for the
// collector does not help, nor does gc.collect().
//
// Example:
//     zone.created = datetime.now(tz=zone)       # zone -> datetime -> zone; datetime is not collected
//
// Limits: At least three looks and eight islands. Where nothing at all tells what a native object refers to, the island
// looks like lost references, and is told as those.
#include <algorithm>

#include "diagnose/cycle_order.h"
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr u64 kLeastIslands = 8;
constexpr size_t kMostShapes = 4;

Candidate Make(const Evidence& evidence, const CycleShape& shape, const Series& series, const Growth& growth) {
  Candidate out;
  out.family = Family::kCycle;
  out.growth = growth;
  const double islands = static_cast<double>(std::max<u64>(shape.instances, 1));
  out.objects_per_s = growth.per_s * static_cast<double>(std::max(shape.drags_objects, shape.objects)) / islands;
  out.bytes_per_s = growth.per_s * static_cast<double>(std::max(shape.drags_bytes, shape.bytes)) / islands;
  const Json& d = shape.description;
  out.main_type = d["what"].empty() ? "" : d["what"][0]["type"].get<std::string>();
  const double window = evidence.window_s();
  out.finding = {{"kind", "uncollectable-cycle"},
                 {"what", d["what"]},
                 {"cycle",
                  {{"edges", d["edges"]},
                   {"cut", d["cut"]},
                   {"opaque", d["opaque"]},
                   {"instances", shape.instances},
                   {"drags_bytes", shape.drags_bytes / std::max<u64>(shape.instances, 1)}}},
                 {"growth",
                  {{"objects", series.value},
                   {"bytes", Json::array()},
                   {"references", Json::array()},
                   {"per_s", {{"objects", out.objects_per_s}, {"bytes", out.bytes_per_s}, {"references", 0.0}}}}},
                 {"evidence",
                  {{"islands", series.value},
                   {"at_s", series.at_s},
                   {"window_s", window},
                   {"outermost", shape.outermost},
                   {"members", d["members"]},
                   {"left_after_cut", d["left"]}}}};
  return out;
}

void Ask(Candidate* c, const CycleShape& shape, const std::string& key) {
  c->key = key;
  size_t index = 0;
  for (const auto& edge : shape.description["edges"])
    c->questions.push_back({{"id", key + ".edge" + std::to_string(index++)},
                            {"ask", "edge"},
                            {"from", edge["from"]},
                            {"edge", edge["edge"]},
                            {"to", edge["to"]},
                            {"functions", shape.description["members"]}});
  c->questions.push_back({{"id", key + ".made"}, {"ask", "made"}, {"type", c->main_type}});
}

}  // namespace

std::vector<Candidate> FindUncollectableCycles(const Evidence& evidence) {
  std::vector<Candidate> out;
  const auto& looks = evidence.looks;
  if (looks.size() < 3) return out;
  for (const auto& [name, shape] : looks.back().cycles) {
    if (!shape.uncollectable) continue;
    Series series;
    for (const LookSummary& look : looks) {
      auto it = look.cycles.find(name);
      AddTime(look.facts, series);
      series.value.push_back(it == look.cycles.end() ? 0 : it->second.instances);
    }
    const Growth growth = Judge(series, Unit::kCount, 1.0);
    if (!growth.grows || !growth.every_interval || growth.total < kLeastIslands) continue;
    Candidate c = Make(evidence, shape, series, growth);
    Ask(&c, shape, "x" + std::to_string(out.size()));
    out.push_back(std::move(c));
  }
  OuterFirst(&out, kMostShapes);
  return out;
}

}  // namespace unleak::diagnose
