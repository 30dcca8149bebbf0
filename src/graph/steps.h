// How a step of a path is called, so that all entries of a container have the same name.
#pragma once

#include <string>

#include "graph/heap.h"

namespace unleak::graph {

enum class StepKind : u8 {
  kRoot,        // value: index of its name, given by who asks
  kName,        // ".x": attribute, variable, key of a namespace; value: string
  kKeyed,       // "['k']": key of a small map; value: string
  kItem,        // "[*]"
  kValue,       // "{*}": value of a map
  kKey,         // "{key}"
  kClass,       // ".__class__"
  kAttributes,  // ".__dict__"
  kOther,       // "->": a member without a name
};

struct StepName {
  StepKind kind = StepKind::kOther;
  u32 value = 0;
  bool operator==(const StepName&) const = default;
};

StepName NameStep(const Heap& heap, u32 source, u32 label);
// kRoot has no text here.
std::string TextOf(const Heap& heap, StepName step);

}  // namespace unleak::graph
