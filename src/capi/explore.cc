// Looking around in one or two looks.
#include "capi/handles.h"
#include "capi/inspect.h"
#include "diagnose/memory.h"
#include "export/registry.h"

using unleak::Code;
using unleak::Result;
using unleak::Status;
using unleak::capi::Give;
using unleak::capi::Guarded;
using unleak::capi::Json;
using unleak::graph::Heap;

namespace {

Status Null(const char* what) { return Status(Code::kUsage, std::string(what) + " is NULL"); }

Result<Json> Options(const char* text) {
  if (!text || !*text) return Json::object();
  Json options = Json::parse(text, nullptr, false);
  if (!options.is_object()) return Status(Code::kUsage, "the options are not a JSON object");
  return options;
}

// A question to one look's graph; `ask(heap, options)` gives a Result<Json>.
template <class Ask>
int Inspect(unleak_snapshot* s, const char* options, char** json, Ask&& ask) {
  return Guarded([&]() -> Status {
    if (!s || !json) return Null("snapshot or json");
    UNLEAK_ASSIGN(const Json parsed, Options(options));
    UNLEAK_RETURN_IF_ERROR(s->Graph());
    UNLEAK_ASSIGN(const Json answer, ask(*s->heap, parsed));
    // Names may hold any bytes; JSON must be UTF-8.
    *json = Give(answer.dump(-1, ' ', false, Json::error_handler_t::replace));
    return Status::Ok();
  });
}

}  // namespace

int unleak_top(unleak_snapshot* s, const char* options, char** json) {
  return Inspect(s, options, json, unleak::capi::Top);
}

int unleak_paths(unleak_snapshot* s, const char* what, const char* options, char** json) {
  return Inspect(s, options, json, [&](const Heap& heap, const Json& o) -> Result<Json> {
    return what ? unleak::capi::Paths(heap, what, o) : Null("the address or type");
  });
}

int unleak_cycles(unleak_snapshot* s, const char* options, char** json) {
  return Inspect(s, options, json, unleak::capi::Cycles);
}

int unleak_memory(unleak_snapshot* s, const char* options, char** json) {
  return Inspect(s, options, json, [](const Heap& heap, const Json& o) -> Result<Json> {
    const auto limit = o.find("limit");
    return unleak::diagnose::MemoryListing(heap.columns(), limit != o.end() && limit->is_number_unsigned() ? limit->get<size_t>() : 10);
  });
}

int unleak_diff(unleak_snapshot* a, unleak_snapshot* b, const char* options, char** json) {
  return Inspect(a, options, json, [&](const Heap& heap, const Json& o) -> Result<Json> {
    if (!b) return Null("the later snapshot");
    UNLEAK_RETURN_IF_ERROR(b->Graph());
    return unleak::capi::Diff(heap, *b->heap, o);
  });
}

int unleak_export(unleak_snapshot* s, const char* format, const char* path) {
  return Guarded([&]() -> Status {
    if (!s || !format || !path) return Null("snapshot, format or path");
    const auto* exporter = unleak::exporting::FindFormat(format);
    if (!exporter)
      return Status(Code::kUsage, std::string(format) + ": unknown format", "one of " + unleak::exporting::FormatNames());
    UNLEAK_RETURN_IF_ERROR(s->Graph());
    return exporter->write(*s->heap, path);
  });
}
