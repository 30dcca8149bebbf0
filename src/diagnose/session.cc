#include "diagnose/session.h"

#include <algorithm>
#include <set>

#include "diagnose/code_bodies.h"
#include "diagnose/conclude.h"
#include "diagnose/unheld.h"

namespace unleak::diagnose {
namespace {

constexpr double kShortest = 6.0, kLongest = 27.0;  // seconds of a diagnosis without --duration
constexpr double kJitter = 0.5;                     // of them, by which a look may come early: time counts from look to look
constexpr double kCleanNeeds = 12.0;                // seconds of activity before "nothing grew" is believed
constexpr size_t kMostLooks = 12;                   // of a whole run; then they are thinned
constexpr double kRunFirst = 0.5, kRunShare = 0.25;  // run: first wait, then a share of the time so far

bool SameProcess(const snapshot::Meta& x, const snapshot::Meta& y) {
  return x.pid == y.pid && x.process_start_ns == y.process_start_ns && x.python_hex == y.python_hex;
}

Json Files(const snapshot::Columns& c) {
  std::set<std::string_view> files;
  for (const auto& code : c.codes) files.insert(c.strings.at(code.file));
  return Json(std::vector<std::string>(files.begin(), files.end()));
}

// The dict of a module that is a root by that name, kNone if there is none.
u32 DictOfModule(const graph::Heap& heap, std::string_view root_name) {
  const auto& c = heap.columns();
  for (const auto& root : heap.roots()) {
    if (root.name != root_name) continue;
    for (u32 e = c.edge_row[root.node]; e < c.edge_row[root.node + 1]; ++e)
      if (c.role_of(c.edge_target[e]) == snapshot::Role::kDict) return c.edge_target[e];
  }
  return kNone;
}

// The main file of the program that started this process by multiprocessing: its functions are those of a module of that name
// (Lib/multiprocessing/spawn.py, _fixup_main_from_path), and the process itself runs a line of multiprocessing. "" if it is none.
std::string MainFileOfParent(const graph::Heap& heap) {
  const auto& c = heap.columns();
  const u32 globals = DictOfModule(heap, "module __mp_main__");
  if (globals == kNone) return {};
  for (const u32 function : heap.in_sources(globals)) {
    if (c.role_of(function) != snapshot::Role::kFunction || Member(c, function, "__globals__") != globals) continue;
    if (const u32 code = CodeOf(heap, function); code != kNone) return std::string(c.strings.at(c.codes[code].file));
  }
  return {};
}

std::string MainFile(const graph::Heap& heap) {
  const auto& c = heap.columns();
  std::string file = MainFileOfParent(heap);
  if (!file.empty()) return file;
  u32 deepest = 0;
  for (const auto& frame : c.frames) {
    if (frame.code >= c.codes.size() || c.strings.at(c.codes[frame.code].name) != "<module>") continue;
    if (!file.empty() && frame.depth <= deepest) continue;
    deepest = frame.depth;
    file = c.strings.at(c.codes[frame.code].file);
  }
  return file;
}

// Qualified names of the bases of the types that an edge of a cycle names, nearest first: what a type that no source defines is
// made of.
Json BasesOf(const snapshot::Columns& c, const Json& question) {
  constexpr size_t kMostBases = 8;
  Json bases = Json::object();
  for (const char* end : {"from", "to"}) {
    const std::string name = question.value(end, "");
    if (name.find('.') == std::string::npos || bases.contains(name)) continue;
    const auto type = std::find_if(c.types.begin(), c.types.end(), [&](const auto& t) { return c.strings.at(t.name) == name; });
    if (type == c.types.end()) continue;
    for (u32 base = type->base; base < c.types.size() && bases[name].size() < kMostBases; base = c.types[base].base)
      bases[name].push_back(c.strings.at(c.types[base].name));
  }
  return bases;
}

// Unix time at which the program started, 0 if the look does not say.
double StartedAt(const snapshot::Meta& meta) {
  if (meta.wall_ns == 0 || meta.process_start_ns == 0 || meta.boot_ns < meta.process_start_ns) return 0;
  return (static_cast<double>(meta.wall_ns) - static_cast<double>(meta.boot_ns - meta.process_start_ns)) * 1e-9;
}

Json RunningFrames(const snapshot::Columns& c) {
  Json out = Json::array();
  for (const auto& frame : c.frames)
    if (frame.code < c.codes.size() && out.size() < 64)
      out.push_back({{"file", c.strings.at(c.codes[frame.code].file)}, {"line", frame.line},
                     {"function", c.strings.at(c.codes[frame.code].qualname)}});
  return out;
}

bool AnythingGrows(const std::vector<Candidate>& candidates) {
  return std::any_of(candidates.begin(), candidates.end(), [](const Candidate& c) { return c.family != Family::kPeak && c.family != Family::kFree; });
}

// Strong enough that more looks would say the same.
bool Clear(const std::vector<Candidate>& candidates) {
  return std::any_of(candidates.begin(), candidates.end(), [](const Candidate& c) {
    if (c.family == Family::kCycle) return c.objects_per_s >= 20.0;
    if (c.finding["evidence"].value("costs_nothing", false)) return false;
    if (c.finding["kind"] == "immortal-string" && !c.growth.even) return false;
    if (c.growth.fading || (c.family == Family::kContainer && c.holder.guessed)) return false;
    return c.family != Family::kPeak && c.family != Family::kFree && c.growth.every_interval && c.growth.steady && c.survival >= kFullSurvival && c.growth.total >= 24;
  });
}

}  // namespace

Result<Session> Session::Create(const std::string& options) {
  Session session;
  if (options.empty()) return session;
  const Json json = Json::parse(options, nullptr, false);
  if (!json.is_object()) return Status(Code::kUsage, "the session's options are no JSON object");
  auto number = [&](const char* name, double otherwise) {
    auto it = json.find(name);
    return it != json.end() && it->is_number() ? it->get<double>() : otherwise;
  };
  auto flag = [&](const char* name) {
    auto it = json.find(name);
    return it != json.end() && it->is_boolean() && it->get<bool>();
  };
  session.options_.looks = static_cast<u32>(std::clamp(number("looks", 4), 2.0, 1000.0));
  session.options_.duration_s = std::clamp(number("duration_s", 0), 0.0, 1e7);
  session.options_.run = flag("run");
  session.options_.all = flag("all");
  return session;
}

double Session::SinceFirst(const snapshot::Meta& meta) const {
  return looks_.empty() ? 0 : static_cast<double>(meta.boot_ns - std::min(meta.boot_ns, first_.boot_ns)) * 1e-9;
}

Status Session::Fits(const snapshot::Meta& meta) const {
  if (looks_.empty()) return Status::Ok();
  if (!SameProcess(first_, meta))
    return Status(Code::kUsage, "the looks are of different processes: pid " + std::to_string(first_.pid) + " and " + std::to_string(meta.pid),
                  "give snapshots of one process, in order of time");
  if (SinceFirst(meta) <= looks_.back().facts.at_s)
    return Status(Code::kUsage, "the looks are not in order of time", "name the oldest snapshot first");
  return Status::Ok();
}

void Session::MakeRoom() {
  candidates_.reset();
  last_.reset();
}

Status Session::Add(graph::Heap heap) {
  const snapshot::Meta& meta = heap.columns().meta;
  UNLEAK_RETURN_IF_ERROR(Fits(meta));
  const double at_s = SinceFirst(meta);
  if (looks_.empty()) first_ = meta;
  looks_.push_back(Summarise(heap, at_s, true));
  if (looks_.size() > 1) TellAble(looks_[looks_.size() - 2].facts, looks_.back().facts);
  last_.emplace(std::move(heap));
  writes_.Settle(*last_);
  candidates_.reset();
  if (options_.run) Thin();
  return Status::Ok();
}

Status Session::HasLook() const {
  if (last_) return Status::Ok();
  if (looks_.empty()) return Status(Code::kUsage, "no look yet");
  return Status(Code::kUsage, "the last look could not be added", "look again, or leave that snapshot out");
}

// Keeps at most kMostLooks of a run, evenly spread over its time: the look nearest to its neighbours goes. Looks with big holders stay.
void Session::Thin() {
  while (looks_.size() > kMostLooks) {
    size_t drop = 1;
    double closest = 1e300;
    for (size_t i = 1; i + 1 < looks_.size(); ++i) {
      const double gap = looks_[i + 1].facts.at_s - looks_[i - 1].facts.at_s + (looks_[i].peaks.empty() && looks_[i].queues.empty() ? 0 : 1e6);
      if (gap < closest) closest = gap, drop = i;
    }
    looks_.erase(looks_.begin() + static_cast<std::ptrdiff_t>(drop));
  }
}

const std::vector<Candidate>& Session::Candidates() {
  if (!candidates_) {
    const Evidence evidence{looks_, *last_, options_, writes_};
    candidates_.emplace();
    for (const RegisteredDetector& detector : Detectors()) {
      auto found = detector.find(evidence);
      std::move(found.begin(), found.end(), std::back_inserter(*candidates_));
    }
  }
  return *candidates_;
}

std::string Session::Next() {
  Json plan = Plan();
  if (last_ && !options_.run && !plan["done"].get<bool>())
    if (Json references = WatchNext(looks_, *last_); !references.is_null()) plan["references"] = std::move(references);
  return plan.dump();
}

Status Session::Observe(const std::string& reply) {
  const Json json = Json::parse(reply, nullptr, false);
  if (!json.is_object()) return Status(Code::kUsage, "what was seen of references is no JSON object");
  writes_.Observe(json);
  candidates_.reset();
  return Status::Ok();
}

Json Session::Plan() {
  auto say = [](bool done, double wait, const std::string& why) { return Json{{"done", done}, {"wait_s", wait}, {"why", why}}; };
  if (!last_) return say(false, 0, HasLook().message());
  const double elapsed = looks_.back().facts.at_s;
  if (options_.run) return say(false, std::max(kRunFirst, kRunShare * elapsed), "until the program ends");
  if (options_.duration_s > 0) {
    if (looks_.size() >= options_.looks && elapsed >= options_.duration_s - 0.05) return say(true, 0, "the time is over");
    if (elapsed >= options_.duration_s) return say(true, 0, "the time is over");
    const double left = options_.duration_s - elapsed;
    const double remaining = options_.looks > looks_.size() ? static_cast<double>(options_.looks - looks_.size()) : 1.0;
    return say(false, left / remaining, "look " + std::to_string(looks_.size() + 1) + " of " + std::to_string(options_.looks));
  }
  if (looks_.size() >= options_.looks && elapsed >= kShortest - kJitter) {
    const auto& candidates = Candidates();
    if (Clear(candidates)) return say(true, 0, "the answer is clear");
    if (!AnythingGrows(candidates) && !MayGrowUnheld(looks_) && elapsed >= kCleanNeeds - kJitter) return say(true, 0, "nothing grows");
    if (elapsed >= kLongest) return say(true, 0, "the time is over");
    return say(false, std::min(std::max(elapsed * 0.5, kShortest / 3), kLongest - elapsed + 0.1), "the answer is still open");
  }
  return say(false, kShortest / std::max(1.0, static_cast<double>(options_.looks) - 1.0), "look " + std::to_string(looks_.size() + 1));
}

Result<std::string> Session::Questions() {
  UNLEAK_RETURN_IF_ERROR(HasLook());
  const auto& c = last_->columns();
  const Json frames = RunningFrames(c);
  Json questions = Json::array();
  for (const Candidate& candidate : Candidates())
    for (Json question : candidate.questions) {
      if (question["ask"] == "stored" || question["ask"] == "interned" || question["ask"] == "made")
        question["frames"] = frames;
      if (question["ask"] == "edge") question["bases"] = BasesOf(c, question);
      questions.push_back(std::move(question));
    }
  Json page = {{"python", snapshot::PythonVersion(c.meta.python_hex)}, {"root", "/proc/" + std::to_string(c.meta.pid) + "/root"}, {"main_file", MainFile(*last_)},
                     {"files", Files(c)}, {"bytecode", CodeBodies(c)}, {"frames", frames}, {"questions", questions}};
  if (const double started = StartedAt(c.meta); started > 0) page["started"] = started;
  return page.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> Session::Conclude(const std::string& answers) {
  UNLEAK_RETURN_IF_ERROR(HasLook());
  Json json = Json::object();
  if (!answers.empty()) {
    json = Json::parse(answers, nullptr, false);
    if (!json.is_object()) return Status(Code::kUsage, "the answers are no JSON object");
  }
  const Evidence evidence{looks_, *last_, options_, writes_};
  const Json document = diagnose::Conclude(evidence, Candidates(), json);
  return document.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace unleak::diagnose
