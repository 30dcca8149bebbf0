#include <unistd.h>

#include "capi/handles.h"
#include "capi/inspect.h"
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

}  // namespace

Status unleak_snapshot::Graph() {
  if (heap) return Status::Ok();
  auto built = unleak::graph::Heap::Build(std::move(*columns));
  columns.reset();
  if (!built.ok()) {
    columns.emplace();  // an empty look: what was moved from is none
    return built.status();
  }
  heap.emplace(built.Take());
  return Status::Ok();
}

int unleak_snapshot_open(const char* path, unleak_snapshot** out) {
  return Guarded([&]() -> Status {
    if (!path || !out) return Status(Code::kUsage, "path or out is NULL");
    return Keep(unleak::snapshot::ReadFile(path), out);
  });
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
  return Guarded([&]() -> Status {
    if (!s || !json) return Status(Code::kUsage, "snapshot or json is NULL");
    const unleak::capi::Json info = unleak::capi::Info(s->Look(), s->heap ? &*s->heap : nullptr);
    *json = unleak::capi::Give(info.dump(-1, ' ', false, unleak::capi::Json::error_handler_t::replace));
    return Status::Ok();
  });
}

void unleak_snapshot_free(unleak_snapshot* s) { delete s; }
