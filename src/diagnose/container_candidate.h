// From a container that grows to what a detector hands to conclude(): kind, types, holder, and the questions for the
// source.
#pragma once

#include "diagnose/containers.h"

namespace unleak::diagnose {

// `key` is the candidate's, unique in this diagnosis.
Candidate MakeContainerCandidate(const Evidence& evidence, const GrownContainer& grown, const std::string& key);

}  // namespace unleak::diagnose
