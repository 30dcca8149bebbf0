#include "diagnose/conclude.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "diagnose/answers.h"
#include "diagnose/containers.h"
#include "diagnose/detectors/detectors.h"
#include "diagnose/detectors/no_leaks.h"
#include "diagnose/memory.h"
#include "diagnose/remedy.h"
#include "diagnose/root_cause.h"
#include "diagnose/signature.h"
#include "diagnose/unheld.h"

namespace unleak::diagnose {
namespace {

constexpr double kCovered = 0.90;      // the list stops where this much of the growth is covered
constexpr size_t kMostFindings = 10;
constexpr size_t kMostPlaces = 5;
constexpr size_t kCleanLooks = 4;      // of a process that goes on: with fewer, growth could not be told from chance
constexpr u64 kLeastModules = 4;       // new ones between two looks: code is being loaded
constexpr double kShortRun = 10;  // seconds of `run` in which native growth says nothing
constexpr u64 kLeastWork = 400'000;    // ns of CPU in an interval
constexpr double kBacklogNeeds = 59.0;  // seconds until a backlog is believed to stay
constexpr u64 kLeastMissed = 32u << 20;   // bytes above every look that make a missed high matter
constexpr u64 kLeastFilled = 256u << 10, kMuchFilled = 4u << 20;  // bytes that become resident: in each interval, in all
constexpr double kFilledShare = 0.10;                            // of what was resident beside objects
constexpr u64 kNativeFloor = 8u << 20;  // bytes that rise in every interval, are not judged, and are too many to call it clean

// Places of an answer as the document lists them, best first.
Json Places(const Json* answer) {
  Json out = Json::array();
  if (!answer || !answer->contains("places") || !(*answer)["places"].is_array()) return out;
  for (const Json& p : (*answer)["places"]) {
    if (out.size() == kMostPlaces || !p.is_object() || !p.contains("file") || !p.contains("line")) continue;
    out.push_back({{"file", p["file"]}, {"line", p["line"]}, {"function", p.value("function", "")}, {"from", p.value("from", "source")},
                   {"text", p.value("text", "")}, {"operation", p.value("operation", "")}});
  }
  return out;
}

// Lines of the interpreter's own library come after lines of the program and its packages: they can be changed.
double Score(const Json& place) {
  const std::string file = place.value("file", "");
  const bool library = file.find("/lib/python3.") != std::string::npos && file.find("-packages/") == std::string::npos;
  return place.value("score", 0.0) - (library ? 0.3 : 0.0);
}

// Places of several answers, each once, best score first.
Json Merge(const Json& answers, const std::vector<Json>& questions) {
  std::vector<Json> all;
  for (const Json& q : questions) {
    const Json* answer = Answer(answers, q["id"].get<std::string>());
    if (!answer || !answer->contains("places")) continue;
    for (const Json& p : (*answer)["places"])
      if (p.is_object() && std::none_of(all.begin(), all.end(), [&](const Json& a) { return a["file"] == p.value("file", "") && a["line"] == p.value("line", 0); }))
        all.push_back(p);
  }
  std::stable_sort(all.begin(), all.end(), [](const Json& a, const Json& b) { return Score(a) > Score(b); });
  return Places(&static_cast<const Json&>(Json{{"places", all}}));
}

struct Judged {
  Candidate candidate;
  std::string certainty = "probable";
  std::string verdict = "leak";  // what this finding alone would make the document say
  bool backlog = false;          // only time tells
  bool unread = false;           // one big object of a run, or a value without a name, and no line is known that read it: in one go, or not
  bool whole_run = false;        // a running function kept all that it made, and much: its work, or a leak
};

// A remover that reads a clock, with a length that fits the uptime: entries may just be young.
bool MayExpire(const Evidence& evidence, const Json& answers, const Candidate& c) {
  const Json* answer = Answer(answers, c.key + ".removed");
  if (!answer || !answer->contains("places")) return false;
  for (const Json& p : (*answer)["places"])
    if (p.is_object() && p.value("reads_clock", false))
      return static_cast<double>(c.length) / std::max(c.growth.per_s, 1e-6) <= 1.5 * evidence.looks.back().facts.uptime_s;
  return false;
}

u64 ModulesAt(const LookSummary& look) {
  const auto it = look.types.find("module");
  u64 sum = 0;
  if (it != look.types.end())
    for (u64 n : it->second.objects) sum += n;
  return sum;
}

// A run that ended while its modules were still being loaded: classes, functions and tables came with them, once.
bool StillLoading(const Evidence& evidence) {
  const size_t looks = evidence.looks.size();
  return evidence.options.run && looks >= 2 &&
         ModulesAt(evidence.looks[looks - 1]) >= ModulesAt(evidence.looks[looks - 2]) + kLeastModules;
}

Judged JudgeContainer(const Evidence& evidence, const Json& answers, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  c.finding["sites"]["stored"] = Places(Answer(answers, c.key + ".stored"));
  const bool stored_known = !c.finding["sites"]["stored"].empty() || c.holder.kind == "interpreter";
  const size_t looks = evidence.looks.size();
  if (c.family == Family::kContainer && !c.in_bytes && !c.finding["sites"]["stored"].empty())
    c.finding["evidence"]["taken_out"] = Answer(answers, c.key + ".removed") != nullptr;
  if (IsFillingCache(evidence, answers, c)) {
    j.verdict = "not_a_leak";
    return j;
  }
  if (evidence.options.run && c.holder.via_frame && !c.backlog) {
    j.certainty = "possible";  // what a running function collects is its work
    const double bytes = c.bytes_per_s * evidence.window_s();
    j.whole_run = looks >= 3 && c.growth.every_interval && c.survival >= kFullSurvival && bytes >= static_cast<double>(kNativeFloor);
    return j;
  }
  if (c.survival >= kFullSurvival && IsWarmUp(evidence, c)) {
    j.verdict = "not_a_leak";
    return j;
  }
  if (c.growth.fading || (c.family == Family::kContainer && c.holder.guessed) || StillLoading(evidence)) {
    j.certainty = "possible";
    j.backlog = true;
    return j;
  }
  if (c.backlog) {
    const bool long_enough = evidence.window_s() >= kBacklogNeeds && c.growth.every_interval && c.growth.steady;
    j.certainty = long_enough ? "probable" : "possible";
    j.backlog = !long_enough;
    return j;
  }
  if (MayExpire(evidence, answers, c) || BoundUnknown(answers, c)) {
    j.certainty = "possible";
    j.backlog = true;
    return j;
  }
  // Weak references to garbage go when the collector comes for it.
  const LookFacts& facts = evidence.looks.back().facts;
  if (c.holds_only_weak && facts.collector_on && facts.garbage_objects >= c.growth.total) {
    j.certainty = "possible";
  } else if (looks < 3 || (!c.growth.every_interval && (looks < 4 || c.survival < kFullSurvival))) {
    j.certainty = "possible";
    j.backlog = true;
  } else if (looks >= 4 && c.growth.every_interval && c.growth.steady && stored_known) {
    j.certainty = "confirmed";
  }
  return j;
}

// Where the objects are made does not say who lost or tied them: it is no place of a store. What was seen of their making goes before
// what the source says.
void TakeMade(const Json& answers, Candidate& c) {
  Json& allocated = c.finding["sites"]["allocated"];
  if (allocated.empty()) allocated = Places(Answer(answers, c.key + ".made"));
  std::erase_if(c.questions, [](const Json& question) { return question["ask"] == "made"; });
}

Judged JudgeCycle(const Evidence& evidence, const Json& answers, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  TakeMade(answers, c);
  Json places = Merge(answers, c.questions);
  Json& edges = c.finding["cycle"]["edges"];
  for (size_t i = 0; i < edges.size(); ++i) {
    const Json at = Places(Answer(answers, c.key + ".edge" + std::to_string(i)));
    if (!at.empty()) edges[i]["at"] = {{"file", at[0]["file"]}, {"line", at[0]["line"]}};
  }
  for (const Json& member : c.finding["evidence"]["members"])  // no line is known: the functions that are part of it
    if (places.empty() || (member["role"] == "frame" && places.size() < kMostPlaces))
      places.push_back({{"file", member["file"]}, {"line", member["line"]}, {"function", member["function"]}, {"from", "snapshot"},
                        {"text", ""}, {"operation", ""}});
  c.finding["sites"]["stored"] = places;
  const bool leak = c.finding["kind"] == "uncollectable-cycle" || c.collector_off;
  j.verdict = leak ? "leak" : "garbage";
  j.certainty = evidence.looks.size() >= 4 && !places.empty() ? "confirmed" : "probable";
  return j;
}

// The answer that says where the bytes were read in one go: of the variable, or of the line of a caller that waits for it.
const Json* BulkAnswer(const Json& answers, const Candidate& c) {
  for (const Json& question : c.questions) {
    const Json* answer = Answer(answers, question["id"].get<std::string>());
    if (!answer || !answer->value("streamable", false)) continue;
    const Json places = Places(answer);
    if (question["name"] != "" || answer->contains("variable") || (!places.empty() && places[0]["line"] == question["line"])) return answer;
  }
  return nullptr;
}

// A queue that was filled all at once. That it goes later is no condition, but while a service runs a queue that is there at every look
// may be its working set.
Judged JudgeQueue(const Evidence& evidence, const Json& answers, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  c.finding["sites"]["stored"] = Places(Answer(answers, c.key + ".stored"));
  j.verdict = "peak";
  const bool sure = !c.bounded_by_structure && (evidence.options.run || c.transient);
  j.certainty = !sure ? "possible" : c.finding["sites"]["stored"].empty() ? "probable" : "confirmed";
  return j;
}

// A value without a name that a comprehension is making is called by the variable that it will be. Before 3.12 a comprehension is a
// function of its own: the variable is one of the function that the line is in.
void NameWhatIsBuilt(const Json* answer, Holder& holder) {
  const std::string variable = answer ? answer->value("variable", "") : "";
  if (!holder.name.empty() || variable.empty()) return;
  holder.name = variable;
  if (const Json places = answer->value("places", Json::array()); !places.empty() && places[0].is_object())
    holder.function = places[0].value("qualname", holder.function);
  holder.root = "frame " + holder.function;
  holder.text = holder.function + " local " + variable;
  holder.path.back()["edge"] = " local " + variable;
}

Judged JudgePeak(const Evidence& evidence, const Json& answers, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  const bool unnamed = c.holder.name.empty();
  NameWhatIsBuilt(Answer(answers, c.key + ".bulk"), c.holder);
  const Json* answer = BulkAnswer(answers, c);
  const bool streamable = answer != nullptr;
  c.finding["sites"]["stored"] = Places(answer ? answer : Answer(answers, c.key + ".bulk"));
  j.verdict = "peak";
  if (!streamable || (!evidence.options.run && !c.transient)) {
    j.certainty = "possible";
    j.unread = evidence.options.run && c.finding["sites"]["stored"].empty() && (unnamed || c.finding["evidence"].value("objects", 0) == 1);
    return j;
  }
  c.finding["peak"]["source"] = answer->value("source", "file");
  c.finding["evidence"]["chunked"] = answer->value("chunked", "");
  j.certainty = "confirmed";
  return j;
}

// Nobody can give back what is lost, so only the line or the native code that lost it is open.
Judged JudgeUnexplained(const Evidence& evidence, const Json& answers, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  TakeMade(answers, c);
  Json places = Merge(answers, c.questions);
  const bool known = !places.empty() || (c.finding.contains("sites") && !c.finding["sites"].value("suspect", Json::array()).empty());
  if (!places.empty()) c.finding["sites"]["stored"] = std::move(places);
  if (evidence.looks.size() >= 4 && c.growth.steady && known) j.certainty = "confirmed";
  if (c.finding["evidence"].value("costs_nothing", false) || c.finding["evidence"].contains("owner")) j.certainty = "possible";
  if (IsWarmUp(evidence, c)) {
    j.verdict = "not_a_leak";
  } else if (c.growth.fading || (c.finding["kind"] == "immortal-string" && !c.growth.even)) {
    j.certainty = "possible";  // names that code brings when it is first run come in bursts
    j.backlog = true;
  }
  return j;
}

// Native bytes that rise in every interval leak, unless they level off or may belong to objects of a type that rises as they do.
Judged JudgeNative(const Evidence& evidence, Candidate candidate) {
  Judged j{std::move(candidate)};
  Candidate& c = j.candidate;
  const size_t looks = evidence.looks.size();
  if (IsWarmUp(evidence, c)) {
    j.verdict = "not_a_leak";
  } else if (evidence.options.run && evidence.window_s() < kShortRun) {
    j.certainty = "possible";  // what native code takes while a program gets going or works off its input
  } else if (looks < (c.finding["what"].empty() ? 4u : 3u) || !c.growth.steady || !c.finding["evidence"]["owner"].is_null()) {
    j.certainty = "possible";
    j.backlog = true;
  } else if (looks >= 4 && (!c.finding["sites"]["suspect"].empty() || !c.finding["sites"]["allocated"].empty())) {
    j.certainty = "confirmed";
  }
  return j;
}

Judged JudgeFree(Candidate candidate) {
  Judged j{std::move(candidate)};
  j.certainty = "confirmed";
  j.verdict = j.candidate.growth.grows ? "not_a_leak" : "clean";
  return j;
}

Judged JudgeOne(const Evidence& evidence, const Json& answers, Candidate candidate) {
  switch (candidate.family) {
    case Family::kCycle: return JudgeCycle(evidence, answers, std::move(candidate));
    case Family::kPeak:
      if (candidate.queue) return JudgeQueue(evidence, answers, std::move(candidate));
      return JudgePeak(evidence, answers, std::move(candidate));
    case Family::kUnexplained: return JudgeUnexplained(evidence, answers, std::move(candidate));
    case Family::kNative: return JudgeNative(evidence, std::move(candidate));
    case Family::kFree: return JudgeFree(std::move(candidate));
    case Family::kContainer:
    case Family::kPopulation: break;
  }
  return JudgeContainer(evidence, answers, std::move(candidate));
}

int VerdictRank(const std::string& verdict) {
  return verdict == "leak" ? 3 : verdict == "peak" ? 2 : verdict == "garbage" ? 1 : 0;
}

double Factor(const Judged& j) {
  double factor = 1.0;
  if (j.candidate.holder.via_frame && j.candidate.family == Family::kContainer) factor *= 0.4;
  if (!j.candidate.growth.every_interval && j.candidate.family == Family::kContainer) factor *= 0.5;
  if (j.candidate.family == Family::kCycle && j.verdict == "garbage") factor *= 0.2;
  if (j.candidate.family == Family::kCycle && !j.candidate.finding["evidence"]["outermost"].get<bool>()) factor *= 0.1;
  return factor;
}

bool Before(const Judged& a, const Judged& b) {
  if ((a.certainty == "possible") != (b.certainty == "possible")) return b.certainty == "possible";
  if (VerdictRank(a.verdict) != VerdictRank(b.verdict)) return VerdictRank(a.verdict) > VerdictRank(b.verdict);
  const auto on_its_way = [](const Judged& j) { return j.candidate.family == Family::kPeak && j.candidate.holder.name.empty(); };
  if (on_its_way(a) != on_its_way(b) && a.candidate.family == b.candidate.family) return on_its_way(b);  // a variable says more
  return a.candidate.bytes_per_s * Factor(a) > b.candidate.bytes_per_s * Factor(b);
}

// Which of two that grow in step has a few bytes more differs from version to version of Python.
void OrderNeighbours(std::vector<Judged>& judged) {
  for (size_t i = 1; i < judged.size(); ++i) {
    const Judged &a = judged[i - 1], &b = judged[i];
    if (a.certainty == b.certainty && a.verdict == b.verdict && SaysMoreInStep(b.candidate, a.candidate)) std::swap(judged[i - 1], judged[i]);
  }
}

// What one line made is one peak, whether a look saw it on its way or in its variable. In order of Before().
void DropSamePeaks(std::vector<Judged>& judged) {
  std::set<std::string> told;  // file and line
  std::erase_if(judged, [&](const Judged& j) {
    const Json& sites = j.candidate.finding.value("sites", Json::object());
    if (j.candidate.family != Family::kPeak || !sites.contains("stored") || sites["stored"].empty()) return false;
    const Json& place = sites["stored"][0];
    return !told.insert(place["file"].dump() + place["line"].dump()).second;
  });
}

std::string NativeTitle(const Candidate& c) {
  const Json& suspect = c.finding["sites"]["suspect"];
  std::string by;
  if (!suspect.empty()) {
    by = " from " + suspect[0]["library"].get<std::string>();
    if (suspect[0]["function"].is_string()) by = " from " + suspect[0]["function"].get<std::string>() + " in " + suspect[0]["library"].get<std::string>();
  }
  return "native memory grows by " + FormatBytes(c.bytes_per_s) + " a second, in blocks that no Python object owns" + by;
}

std::string Title(const Judged& j) {
  const Candidate& c = j.candidate;
  if (!c.title.empty()) return c.title;
  const std::string type = ShortName(c.main_type), rate = FormatBytes(c.bytes_per_s);
  const auto count = [](double n) { return n >= 10 ? FormatCount(static_cast<u64>(std::llround(n))) : FormatCount(static_cast<u64>(std::ceil(n))); };
  switch (c.family) {
    case Family::kContainer:
      if (c.in_bytes) return c.holder.text + " (" + type + ") grows by " + rate + " a second";
      return c.holder.text + " grows by " + count(c.objects_per_s) + " entries (" + (type.empty() ? "" : type + ", ") + rate + ") a second";
    case Family::kPopulation: return count(c.objects_per_s) + " " + type + " objects (" + rate + ") a second stay, held by " + c.holder.text;
    case Family::kCycle:
      return "cycles of " + type + " make " + count(c.objects_per_s) + " objects (" + rate + ") of garbage a second" +
             (j.verdict == "garbage" ? " that waits for the collector" : " that is never freed");
    case Family::kPeak: return c.holder.text + " holds " + FormatBytes(static_cast<double>(c.length)) + " of " + type + " at once";
    case Family::kUnexplained: return count(c.objects_per_s) + " " + type + " objects a second are held by no reference that can be found";
    case Family::kNative: return NativeTitle(c);
    case Family::kFree: return FormatBytes(static_cast<double>(c.length)) + " is freed but stays resident";
  }
  return {};
}

Json ToFinding(const Evidence& evidence, const Json& answers, Judged& j) {
  Candidate& c = j.candidate;
  Json f = c.finding;
  f["certainty"] = j.certainty;
  f["pids"] = Json::array({evidence.last.columns().meta.pid});
  f["title"] = Title(j);
  f["holder"] = c.family == Family::kCycle || !c.holder.known
                    ? Json(nullptr)
                    : Json{{"root", c.holder.root}, {"path", c.holder.path}, {"text", c.holder.text}};
  for (const char* sites : {"allocated", "stored", "suspect"})
    if (!f["sites"].contains(sites)) f["sites"][sites] = Json::array();
  for (const char* part : {"bound", "cycle", "peak"})
    if (!f.contains(part)) f[part] = nullptr;
  f["id"] = Signature(f, c.holder);
  f["remedy"] = ProposeRemedy(evidence, c, f, answers);
  f["score"] = {{"bytes_per_s", c.bytes_per_s}, {"factors", {{"prior", Factor(j)}}}};
  return f;
}

// True if the target used CPU of its own in every interval. What a look costs it does not count, nor what of that (its threads going
// back to sleep) is accounted after the look: up to kLeastWork.
// Of a run that came to its end all was seen there is, pauses included.
bool WasActive(const Evidence& evidence, const Json& answers) {
  if (evidence.options.run && answers.contains("target") && answers["target"].is_object() && answers["target"].value("exit", Json()).is_number())
    return evidence.looks.size() >= 2;
  for (size_t i = 1; i < evidence.looks.size(); ++i)
    if (evidence.looks[i].facts.cpu_before_ns < evidence.looks[i - 1].facts.cpu_ns + kLeastWork) return false;
  return evidence.looks.size() >= 2;
}

// What rose in every interval of memory that cannot be judged: with a ledger what no decoded allocator has, else all that is resident.
u64 UnknownGrowth(const Evidence& evidence) {
  const auto& looks = evidence.looks;
  const bool measured = std::all_of(looks.begin(), looks.end(), [](const LookSummary& l) { return l.memory.measured; });
  const auto value = [&](const LookSummary& l) { return measured ? l.memory.other_resident : l.facts.rss; };
  for (size_t i = 1; i < looks.size(); ++i)
    if (value(looks[i]) <= value(looks[i - 1])) return 0;
  if (looks.size() < 3) return 0;
  const LookFacts &first = looks.front().facts, &last = looks.back().facts;
  const u64 all = value(looks.back()) - value(looks.front());
  const u64 objects = !measured && last.bytes > first.bytes ? last.bytes - first.bytes : 0;  // objects are judged as such
  return all > objects ? all - objects : 0;
}

// Resident bytes beyond those of live objects, where they rise in every interval, to the last one, by much of what there was: somebody
// fills memory that was allocated before the first look. 0 otherwise.
u64 Filled(const Evidence& evidence) {
  const auto& looks = evidence.looks;
  if (looks.size() < 4) return 0;
  const auto beyond = [&](size_t i) {
    const LookFacts& f = looks[i].facts;
    return f.rss - std::min(f.rss, f.live_bytes);
  };
  for (size_t i = 1; i < looks.size(); ++i)
    if (beyond(i) < beyond(i - 1) + kLeastFilled) return 0;
  const u64 all = beyond(looks.size() - 1) - beyond(0), last = beyond(looks.size() - 1) - beyond(looks.size() - 2);
  const double mean = static_cast<double>(all) / std::max(evidence.window_s(), 1e-3);
  const double now = static_cast<double>(last) / std::max(looks.back().facts.at_s - looks[looks.size() - 2].facts.at_s, 1e-3);
  return all >= kMuchFilled && static_cast<double>(all) >= kFilledShare * static_cast<double>(beyond(0)) && now >= 0.5 * mean ? all : 0;
}

struct Outcome {
  std::string verdict, summary;
};

// A high of memory of a whole run that no look was near to: what held it is not known.
bool MissedAHigh(const Evidence& evidence, const Json& answers) {
  auto target = answers.find("target");
  if (target == answers.end() || !target->is_object() || !target->contains("missed_highs")) return false;
  u64 seen = 0;
  for (const auto& look : evidence.looks) seen = std::max(seen, look.facts.rss);
  for (const Json& high : (*target)["missed_highs"])
    if (high.is_object() && high.value("rss", u64{0}) >= seen + kLeastMissed) return true;
  return false;
}

// What has no name at one look (a sort takes the items out of its list) and lies in a variable of the same function at another.
bool SeenInAVariable(const std::vector<Judged>& judged, const Candidate& unnamed) {
  return unnamed.holder.name.empty() && std::any_of(judged.begin(), judged.end(), [&](const Judged& j) {
    const Candidate& c = j.candidate;
    if (c.family != Family::kPeak || c.holder.name.empty() || c.holder.function != unnamed.holder.function || c.length < unnamed.length) return false;
    const Json& what = c.finding["what"];
    return std::any_of(what.begin(), what.end(), [&](const Json& type) { return type["type"] == unnamed.main_type; });
  });
}

// Growth of live objects that the findings do not explain.
Unheld FindUnheld(const Evidence& evidence, const std::vector<Judged>& judged) {
  double bytes = 0, objects = 0;
  for (const Judged& j : judged) {
    const Candidate& c = j.candidate;
    if (c.family != Family::kContainer && c.family != Family::kPopulation && c.family != Family::kUnexplained) continue;
    bytes += c.bytes_per_s * evidence.window_s();
    double named = 0;
    for (const Json& what : c.finding["what"]) named += what["objects"].get<double>();
    objects += std::max(named, c.objects_per_s * evidence.window_s());
  }
  for (const GrownContainer& flow : FindBacklogs(evidence)) {  // more is under way: the load rises
    const double share = static_cast<double>(flow.growth.total) /
                         static_cast<double>(std::max<u64>(evidence.last.columns().length_of(flow.node), 1));
    u64 entries = 0;
    for (u32 n = 0; n < evidence.last.node_count(); ++n) entries += evidence.last.dominates(flow.node, n);
    bytes += share * static_cast<double>(evidence.last.retained(flow.node));
    objects += share * static_cast<double>(entries);
  }
  return UnheldGrowth(evidence.looks, bytes, objects);
}

Outcome TellUnheld(const Unheld& unheld, double window_s) {
  const std::string much = unheld.bytes ? FormatBytes(static_cast<double>(unheld.bytes)) : FormatCount(unheld.objects) + " objects";
  return {"inconclusive", "live Python objects grew by " + much + " in " + FormatCount(static_cast<u64>(std::llround(window_s))) +
                              " s, look after look, but no single holder of it was found: look longer (--duration)"};
}

Outcome Decide(const Evidence& evidence, const std::vector<Judged>& judged, const Json& answers, const Unheld& unheld) {
  const Judged* first = nullptr;
  const Judged* reason = nullptr;
  const Judged* collected = nullptr;
  const Judged* unread = nullptr;
  bool backlog = false;
  for (const Judged& j : judged) {
    if (VerdictRank(j.verdict) > 0 && j.certainty != "possible" && !first) first = &j;
    if (j.verdict == "not_a_leak" && !reason) reason = &j;
    if (j.whole_run && !collected) collected = &j;
    if (j.unread && !unread && !SeenInAVariable(judged, j.candidate)) unread = &j;
    backlog |= j.backlog;
  }
  if (first) return {first->verdict, Title(*first)};
  if (evidence.looks.size() < 2)
    return {"inconclusive", "one look cannot tell what grows: take more, or give --duration"};
  if (backlog) return {"inconclusive", "something grows that may be a backlog, may expire or may level off: decide with a longer look (--duration)"};
  if (collected)
    return {"inconclusive", Title(*collected) + " over the whole run and gave nothing back: a leak, unless all of it is needed at once"};
  if (unheld.any() && (!reason || reason->candidate.family == Family::kFree)) return TellUnheld(unheld, evidence.window_s());
  if (unread) return {"inconclusive", Title(*unread) + ": a peak, unless what it comes from has to be read in one go"};
  if (MissedAHigh(evidence, answers))
    return {"inconclusive", "memory had a high that no look was near to: run it again, slower or with more looks"};
  if (reason) return {"not_a_leak", Title(*reason) + (reason->candidate.family == Family::kFree ? ""
                                                                   : reason->candidate.finding["kind"] == "warm-up" ? ", and levels off" : ", up to its bound")};
  if (const u64 broken = evidence.last.columns().meta.broken_links; broken > 0)
    return {"inconclusive", FormatCount(broken) + " links of the collector's lists are broken: objects behind them are missing from the look"};
  if (!WasActive(evidence, answers))
    return {"inconclusive", "the process did nothing in part of the time: look again while it works"};
  if (!evidence.options.run && evidence.looks.size() < kCleanLooks)
    return {"inconclusive", "nothing was seen to grow, but " + std::to_string(evidence.looks.size()) +
                                " looks are too few to call it clean: look longer (--duration)"};
  if (const u64 unknown = UnknownGrowth(evidence); unknown >= kNativeFloor)
    return {"inconclusive", "no Python object and no block of malloc grew, but " + FormatBytes(static_cast<double>(unknown)) +
                                " more are resident in memory whose allocator is not known (unleak memory shows it)"};
  if (const u64 filled = Filled(evidence); filled != 0)
    return {"inconclusive", "no Python object grew, but " + FormatBytes(static_cast<double>(filled)) +
                                " more became resident, some at every look: native code fills memory that it has: look longer (--duration)"};
  return {"clean", "nothing grew: no container, type or cycle above the floor"};
}

Json Memory(const Evidence& evidence) {
  if (const Json memory = MemoryDocument(evidence.last.columns()); !memory.is_null()) return memory;
  const LookFacts& f = evidence.looks.back().facts;
  return {{"rss", f.rss}, {"ledger", Json::array({{{"what", "live Python objects"}, {"bytes", f.bytes}}})},
          {"unexplained", f.rss > f.bytes ? f.rss - f.bytes : 0}};
}

Json Target(const Evidence& evidence, const Json& answers) {
  const auto& c = evidence.last.columns();
  Json target = {{"pid", c.meta.pid}, {"python", snapshot::PythonVersion(c.meta.python_hex)}, {"free_threaded", c.meta.free_threaded != 0},
                 {"executable", c.strings.at(c.meta.executable)}, {"argv", nullptr}, {"exit", nullptr}};
  if (c.meta.argv) target["argv"] = c.strings.at(c.meta.argv);
  if (auto given = answers.find("target"); given != answers.end() && given->is_object() && given->contains("exit")) target["exit"] = (*given)["exit"];
  return target;
}

// Why a question of a candidate that is not listed has no answer is of no interest: "t1.stored: no line ...".
bool IsOfInterest(const std::string& note, const std::vector<std::string>& unlisted) {
  return std::none_of(unlisted.begin(), unlisted.end(), [&](const std::string& key) { return note.starts_with(key + "."); });
}

Json Notes(const Evidence& evidence, const Json& answers, const std::vector<std::string>& unlisted) {
  Json notes = Json::array();
  const auto& c = evidence.last.columns();
  for (u32 note : c.meta.notes) notes.push_back(c.strings.at(note));
  if (auto given = answers.find("notes"); given != answers.end() && given->is_array())
    for (const Json& n : *given)
      if (n.is_string() && IsOfInterest(n.get<std::string>(), unlisted)) notes.push_back(n);
  return notes;
}

}  // namespace

Json Conclude(const Evidence& evidence, std::vector<Candidate> candidates, const Json& answers) {
  std::vector<std::string> unlisted;  // keys of candidates
  for (const Candidate& c : candidates) unlisted.push_back(c.key);
  DropExplained(evidence.last, candidates);
  DropOwnedNative(candidates);
  DropKeptReferences(candidates);
  std::vector<Judged> judged;
  double growth = 0;
  for (Candidate& c : candidates) {
    growth += c.bytes_per_s;
    judged.push_back(JudgeOne(evidence, answers, std::move(c)));
  }
  std::stable_sort(judged.begin(), judged.end(), Before);
  OrderNeighbours(judged);
  DropSamePeaks(judged);
  const Unheld unheld = FindUnheld(evidence, judged);
  const Outcome outcome = Decide(evidence, judged, answers, unheld);
  Json findings = Json::array();
  std::set<std::string> ids;
  double covered = 0, uncovered_objects = 0, uncovered_bytes = 0;
  for (Judged& j : judged) {
    const bool listed = evidence.options.all || (findings.size() < kMostFindings && (findings.size() < 2 || covered < kCovered * growth));
    covered += j.candidate.bytes_per_s;
    if (listed) {
      std::erase(unlisted, j.candidate.key);
      Json finding = ToFinding(evidence, answers, j);
      // One line that fills several containers of one kind is one finding: the first has the most bytes.
      if (ids.insert(finding["id"].get<std::string>()).second) findings.push_back(std::move(finding));
    } else {
      uncovered_objects += j.candidate.objects_per_s * evidence.window_s();
      uncovered_bytes += j.candidate.bytes_per_s * evidence.window_s();
    }
  }
  Json snapshots = Json::array();
  for (const auto& look : evidence.looks) snapshots.push_back(look.facts.snapshot);
  const double window = std::max(evidence.window_s(), 1e-3);
  const Json target = Target(evidence, answers);
  return {{"schema", 1}, {"tool", "unleak " UNLEAK_VERSION}, {"signatures", kSignatureVersion}, {"target", target},
          {"processes", Json::array({{{"pid", target["pid"]}, {"ppid", evidence.last.columns().meta.ppid}, {"role", ""},
                                      {"python", target["python"]}, {"started_s", 0.0}, {"exit", target["exit"]}, {"active", WasActive(evidence, answers)}}})},
          {"snapshots", snapshots}, {"verdict", outcome.verdict}, {"summary", outcome.summary}, {"findings", findings},
          {"uncovered", {{"objects", static_cast<u64>(uncovered_objects) + unheld.objects}, {"bytes", static_cast<u64>(uncovered_bytes) + unheld.bytes}}},
          {"floor", {{"objects_per_s", static_cast<double>(kLeastCount) / window}, {"bytes_per_s", static_cast<double>(kLeastBytes) / window}}},
          {"memory", Memory(evidence)}, {"notes", Notes(evidence, answers, unlisted)}};
}

}  // namespace unleak::diagnose
