// What grows and is no leak: conclude() asks these before it judges a candidate.
#pragma once

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// True if a bound is ahead of the container; then it is made a finding of kind filling-cache, with the bound and the
// time until it is full.
bool IsFillingCache(const Evidence& evidence, const Json& answers, Candidate& candidate);

// The code compares the length with something, but only its bytecode is known: whether the bound is ahead cannot be
// told.
bool BoundUnknown(const Json& answers, const Candidate& candidate);

// True if the growth has nearly ended; then it is made a finding of kind warm-up.
bool IsWarmUp(const Evidence& evidence, Candidate& candidate);

}  // namespace unleak::diagnose
