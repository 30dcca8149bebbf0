// Objects that nobody reaches. Evidence: instances of a type that are held only by references which no object, root or frame explains, or
// that the collector can never free, rise in every interval. Limit: the native call that lost the reference is not named here.
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr u64 kLeastInstances = 16;
constexpr double kReferenceBytes = 16.0;  // what a lost reference counts for in the ranking (DESIGN, "ranking")

}  // namespace

std::vector<Candidate> FindUnexplained(const Evidence& evidence) {
  std::vector<Candidate> out;
  const auto& looks = evidence.looks;
  if (looks.size() < 4) return out;
  for (auto population : {graph::Population::kUnexplained, graph::Population::kUncollectable})
    for (const auto& [name, now] : looks.back().types) {
      const auto p = static_cast<size_t>(population);
      if (now.objects[p] < kLeastInstances) continue;
      Series series;
      for (const auto& look : looks) {
        auto it = look.types.find(name);
        series.at_s.push_back(look.facts.at_s);
        series.value.push_back(it == look.types.end() ? 0 : it->second.objects[p]);
      }
      const Growth growth = Judge(series, Unit::kCount, 1.0);
      if (!growth.grows || !growth.every_interval || growth.total < kLeastInstances) continue;
      Candidate c;
      c.family = Family::kUnexplained;
      c.key = "u" + std::to_string(out.size());
      c.growth = growth;
      c.length = series.value.back();
      c.main_type = name;
      c.objects_per_s = growth.per_s;
      const double each = static_cast<double>(now.bytes[p]) / static_cast<double>(now.objects[p]);
      c.bytes_per_s = growth.per_s * (each + kReferenceBytes);
      c.finding = {{"kind", population == graph::Population::kUnexplained ? "lost-reference" : "uncollectable-cycle"},
                   {"what", Json::array({{{"type", name}, {"objects", growth.total}, {"bytes", static_cast<u64>(each * static_cast<double>(growth.total))}}})},
                   {"growth", {{"objects", series.value}, {"bytes", Json::array()}, {"references", series.value},
                               {"per_s", {{"objects", growth.per_s}, {"bytes", c.bytes_per_s}, {"references", growth.per_s}}}}},
                   {"evidence", {{"instances", series.value}, {"at_s", series.at_s}}}};
      out.push_back(std::move(c));
    }
  return out;
}

}  // namespace unleak::diagnose
