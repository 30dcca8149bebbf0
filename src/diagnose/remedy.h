// What to change, in the article's terms, for one finding.
#pragma once

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// The document's "remedy" object: action, text for this case, place, and what it frees.
Json ProposeRemedy(const Evidence& evidence, const Candidate& candidate, const Json& finding);

}  // namespace unleak::diagnose
