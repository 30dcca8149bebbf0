// How growth of one measure over the looks is judged: the arithmetic of DESIGN, "How growth is judged", and nothing else.
#pragma once

#include <vector>

#include "base/types.h"

namespace unleak::diagnose {

enum class Unit : u8 { kCount, kBytes };

// One measure over the looks, in order of time. `at_s` and `value` have the same length, and so has `able_s` or it is empty.
struct Series {
  std::vector<double> at_s;
  std::vector<double> able_s;  // a clock that stands still while the target waits for a CPU (LookFacts): by it rates are compared
  std::vector<u64> value;
};

struct Growth {
  bool grows = false;        // never falls, rises in at least 2 intervals, and by enough
  bool every_interval = false;  // rises in all of them
  // Of these four the rates are by able_s: a target that gets less of the CPU from look to look does not level off.
  bool steady = false;       // the last interval brings at least half the median of the intervals (by rate)
  bool levelling = false;    // the rate of the last interval is below a fifth of the first one's
  bool even = false;         // no interval's rate is below half of that of the whole window
  bool fading = false;       // its rate falls from third to third of the window: a limit may be near (kFades, kFadesTo)
  u64 total = 0;             // last minus first
  double per_s = 0.0;        // over the whole window
};

inline constexpr u64 kLeastCount = 8;
inline constexpr u64 kLeastBytes = 64 << 10;
inline constexpr double kLeastShare = 0.01;
inline constexpr double kFullSurvival = 0.99;  // counts need no 1 % then
inline constexpr double kLeakSurvival = 0.95;  // below it is flow
// What fills up towards an end of its own (all users were seen once) brings less in each third of the window: at most kFades of the
// third before, or kFadesTo of the first one in the end. What leaks goes on as it began. Needs three intervals.
inline constexpr double kFades = 0.8;
inline constexpr double kFadesTo = 0.5;

// Growth a second from one look to a later one, by able_s where the series has it.
double Rate(const Series& series, size_t from, size_t to);

// Judges the series. `survival` is the share of the first look's elements that are still there (1 where a measure has none).
Growth Judge(const Series& series, Unit unit, double survival);

}  // namespace unleak::diagnose
