// Looking around in one or two looks: what `unleak top`, `paths`, `cycles` and `diff` show, as JSON. Every listing is
// {"rows": [...], facts...}, longest first, cut at the option "limit" (default 30), and says how much it left out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"
#include "graph/heap.h"

namespace unleak::capi {

using Json = nlohmann::json;

// The document's snapshots[] entry, and facts of the target; `heap` may be null: then completeness is null.
Json Info(const snapshot::Columns& look, const graph::Heap* heap);

// {"by": "type"}: objects and bytes of each type. "retained": the objects that keep most alive. "holder": objects and
// bytes by the root that reaches them first.
Result<Json> Top(const graph::Heap& heap, const Json& options);

// Who holds it: the shortest path from a root, of the object at an address ("0x7f...") or of instances of a type, equal paths
// folded. kNotFound if there is no such object or type.
Result<Json> Paths(const graph::Heap& heap, const std::string& what, const Json& options);

// Unreachable cycles, by shape.
Result<Json> Cycles(const graph::Heap& heap, const Json& options);

// Types and containers that differ between two looks of one process.
Result<Json> Diff(const graph::Heap& before, const graph::Heap& after, const Json& options);

}  // namespace unleak::capi
