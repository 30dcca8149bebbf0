// What a person or the command line is told of a process or a look, as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "capture/capture.h"
#include "snapshot/columns.h"

namespace unleak::tools {

nlohmann::json FactsOf(const capture::Target& target);
nlohmann::json FactsOf(const snapshot::Columns& columns);
nlohmann::json ErrorOf(const Status& status);  // {"error": {"code", "message", "hint"}}

// JSON text in one line; bytes that are no UTF-8 (names of files may hold any) are replaced.
std::string Line(const nlohmann::json& value);

}  // namespace unleak::tools
