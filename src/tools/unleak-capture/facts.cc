#include "facts.h"

#include <fmt/core.h>

#include <numeric>
#include <string>

#include "commands.h"

namespace unleak::tools {
namespace {

std::string Version(u32 hex) { return fmt::format("{}.{}.{}", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff); }

double Milliseconds(u64 ns) { return static_cast<double>(ns) / 1e6; }

const char* StopName(snapshot::Stop stop) {
  switch (stop) {
    case snapshot::Stop::kSafe: return "safe";
    case snapshot::Stop::kGilFree: return "gil-free";
    case snapshot::Stop::kBlind: return "blind";
    case snapshot::Stop::kNone: return "none";
  }
  return "none";
}

const char* ProducerName(snapshot::Producer producer) {
  switch (producer) {
    case snapshot::Producer::kTwin: return "twin";
    case snapshot::Producer::kReader: return "reader";
    case snapshot::Producer::kCore: return "core";
    case snapshot::Producer::kAgent: return "agent";
    case snapshot::Producer::kSynthetic: return "synthetic";
  }
  return "synthetic";
}

u64 TotalBytes(const snapshot::Columns& columns) {
  u64 total = std::accumulate(columns.size.begin(), columns.size.end(), u64{0});
  for (const auto& [node, bytes] : columns.big_size) total += bytes - columns.size[node];
  return total;
}

}  // namespace

nlohmann::json FactsOf(const capture::Target& target) {
  nlohmann::json facts = {
      {"pid", target.pid},
      {"ppid", target.ppid},
      {"comm", target.comm},
      {"executable", target.executable},
      {"python", target.python_hex ? nlohmann::json(Version(target.python_hex)) : nlohmann::json()},
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
      {"python", Version(meta.python_hex)},
      {"free_threaded", meta.free_threaded != 0},
      {"producer", ProducerName(meta.producer)},
      {"stop", StopName(meta.stop)},
      {"retakes", meta.retakes},
      {"objects", columns.node_count()},
      {"edges", columns.edge_count()},
      {"bytes", TotalBytes(columns)},
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
