// Heap text to models, one a look.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tests/support/heap_model.h"

namespace unleak::testing::heap {

// Fills `looks` (at least one) and `words`. Errors say "NAME:LINE: what".
Status Parse(std::string_view text, const std::string& name, Words& words, std::vector<Model>& looks);

}  // namespace unleak::testing::heap
