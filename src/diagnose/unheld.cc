#include "diagnose/unheld.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

constexpr size_t kLeastLooks = 3;
constexpr u64 kLeastObjects = 400;     // a program that works has some hundreds more or less at any moment
constexpr double kLeastOfMean = 0.4;   // that the slowest interval must have of the mean rate
constexpr double kLastOfMean = 0.7;    // and the last one
constexpr double kFallen = 0.75;       // rates that fall all the way, to less than this share of the first
constexpr double kLeastCovered = 0.5;  // of the growth, by findings

u64 Unexplained(const Series& series, u64 least, double covered) {
  if (!RisesEvenly(series)) return 0;
  const u64 total = series.value.back() - series.value.front();
  const double share = kLeastShare * static_cast<double>(series.value.front());
  if (total < least || static_cast<double>(total) < share) return 0;
  if (covered >= kLeastCovered * static_cast<double>(total)) return 0;
  return total - static_cast<u64>(std::max(covered, 0.0));
}

}  // namespace

bool RisesEvenly(const Series& series) {
  if (series.value.size() < kLeastLooks) return false;
  std::vector<double> rates;
  for (size_t i = 1; i < series.value.size(); ++i) {
    if (series.value[i] <= series.value[i - 1]) return false;
    rates.push_back(Rate(series, i - 1, i));
  }
  const double mean = Rate(series, 0, series.value.size() - 1);
  const bool falls = std::is_sorted(rates.rbegin(), rates.rend()) && rates.back() < kFallen * rates.front();
  return !falls && rates.back() >= kLastOfMean * mean &&
         *std::min_element(rates.begin(), rates.end()) >= kLeastOfMean * mean;
}

Unheld UnheldGrowth(const std::vector<LookSummary>& looks, double covered_bytes, double covered_objects) {
  Series bytes, objects;
  for (const LookSummary& look : looks) {
    AddTime(look.facts, bytes);
    AddTime(look.facts, objects);
    bytes.value.push_back(look.facts.live_bytes);
    objects.value.push_back(look.facts.live_objects);
  }
  return {Unexplained(bytes, kLeastBytes, covered_bytes), Unexplained(objects, kLeastObjects, covered_objects)};
}

}  // namespace unleak::diagnose
