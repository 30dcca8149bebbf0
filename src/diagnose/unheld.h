// Growth of the heap as a whole that no finding explains: the net below all detectors. A verdict of "clean" rests on
// it.
#pragma once

#include <vector>

#include "diagnose/look.h"
#include "diagnose/series.h"

namespace unleak::diagnose {

struct Unheld {
  u64 bytes = 0, objects = 0;  // that came between the first and the last look; 0: explained, too little, or not steady
  bool any() const { return bytes != 0 || objects != 0; }
};

// True if the measure rises in every interval at about the same rate: no rate is far below the mean, and they do not
// fall from each interval to the next (what falls so is a warm-up that levels off).
bool RisesEvenly(const Series& series);

// Without the looks that caught the measure above where it came back to (a copy was being made), if these are at most a
// third of the looks and at least five are left; else the series as it is.
Series WithoutSpikes(const Series& series);

// What the live objects (garbage aside) of at least three looks grew by, less what findings cover, where they cover
// less than half. Spikes are left out.
Unheld UnheldGrowth(const std::vector<LookSummary>& looks, double covered_bytes, double covered_objects);

// Four looks of five or more rise, and by so much that "nothing grows" cannot be said yet.
bool MayGrowUnheld(const std::vector<LookSummary>& looks);

}  // namespace unleak::diagnose
