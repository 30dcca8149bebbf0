// Warm-up
//
// What: No leak. A program that has just begun to work fills what it will go on using: pools, registries, compiled
// patterns, a table of all users there are. It takes on much at first, then less and less.
//
// Evidence: Over at least four looks the measure brings in its last interval less than a fifth of what it brought in
// its first, a second. A measure that falls off but has not come so far (each third of the time brings less than the
// one before) is only possible, and `diagnose` without `--duration` looks longer; so is what grows only while modules
// are imported.
//
// Remedy: None.
//
// Example:
//     PROFILES.setdefault(user, Profile(user))     # a thousand users in all: each of them is new once
//
// Limits: What comes in bursts may look like it: a longer look decides.
#include "diagnose/detectors/no_leaks.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kLeastLooks = 4;

}  // namespace

bool IsWarmUp(const Evidence& evidence, Candidate& c) {
  if (!c.growth.levelling || evidence.looks.size() < kLeastLooks) return false;
  c.finding["kind"] = "warm-up";
  return true;
}

}  // namespace unleak::diagnose
