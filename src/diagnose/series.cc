#include "diagnose/series.h"

#include <algorithm>
#include <cmath>

namespace unleak::diagnose {
namespace {

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

bool Enough(u64 first, u64 total, Unit unit, double survival) {
  const double share = kLeastShare * static_cast<double>(first);
  if (unit == Unit::kBytes) return total >= kLeastBytes && static_cast<double>(total) >= share;
  return total >= kLeastCount && (survival >= kFullSurvival || static_cast<double>(total) >= share);
}

const std::vector<double>& Clock(const Series& series) { return series.able_s.empty() ? series.at_s : series.able_s; }

// The look nearest to a time of that clock, after look `from` and with `later` looks behind it.
size_t Nearest(const Series& series, double at_s, size_t from, size_t later) {
  size_t best = from + 1;
  const auto& clock = Clock(series);
  for (size_t i = best; i + later < clock.size(); ++i)
    if (std::abs(clock[i] - at_s) < std::abs(clock[best] - at_s)) best = i;
  return best;
}

// By thirds and not by intervals, so that one odd interval of many does not hide it. `series` never falls.
bool Fades(const Series& series) {
  const size_t last = series.value.size() - 1;
  if (last < 3) return false;
  const double from = Clock(series).front(), third = (Clock(series).back() - from) / 3;
  const size_t one = Nearest(series, from + third, 0, 2);
  const size_t two = Nearest(series, from + 2 * third, one, 1);
  const double first = Rate(series, 0, one), second = Rate(series, one, two), now = Rate(series, two, last);
  const bool falls = now < second && second < first;
  return falls && ((second <= kFades * first && now <= kFades * second) || now <= kFadesTo * first);
}

}  // namespace

double Rate(const Series& series, size_t from, size_t to) {
  const double added = static_cast<double>(series.value[to]) - static_cast<double>(series.value[from]);
  return added / std::max(Clock(series)[to] - Clock(series)[from], 1e-3);
}

Growth Judge(const Series& series, Unit unit, double survival) {
  Growth growth;
  const size_t looks = series.value.size();
  if (looks < 2) return growth;
  std::vector<double> rates;
  size_t rises = 0;
  bool falls = false;
  for (size_t i = 1; i < looks; ++i) {
    const u64 before = series.value[i - 1], now = series.value[i];
    falls |= now < before;
    rises += now > before;
    rates.push_back(now > before ? Rate(series, i - 1, i) : 0.0);
  }
  if (falls) return growth;
  growth.total = series.value.back() - series.value.front();
  growth.per_s = static_cast<double>(growth.total) / std::max(series.at_s.back() - series.at_s.front(), 1e-3);
  growth.grows = rises >= 2 && Enough(series.value.front(), growth.total, unit, survival);
  growth.every_interval = rises == looks - 1;
  growth.steady = rates.back() >= 0.5 * Median(rates);
  growth.levelling = rates.back() < 0.2 * rates.front();
  growth.fading = Fades(series);
  growth.even = *std::min_element(rates.begin(), rates.end()) >= 0.5 * Rate(series, 0, looks - 1);
  return growth;
}

}  // namespace unleak::diagnose
