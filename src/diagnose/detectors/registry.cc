#include "diagnose/candidate.h"
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {

const std::vector<RegisteredDetector>& Detectors() {
  static const std::vector<RegisteredDetector> detectors = {
      {"growing_container", FindGrowingContainers}, {"growing_population", FindGrowingPopulations},
      {"backlog", FindQueueBacklogs},               {"queued_work", FindQueuedWork},
      {"reference_cycle", FindReferenceCycles},     {"bulk_read", FindBulkReads},
      {"lost_reference", FindLostReferences},       {"uncollectable_cycle", FindUncollectableCycles},
      {"immortal_string", FindImmortalStrings},
      {"native_memory", FindNativeMemory},
      {"fragmentation", FindFragmentation},
  };
  return detectors;
}

}  // namespace unleak::diagnose
