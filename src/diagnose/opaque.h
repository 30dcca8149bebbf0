// Why the collector cannot free an island: the member or reference of it that the collector does not see, in words.
#pragma once

#include <string>

#include "graph/heap.h"

namespace unleak::diagnose {

// "" if every member and reference inside is seen.
std::string OpaqueLink(const graph::Heap& heap, const graph::Component& island);

}  // namespace unleak::diagnose
