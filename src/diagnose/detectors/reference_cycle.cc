// Reference cycle
//
// What: Objects that lead back to themselves are not freed when the last name for them goes: they wait for the cyclic collector, with all
// that they hold. A parent and its child, a bound method kept on its own object, a function that names itself, an exception in a
// variable of a frame of its own traceback, a class made in a function.
//
// Evidence: The collector frees (or would free) at least 10 objects a second, and cycles of one shape wait in the looks. The edges of
// one such cycle are shown, with the line that makes each, what a cycle drags along, and which cycle is the outermost. With the collector
// on this is garbage that waits; with it off (disabled, threshold 0) it is a leak.
//
// Remedy: Break the cycle where the work ends: clear the attribute, `del` the exception in a `finally`, pass what is needed instead of
// the parent. A weak reference only where somebody else keeps the object.
//
// Example:
//     a.next = b; b.next = a; del a, b         # two objects that only the collector frees
//
// Limits: Garbage below 10 objects a second is not told. A cycle that never dies because something holds it is told as what holds it.
#include <algorithm>

#include "diagnose/cycle_order.h"
#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr double kLeastPerSecond = 10.0;  // objects (DESIGN, "garbage")
constexpr u64 kLeastInstances = 3;        // of one shape, summed over the looks
constexpr size_t kMostShapes = 6;

// No Python function runs in the main thread, or nowhere where it is not known which one that is.
bool MainThreadIsDone(const snapshot::Columns& c) {
  const auto main = std::find_if(c.threads.begin(), c.threads.end(), [&](const snapshot::Thread& thread) {
    return thread.native_id != 0 && thread.native_id == c.meta.pid;
  });
  if (main == c.threads.end()) return c.frames.empty();
  const u32 index = static_cast<u32>(main - c.threads.begin());
  return std::none_of(c.frames.begin(), c.frames.end(), [&](const snapshot::Frame& f) { return f.thread == index; });
}

// Looks that say what the program makes. Where the main thread is done at a run's last look, the interpreter was on its
// way out and took modules apart, whatever daemon threads still did: what waited then is not the program's.
size_t TellingLooks(const Evidence& evidence) {
  return evidence.looks.size() - (evidence.options.run && MainThreadIsDone(evidence.last.columns()) ? 1 : 0);
}

// Objects that became cyclic garbage, a second: what the collector freed plus the change of what waits.
double GarbageRate(const std::vector<LookSummary>& looks, size_t count) {
  const LookFacts &first = looks.front().facts, &last = looks[count - 1].facts;
  const double made = static_cast<double>(last.collected) - static_cast<double>(first.collected) +
                      static_cast<double>(last.garbage_objects) - static_cast<double>(first.garbage_objects);
  return made / std::max(last.at_s - first.at_s, 1e-3);
}

Candidate Make(const Evidence& evidence, const CycleShape& shape, double share, double rate, const std::string& key) {
  Candidate out;
  out.family = Family::kCycle;
  out.key = key;
  out.objects_per_s = rate * share;
  const double objects = std::max(1.0, static_cast<double>(std::max(shape.drags_objects, shape.objects)));
  out.bytes_per_s = out.objects_per_s * static_cast<double>(std::max(shape.drags_bytes, shape.bytes)) / objects;
  const Json& what = shape.description["what"];
  out.main_type = what.empty() ? "" : what[0]["type"].get<std::string>();
  Json series = Json::array();
  for (const auto& look : evidence.looks) series.push_back(look.facts.garbage_objects);
  out.finding = {
      {"kind", "reference-cycle"},
      {"what", what},
      {"cycle", {{"edges", shape.description["edges"]}, {"cut", shape.description["cut"]}, {"opaque", nullptr}, {"instances", shape.instances},
                 {"drags_bytes", shape.drags_bytes / std::max<u64>(shape.instances, 1)}}},
      {"growth", {{"objects", series}, {"bytes", Json::array()}, {"references", Json::array()},
                  {"per_s", {{"objects", out.objects_per_s}, {"bytes", out.bytes_per_s}, {"references", 0.0}}}}},
      {"evidence", {{"garbage_objects_per_s", rate}, {"share_of_garbage", share}, {"outermost", shape.outermost}, {"threshold", evidence.looks.back().facts.threshold0},
                    {"members", shape.description["members"]}, {"left_after_cut", shape.description["left"]}}}};
  size_t index = 0;
  for (const auto& edge : shape.description["edges"])
    out.questions.push_back({{"id", key + ".edge" + std::to_string(index++)}, {"ask", "edge"}, {"from", edge["from"]}, {"edge", edge["edge"]},
                             {"to", edge["to"]}, {"functions", shape.description["members"]}});
  return out;
}

}  // namespace

std::vector<Candidate> FindReferenceCycles(const Evidence& evidence) {
  std::vector<Candidate> out;
  const size_t looks = TellingLooks(evidence);
  if (looks < 2) return out;
  const double rate = GarbageRate(evidence.looks, looks);
  std::map<std::string, CycleShape> shapes;  // summed; described by the latest look that saw one
  u64 objects = 0;
  for (size_t i = 0; i < looks; ++i)
    for (const auto& [name, seen] : evidence.looks[i].cycles) {
      if (seen.uncollectable) continue;  // uncollectable_cycle.cc
      CycleShape& sum = shapes[name];
      sum.instances += seen.instances;
      sum.objects += seen.objects;
      sum.bytes += seen.bytes;
      sum.drags_bytes += seen.drags_bytes;
      sum.drags_objects += seen.drags_objects;
      sum.outermost |= seen.outermost;
      sum.description = seen.description;
      objects += std::max(seen.drags_objects, seen.objects);
    }
  const bool collector_on = evidence.looks.back().facts.collector_on;
  size_t number = 0;
  for (const auto& [name, shape] : shapes) {
    const double share = static_cast<double>(std::max(shape.drags_objects, shape.objects)) / static_cast<double>(std::max<u64>(objects, 1));
    if (shape.instances < kLeastInstances) continue;
    if (rate < kLeastPerSecond) continue;
    Candidate c = Make(evidence, shape, share, rate, "g" + std::to_string(number++));
    c.collector_off = !collector_on;
    out.push_back(std::move(c));
  }
  OuterFirst(&out, kMostShapes);
  return out;
}

}  // namespace unleak::diagnose
