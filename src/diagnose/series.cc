#include "diagnose/series.h"

#include <algorithm>

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

}  // namespace

Growth Judge(const Series& series, Unit unit, double survival) {
  Growth growth;
  const size_t looks = series.value.size();
  if (looks < 2) return growth;
  std::vector<double> rates;
  size_t rises = 0;
  bool falls = false;
  for (size_t i = 1; i < looks; ++i) {
    const u64 before = series.value[i - 1], now = series.value[i];
    const double seconds = std::max(series.at_s[i] - series.at_s[i - 1], 1e-3);
    falls |= now < before;
    rises += now > before;
    rates.push_back(now > before ? static_cast<double>(now - before) / seconds : 0.0);
  }
  if (falls) return growth;
  growth.total = series.value.back() - series.value.front();
  growth.per_s = static_cast<double>(growth.total) / std::max(series.at_s.back() - series.at_s.front(), 1e-3);
  growth.grows = rises >= 2 && Enough(series.value.front(), growth.total, unit, survival);
  growth.every_interval = rises == looks - 1;
  growth.steady = rates.back() >= 0.5 * Median(rates);
  growth.levelling = rates.back() < 0.2 * rates.front();
  return growth;
}

}  // namespace unleak::diagnose
