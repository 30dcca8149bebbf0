// A snapshot in which every column holds something, for tests of files.
#pragma once

#include "snapshot/columns.h"

namespace unleak::testing {

// Valid columns of `nodes` >= 1 nodes with three edges each; the same for the same number.
snapshot::Columns SampleColumns(u32 nodes);

}  // namespace unleak::testing
