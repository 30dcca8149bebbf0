// The reference counts of one look.
#include "capi/handles.h"
#include "diagnose/audit_table.h"

using unleak::Code;
using unleak::Status;
using unleak::capi::Give;
using unleak::capi::Guarded;

int unleak_audit(unleak_snapshot* s, const char* options, char** json) {
  return Guarded([&]() -> Status {
    if (!s || !json) return Status(Code::kUsage, "snapshot or json is NULL");
    const auto parsed = unleak::diagnose::Json::parse(options && *options ? options : "{}", nullptr, false);
    if (!parsed.is_object()) return Status(Code::kUsage, "the options are not a JSON object");
    const auto limit = parsed.find("limit");
    const size_t most = limit != parsed.end() && limit->is_number_unsigned() ? limit->get<size_t>() : 30;
    UNLEAK_RETURN_IF_ERROR(s->Graph());
    *json = Give(unleak::diagnose::AuditTable(*s->heap, most)
                     .dump(-1, ' ', false, unleak::diagnose::Json::error_handler_t::replace));
    return Status::Ok();
  });
}
