#include "diagnose/cycle_order.h"

#include <algorithm>

namespace unleak::diagnose {

void OuterFirst(std::vector<Candidate>* cycles, size_t most) {
  std::stable_sort(cycles->begin(), cycles->end(), [](const Candidate& a, const Candidate& b) {
    const bool outer_a = a.finding["evidence"]["outermost"], outer_b = b.finding["evidence"]["outermost"];
    return outer_a != outer_b ? outer_a : a.bytes_per_s > b.bytes_per_s;
  });
  if (cycles->size() > most) cycles->resize(most);
}

}  // namespace unleak::diagnose
