// The request "references": who changes the reference counts of a few objects (capture/reference_watch.h).
#pragma once

#include <nlohmann/json.hpp>

#include "snapshot/columns.h"

namespace unleak::tools {

// Keeps what is needed of a look to name lines later: of the last look at one process.
void RememberCodes(u32 pid, const snapshot::Columns& columns);

// {"pid", "objects": [address ...], "like": [[address ...] ...], "time_ms"}, after a look at that process. The reply:
// {"counts": [{"object", "places": [PLACE ...]}], "lives": [{"object", "writes": [PLACE ...]}], "problem": ""} with
// PLACE {"native": [{"library", "function"}], "python": [{"file", "function", "line"}], "up", "down", "unclear"}.
nlohmann::json WatchCounts(const nlohmann::json& request);

}  // namespace unleak::tools
