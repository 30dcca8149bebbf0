#include "facts.h"

#include <string>

#include "commands.h"

namespace unleak::tools {
namespace {

double Milliseconds(u64 ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace

nlohmann::json FactsOf(const capture::Target& target) {
  nlohmann::json facts = {
      {"pid", target.pid},
      {"ppid", target.ppid},
      {"comm", target.comm},
      {"executable", target.executable},
      {"python", target.python_hex ? nlohmann::json(snapshot::PythonVersion(target.python_hex)) : nlohmann::json()},
      {"free_threaded", target.free_threaded},
      {"can_look", target.can_look.ok()},
      {"estimated_pause_ms", Milliseconds(target.estimated_pause_ns)},
      {"estimated_extra_bytes", target.estimated_extra_bytes},
      {"headroom_bytes", target.headroom_bytes},
      {"notes", target.notes},
  };
  if (!target.can_look.ok()) facts["why_not"] = ErrorOf(target.can_look)["error"];
  return facts;
}

nlohmann::json FactsOf(const snapshot::Columns& columns) {
  const snapshot::Meta& meta = columns.meta;
  std::vector<std::string> notes, skipped;
  for (u32 note : meta.notes) notes.emplace_back(columns.strings.at(note));
  for (u32 type : meta.skipped_types) skipped.emplace_back(columns.strings.at(columns.types[type].name));
  return {
      {"pid", meta.pid},
      {"python", snapshot::PythonVersion(meta.python_hex)},
      {"free_threaded", meta.free_threaded != 0},
      {"producer", snapshot::NameOf(meta.producer)},
      {"stop", snapshot::NameOf(meta.stop)},
      {"retakes", meta.retakes},
      {"objects", columns.node_count()},
      {"edges", columns.edge_count()},
      {"bytes", columns.total_bytes()},
      {"rss", meta.rss_bytes},
      {"pause_ms", Milliseconds(meta.pause_ns)},
      {"total_pause_ms", Milliseconds(meta.total_pause_ns)},
      {"cpu_ms", Milliseconds(meta.capture_cpu_ns)},
      {"bad_edges", meta.bad_edges},
      {"broken_links", meta.broken_links},
      {"faults", meta.faults},
      {"hangs", meta.hangs},
      {"skipped_types", skipped},
      {"notes", notes},
  };
}

nlohmann::json ErrorOf(const Status& status) {
  return {{"error", {{"code", CodeName(status.code())}, {"message", status.message()}, {"hint", status.hint()}}}};
}

std::string Line(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace unleak::tools
