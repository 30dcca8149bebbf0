// One root cause is one finding: candidates that another one explains are dropped.
#pragma once

#include <vector>

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// A population is explained by a container that names its type, or that keeps the instance whose path would be shown.
// Of containers of one object that get entries of one type in step the biggest stays, with the others in its evidence
// "also_in".
void DropExplained(const graph::Heap& heap, std::vector<Candidate>& candidates);

// Two containers get an entry each by one step of the program, of about as many bytes, and `a` is the one to name
// first: its type is the more telling one; of two alike, by the name of the holder, which stays the same wherever the
// program runs.
bool SaysMoreInStep(const Candidate& a, const Candidate& b);

}  // namespace unleak::diagnose
