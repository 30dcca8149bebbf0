// The layout tables of all CPython versions that are known, by version.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "pylayout/layout.h"

namespace unleak::pylayout {

// The table for PY_VERSION_HEX `python_hex` (only major and minor count: patch releases keep layouts), or nullptr if
// that version is not known. The table lives as long as the program. Thread safe.
const unleak_layout* FindLayout(u32 python_hex, bool free_threaded);

// All tables, oldest version first.
const std::vector<const unleak_layout*>& AllLayouts();

// "3.12", "3.13t".
std::string VersionName(const unleak_layout& layout);

}  // namespace unleak::pylayout
