// Immortal string
//
// What: Strings that are interned and can never be freed: each distinct text given to `sys.intern`, or used as the
// name of an attribute by `setattr`, stays for the life of the process.
//
// Evidence: Interned strings that are immortal and that no object refers to become more from look to look, and those of
// the first look are still there. From 3.12.0 to 3.12.6 all interned strings are immortal (python/cpython#113993).
//
// Remedy: Do not intern what comes from outside, or take a Python in which interned strings are freed (3.12.7, 3.13).
//
// Example:
//     key = sys.intern(record["user"])           # every user's name stays
//
// Limits: At least four looks and 64 strings; what comes in bursts or ever more slowly may be code that runs for the
// first time, and is only possible; what a program still refers to is told as what holds it.
#include <algorithm>

#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr u64 kLeastStrings = 64;  // over the window: modules that are loaded late bring some

}  // namespace

std::vector<Candidate> FindImmortalStrings(const Evidence& evidence) {
  const auto& looks = evidence.looks;
  if (looks.size() < 4) return {};
  Series series;
  std::vector<u64> bytes;
  for (const LookSummary& look : looks) {
    AddTime(look.facts, series);
    series.value.push_back(look.audit.strings.strings);
    bytes.push_back(look.audit.strings.bytes);
  }
  const double survival =
      SketchSurvival(looks.front().audit.strings.sketch, looks.back().audit.strings.sketch, kPathSketch);
  const Growth growth = Judge(series, Unit::kCount, survival);
  if (!growth.grows || !growth.every_interval || !growth.steady || growth.total < kLeastStrings ||
      survival < kLeakSurvival)
    return {};
  const u64 grown = bytes.back() - std::min(bytes.back(), bytes.front());
  Candidate c;
  c.family = Family::kUnexplained;
  c.key = "i0";
  c.growth = growth;
  c.survival = survival;
  c.length = series.value.back();
  c.main_type = "str";
  c.objects_per_s = growth.per_s;
  c.bytes_per_s = static_cast<double>(grown) / std::max(evidence.window_s(), 1e-3);
  c.title = FormatCount(static_cast<u64>(growth.per_s + 0.5)) + " strings (" + FormatBytes(c.bytes_per_s) +
            ") a second are interned for good, and nothing refers to them any more";
  c.finding = {{"kind", "immortal-string"},
               {"what", Json::array({{{"type", "str"}, {"objects", growth.total}, {"bytes", grown}}})},
               {"growth",
                {{"objects", series.value},
                 {"bytes", bytes},
                 {"references", Json::array()},
                 {"per_s", {{"objects", growth.per_s}, {"bytes", c.bytes_per_s}, {"references", 0.0}}}}},
               {"evidence", {{"strings", series.value}, {"at_s", series.at_s}, {"survival", survival}}}};
  c.questions.push_back({{"id", "i0.interned"}, {"ask", "interned"}});
  std::vector<Candidate> out;
  out.push_back(std::move(c));
  return out;
}

}  // namespace unleak::diagnose
