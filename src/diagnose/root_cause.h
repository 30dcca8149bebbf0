// One root cause is one finding: candidates that another one explains are dropped.
#pragma once

#include <vector>

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// A population is explained by a container that names its type, or that keeps the instance whose path would be shown.
void DropExplained(const graph::Heap& heap, std::vector<Candidate>& candidates);

}  // namespace unleak::diagnose
