// Which containers grow over the looks: the measurement that most detectors share, made once.
#pragma once

#include <vector>

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// A container that grows, or all that grow along one folded path (one line of the program fills them all).
struct GrownContainer {
  u32 node = kNone;  // in the last heap; of several, the one that grew most
  Series series;     // entries, or bytes, summed over `containers`
  bool in_bytes = false;
  Growth growth;
  double survival = 1.0;
  u64 path = 0;        // folded path hash
  u64 containers = 1;  // that grow along this path
};

// Those whose growth is no flow (survival >= kLeakSurvival), fastest first.
std::vector<GrownContainer> FindGrownContainers(const Evidence& evidence);

// Those that entries run through: they grow, and entries of the first look have left.
std::vector<GrownContainer> FindBacklogs(const Evidence& evidence);

// Node of the last heap at that address, kNone if there is none.
u32 NodeAt(const snapshot::Columns& columns, u64 address);

}  // namespace unleak::diagnose
