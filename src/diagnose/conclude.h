// The one place that decides: kind, certainty, order, remedy and verdict of a diagnosis, from measured candidates and the source's
// answers. Without answers certainty is at most "probable".
#pragma once

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// The verdict document, schema 1 (DESIGN section 3). `answers` is the answers page of docs/questions.md, or empty.
Json Conclude(const Evidence& evidence, std::vector<Candidate> candidates, const Json& answers);

}  // namespace unleak::diagnose
