#include "diagnose/session.h"

#include <fmt/core.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "commands.h"
#include "graph/heap.h"

namespace unleak::tools {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Subject {
  u32 pid;
  diagnose::Session session;
  Clock::time_point due;
  bool done = false;
  int looks = 0;
};

std::string SessionOptions(const DiagnoseArguments& arguments) {
  json options = {{"looks", arguments.looks}};
  if (arguments.duration_s > 0) options["duration_s"] = arguments.duration_s;
  return options.dump();
}

// One look, folded in; when the next one is due.
Status LookAt(const DiagnoseArguments& arguments, Subject* subject) {
  UNLEAK_ASSIGN(snapshot::Columns columns, capture::Look(subject->pid, arguments.options));
  UNLEAK_ASSIGN(graph::Heap heap, graph::Heap::Build(std::move(columns)));
  UNLEAK_RETURN_IF_ERROR(subject->session.Add(std::move(heap)));
  ++subject->looks;
  const json plan = json::parse(subject->session.Next(), nullptr, false);
  subject->done = !plan.is_object() || plan.value("done", true);
  const double wait = plan.is_object() ? plan.value("wait_s", 0.0) : 0.0;
  subject->due = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait));
  return Status::Ok();
}

Subject* NextDue(std::vector<Subject>& subjects) {
  Subject* next = nullptr;
  for (Subject& subject : subjects) {
    if (!subject.done && (!next || subject.due < next->due)) next = &subject;
  }
  return next;
}

// Prints the document of one process; true if it names a leak, garbage or peak.
Result<bool> Conclude(Subject* subject) {
  UNLEAK_ASSIGN(const std::string document, subject->session.Conclude(""));
  fmt::print("{}\n", document);
  const json parsed = json::parse(document, nullptr, false);
  const std::string verdict = parsed.is_object() ? parsed.value("verdict", "") : "";
  return verdict == "leak" || verdict == "garbage" || verdict == "peak";
}

}  // namespace

int RunDiagnose(const DiagnoseArguments& arguments) {
  std::vector<Subject> subjects;
  for (u32 pid : arguments.pids) {
    auto session = diagnose::Session::Create(SessionOptions(arguments));
    if (!session.ok()) return Fail(session.status());
    subjects.push_back({pid, session.Take(), Clock::now()});
  }
  int status = kDone;
  while (Subject* subject = NextDue(subjects)) {
    std::this_thread::sleep_until(subject->due);
    const Status looked = LookAt(arguments, subject);
    if (looked.ok()) continue;
    subject->done = true;  // what was seen so far counts
    status = Fail(looked);
  }
  for (Subject& subject : subjects) {
    if (!subject.looks) continue;
    const auto found = Conclude(&subject);
    if (!found.ok()) return Fail(found.status());
    if (*found && status == kDone) status = kFindings;
  }
  return status;
}

}  // namespace unleak::tools
