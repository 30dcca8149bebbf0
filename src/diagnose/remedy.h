// What to change: the action, the text for this case, its place, what it would free and who keeps the rest alive.
#pragma once

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// The document's `remedy` of a finding that is otherwise complete. `answers` are those of the source: a remover that
// some ways out forget, and `patches` of the place by action. `frees` and `kept_by` come from a simulated cut in the
// last heap (remedy_cut.h). `weakref` is proposed only where the last heap shows that another owner keeps the object.
Json ProposeRemedy(const Evidence& evidence, const Candidate& candidate, const Json& finding, const Json& answers);

}  // namespace unleak::diagnose
