#include <unistd.h>

#include <nlohmann/json.hpp>

#include "capi/handles.h"
#include "snapshot/file.h"

using unleak::Code;
using unleak::Result;
using unleak::Status;
using unleak::capi::Guarded;
using unleak::snapshot::Columns;

namespace {

Status Keep(Result<Columns> read, unleak_snapshot** out) {
  if (!read.ok()) return read.status();
  *out = new unleak_snapshot{read.Take(), std::nullopt};
  return Status::Ok();
}

nlohmann::json Info(const Columns& c) {
  const char* producers[] = {"twin", "reader", "core", "agent", "synthetic"};
  const char* stops[] = {"safe", "gil-free", "blind", "none"};
  unsigned long long bytes = 0;
  for (unleak::u32 n = 0; n < c.node_count(); ++n) bytes += c.size_of(n);
  nlohmann::json skipped = nlohmann::json::array(), notes = nlohmann::json::array();
  for (unleak::u32 t : c.meta.skipped_types) skipped.push_back(c.strings.at(c.types[t].name));
  for (unleak::u32 n : c.meta.notes) notes.push_back(c.strings.at(n));
  return {{"pid", c.meta.pid}, {"ppid", c.meta.ppid}, {"python_hex", c.meta.python_hex}, {"free_threaded", c.meta.free_threaded != 0},
          {"executable", c.strings.at(c.meta.executable)}, {"comm", c.strings.at(c.meta.comm)},
          {"producer", producers[static_cast<size_t>(c.meta.producer)]}, {"stop", stops[static_cast<size_t>(c.meta.stop)]},
          {"retakes", c.meta.retakes}, {"objects", c.node_count()}, {"edges", c.edge_count()}, {"bytes", bytes}, {"rss", c.meta.rss_bytes},
          {"peak_rss", c.meta.peak_rss_bytes}, {"pause_ms", static_cast<double>(c.meta.pause_ns) * 1e-6},
          {"total_pause_ms", static_cast<double>(c.meta.total_pause_ns) * 1e-6},
          {"capture_cpu_ms", static_cast<double>(c.meta.capture_cpu_ns) * 1e-6}, {"wall_ns", c.meta.wall_ns}, {"boot_ns", c.meta.boot_ns},
          {"threads", c.threads.size()}, {"frames", c.frames.size()}, {"types", c.types.size()}, {"bad_edges", c.meta.bad_edges},
          {"broken_links", c.meta.broken_links}, {"faults", c.meta.faults}, {"hangs", c.meta.hangs}, {"skipped_types", skipped},
          {"notes", notes}};
}

}  // namespace

Status unleak_snapshot::Graph() {
  if (heap) return Status::Ok();
  auto built = unleak::graph::Heap::Build(std::move(*columns));
  columns.reset();
  if (!built.ok()) return built.status();
  heap.emplace(built.Take());
  return Status::Ok();
}

int unleak_snapshot_open(const char* path, unleak_snapshot** out) {
  return Guarded([&] { return Keep(unleak::snapshot::ReadFile(path), out); });
}

int unleak_snapshot_open_fd(int fd, unleak_snapshot** out) {
  const int code = Guarded([&] { return Keep(unleak::snapshot::ReadFd(fd), out); });
  close(fd);
  return code;
}

int unleak_snapshot_save(unleak_snapshot* s, const char* path) {
  return Guarded([&] { return unleak::snapshot::WriteFile(s->Look(), path, unleak::snapshot::Encoding::kZstd); });
}

int unleak_snapshot_info(unleak_snapshot* s, char** json) {
  return Guarded([&] {
    *json = unleak::capi::Give(Info(s->Look()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return Status::Ok();
  });
}

void unleak_snapshot_free(unleak_snapshot* s) { delete s; }
