// What a detector hands to conclude(): measured evidence, a half-made finding, and what to ask of the source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "diagnose/count_writes.h"
#include "diagnose/look.h"
#include "diagnose/series.h"

namespace unleak::diagnose {

struct Options {
  u32 looks = 4;
  double duration_s = 0;  // 0: as long as the answer needs, 6 to 27 s
  bool run = false;       // the program was started for this and looked at over its whole life
  bool all = false;       // list findings below the floor of the coverage rule too
};

// All that the detectors see. The last heap is whole, of the others the summaries are kept.
struct Evidence {
  const std::vector<LookSummary>& looks;
  const graph::Heap& last;
  const Options& options;
  const CountWrites& writes;
  double window_s() const { return looks.back().facts.at_s - looks.front().facts.at_s; }
};

enum class Family : u8 { kContainer, kPopulation, kCycle, kPeak, kUnexplained, kNative, kFree };

struct Candidate {
  Family family = Family::kContainer;
  std::string key;          // unique in this diagnosis: the prefix of its questions' ids
  Json finding;             // fields of the document that measurement alone decides
  std::vector<Json> questions;
  Holder holder;
  Growth growth;
  double survival = 1.0;
  double bytes_per_s = 0.0, objects_per_s = 0.0;
  u64 length = 0;           // entries now
  bool bounded_by_structure = false;  // an lru_cache with a maxsize, found by its links
  i64 structural_bound = -1;          // its size, where the structure says it
  std::string bound_from;             // where that was read
  bool holds_only_weak = false;      // weak references and plain values, no object of the program
  bool weak_keys = false;             // entries stay as long as anything keeps their weak keys
  bool collector_off = false;
  bool in_bytes = false;    // one object that grows itself: `length` and the growth are bytes
  bool backlog = false;     // entries leave, but more arrive
  bool queue = false;       // peak: held by a queue
  bool transient = true;    // peak: not there at every look
  u32 container = kNone;    // node in the last heap
  u32 example = kNone;      // of a population: the instance whose path is shown
  std::vector<u32> element_hashes;    // of a container, for finding doubles
  std::string main_type;    // what[0]
  int telling = 0;          // of a container: how telling that type is (names.h)
  std::string title;        // where the family's own does not say it
};

using Detector = std::vector<Candidate> (*)(const Evidence&);

struct RegisteredDetector {
  const char* name;
  Detector find;
};

// All detectors, in the order in which they run (detectors/registry.cc).
const std::vector<RegisteredDetector>& Detectors();

}  // namespace unleak::diagnose
