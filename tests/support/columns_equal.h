// Compares two snapshots column by column.
#pragma once

#include <string>

#include "snapshot/columns.h"

namespace unleak::testing {

// "" if all is equal, else the name of the first section that differs.
std::string ColumnsDifference(const snapshot::Columns& a, const snapshot::Columns& b);

}  // namespace unleak::testing
