#include "diagnose/unheld.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

constexpr size_t kLeastLooks = 3;
constexpr size_t kLeastWithoutSpikes = 5, kLeastToGoOn = 4;  // looks
constexpr u64 kLeastObjects = 400;     // a program that works has some hundreds more or less at any moment
constexpr double kLeastOfMean = 0.4;   // that the slowest interval must have of the mean rate
constexpr double kLastOfMean = 0.7;    // and the last one
constexpr double kFallen = 0.75;       // rates that fall all the way, to less than this share of the first
constexpr double kLeastCovered = 0.5;  // of the growth, by findings

// The looks after which the measure never comes back to less, if they are as many as `least` and two thirds of all.
Series LowerEnvelope(const Series& series, size_t least) {
  Series out;
  for (size_t i = 0; i < series.value.size(); ++i) {
    if (std::any_of(series.value.begin() + static_cast<std::ptrdiff_t>(i), series.value.end(),
                    [&](u64 later) { return later < series.value[i]; }))
      continue;
    out.at_s.push_back(series.at_s[i]);
    if (!series.able_s.empty()) out.able_s.push_back(series.able_s[i]);
    out.value.push_back(series.value[i]);
  }
  return out.value.size() >= least && 3 * out.value.size() >= 2 * series.value.size() ? out : series;
}

struct LiveSeries {
  Series bytes, objects;
};

LiveSeries LiveOf(const std::vector<LookSummary>& looks) {
  LiveSeries live;
  for (const LookSummary& look : looks) {
    AddTime(look.facts, live.bytes);
    AddTime(look.facts, live.objects);
    live.bytes.value.push_back(look.facts.live_bytes);
    live.objects.value.push_back(look.facts.live_objects);
  }
  return live;
}

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

Series WithoutSpikes(const Series& series) { return LowerEnvelope(series, kLeastWithoutSpikes); }

Unheld UnheldGrowth(const std::vector<LookSummary>& looks, double covered_bytes, double covered_objects) {
  const LiveSeries live = LiveOf(looks);
  return {Unexplained(WithoutSpikes(live.bytes), kLeastBytes, covered_bytes),
          Unexplained(WithoutSpikes(live.objects), kLeastObjects, covered_objects)};
}

bool MayGrowUnheld(const std::vector<LookSummary>& looks) {
  const LiveSeries live = LiveOf(looks);
  return Unexplained(LowerEnvelope(live.bytes, kLeastToGoOn), kLeastBytes, 0) != 0 ||
         Unexplained(LowerEnvelope(live.objects, kLeastToGoOn), kLeastObjects, 0) != 0;
}

}  // namespace unleak::diagnose
