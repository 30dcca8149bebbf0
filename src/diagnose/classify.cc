#include "diagnose/classify.h"

#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {

Class Classify(const Place& place) {
  // Special before general: a queue of tasks kept by a thread is unfinished work before it is a matter of threads.
  for (Classifier classifier : {ClassifyCache, ClassifyChurn, ClassifyWeak, ClassifyUnfinished, ClassifyPinnedFrame,
                                ClassifyContext, ClassifyListener, ClassifyRegistry})
    if (auto found = classifier(place)) return *found;
  return {"growing-container", {}};
}

}  // namespace unleak::diagnose
