// Queues that hold much at once: what work looks like that was all taken on before the first of it was done.
#pragma once

#include <vector>

#include "diagnose/names.h"
#include "graph/heap.h"

namespace unleak::diagnose {

// A queue at one look.
struct QueuePeak {
  Holder holder;
  u64 bytes = 0, entries = 0;
  bool bounded = false;   // it says itself how many entries it takes
  std::string container;  // type of what holds the entries
  std::vector<TypeCount> types;
  Json element_types = Json::array();
};

// Queues that keep at least kLeastPeak alive, biggest first, at most 4.
std::vector<QueuePeak> FindQueuePeaks(const graph::Heap& heap);

}  // namespace unleak::diagnose
