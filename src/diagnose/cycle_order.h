// Which cycles are told first: collectable and uncollectable ones alike.
#pragma once

#include <vector>

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// Cycles that others hold come after those that hold them: breaking the outer one shows what the inner one costs. Among
// equals the faster growing first; at most `most` stay. Each has evidence.outermost.
void OuterFirst(std::vector<Candidate>* cycles, size_t most);

}  // namespace unleak::diagnose
