#include "capi/handles.h"
#include "diagnose/inherited.h"

using unleak::Result;
using unleak::Status;
using unleak::capi::Give;
using unleak::capi::Guarded;
using unleak::diagnose::Session;

int unleak_session_new(const char* options, unleak_session** out) {
  return Guarded([&]() -> Status {
    auto session = Session::Create(options ? options : "");
    if (!session.ok()) return session.status();
    *out = new unleak_session(session.Take());
    return Status::Ok();
  });
}

int unleak_session_add(unleak_session* d, unleak_snapshot* s) {
  const std::unique_ptr<unleak_snapshot> owned(s);
  return Guarded([&]() -> Status {
    if (!d || !s) return Status(unleak::Code::kUsage, "session or snapshot is NULL");
    UNLEAK_RETURN_IF_ERROR(d->session.Fits(owned->Look().meta));
    d->session.MakeRoom();
    if (owned->columns) std::vector<unleak::snapshot::OwnedBlock>().swap(owned->columns->blocks);  // their bytes are in the sizes
    UNLEAK_RETURN_IF_ERROR(owned->Graph());
    return d->session.Add(std::move(*owned->heap));
  });
}

int unleak_session_make_room(unleak_session* d) {
  return Guarded([&]() -> Status {
    if (!d) return Status(unleak::Code::kUsage, "session is NULL");
    d->session.MakeRoom();
    return Status::Ok();
  });
}

int unleak_session_next(unleak_session* d, char** json) {
  return Guarded([&] {
    *json = Give(d->session.Next());
    return Status::Ok();
  });
}

int unleak_session_observe(unleak_session* d, const char* reply) {
  return Guarded([&]() -> Status {
    if (!d || !reply) return Status(unleak::Code::kUsage, "session or reply is NULL");
    return d->session.Observe(reply);
  });
}

int unleak_session_questions(unleak_session* d, char** json) {
  return Guarded([&]() -> Status {
    auto questions = d->session.Questions();
    if (!questions.ok()) return questions.status();
    *json = Give(*questions);
    return Status::Ok();
  });
}

int unleak_session_conclude(unleak_session* d, const char* answers, char** json) {
  return Guarded([&]() -> Status {
    auto document = d->session.Conclude(answers ? answers : "");
    if (!document.ok()) return document.status();
    *json = Give(*document);
    return Status::Ok();
  });
}

int unleak_session_inherited(unleak_session* parent, unleak_session* child, const char* options, char** json) {
  return Guarded([&]() -> Status {
    if (!parent || !child || !parent->session.last() || !child->session.last())
      return Status(unleak::Code::kUsage, "both sessions need a look that can be compared");
    size_t limit = 5;
    if (const auto o = nlohmann::json::parse(options ? options : "{}", nullptr, false); o.is_object())
      if (const auto it = o.find("limit"); it != o.end() && it->is_number_unsigned()) limit = it->get<size_t>();
    *json = Give(unleak::diagnose::Inherited(parent->session.last()->columns(), child->session.last()->columns(), limit)
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return Status::Ok();
  });
}

void unleak_session_free(unleak_session* d) { delete d; }
