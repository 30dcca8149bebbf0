// Reading what the source answered (docs/questions.md). Answers come from outside: nothing in them is taken for
// granted.
#pragma once

#include <string>

#include "diagnose/names.h"

namespace unleak::diagnose {

// The answer to the question with this id, null if there is none.
const Json* Answer(const Json& answers, const std::string& id);

}  // namespace unleak::diagnose
