// Garbage cycles of a look, folded by shape and described for a person.
#pragma once

#include <map>
#include <string>

#include "diagnose/look.h"

namespace unleak::diagnose {

// Shapes of the cycles in populations C, U and F; key: the sorted set of their types.
std::map<std::string, CycleShape> FoldCycles(const graph::Heap& heap);

}  // namespace unleak::diagnose
