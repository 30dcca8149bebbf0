// Work queued all at once
//
// What: All work is put into a queue before the first piece of it is done: `Executor.map` over a long input, a producer
// that does not wait. Nothing leaks, but everything is in memory at the same time.
//
// Evidence: A queue keeps at least 32 MiB and 30 % of the process's high-water mark alive at some look, in at least 64
// entries, and has no `maxsize`; it does not grow for good (a queue that only fills is unfinished work).
//
// Remedy: Work in batches (`itertools.islice`, `buffersize=` of `Executor.map` from Python 3.14 on), or give the queue
// a `maxsize`.
//
// Example:
//     pool.map(work, (load(path) for path in paths))       # loads all before it gives the first result
//
// Limits: How big the whole would have to be is not known: work that must all be there at once looks the same.
#include <algorithm>
#include <map>

#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr double kLeastOfHighWater = 0.30;
constexpr u64 kLeastEntries = 64;
constexpr size_t kMostTypes = 12;

struct Seen {
  const QueuePeak* peak = nullptr;
  double at_s = 0;
  u64 before = 0;  // RSS of the look before
  size_t looks = 0;
};

// Each queue at the look where it held most.
std::map<std::string, Seen> AtTheirHighest(const std::vector<LookSummary>& looks) {
  std::map<std::string, Seen> seen;
  u64 before = 0;
  for (const auto& look : looks) {
    for (const QueuePeak& peak : look.queues) {
      Seen& entry = seen[peak.holder.text];
      ++entry.looks;
      if (entry.peak == nullptr || peak.bytes > entry.peak->bytes)
        entry.peak = &peak, entry.at_s = look.facts.at_s, entry.before = before;
    }
    before = look.facts.rss;
  }
  return seen;
}

Candidate Make(const Evidence& evidence, const Seen& seen, const std::string& key) {
  const QueuePeak& peak = *seen.peak;
  Candidate c;
  c.family = Family::kPeak;
  c.key = key;
  c.queue = true;
  c.holder = peak.holder;
  c.length = peak.bytes;
  c.main_type = peak.types.empty() ? "" : peak.types[0].type;
  c.bytes_per_s = static_cast<double>(peak.bytes) / std::max(evidence.window_s(), 1.0);
  c.transient = seen.looks < evidence.looks.size();
  c.bounded_by_structure = peak.bounded;
  c.finding = {
      {"kind", "unfinished-task"},
      {"what", ToJson(peak.types, kMostTypes)},
      {"growth",
       {{"objects", Json::array()},
        {"bytes", Json::array()},
        {"references", Json::array()},
        {"per_s", {{"objects", 0.0}, {"bytes", 0.0}, {"references", 0.0}}}}},
      {"peak", {{"bytes", peak.bytes}, {"at_s", seen.at_s}, {"before", seen.before}, {"source", nullptr}}},
      {"evidence", {{"pattern", "work queued all at once"}, {"entries", peak.entries}, {"bounded", peak.bounded}}}};
  const Holder& h = peak.holder;
  c.questions.push_back({{"id", key + ".stored"},
                         {"ask", "stored"},
                         {"holder",
                          {{"kind", h.kind},
                           {"module", h.module},
                           {"class", h.owner_class},
                           {"function", h.function},
                           {"name", h.name},
                           {"inner", h.inner},
                           {"container", peak.container}}},
                         {"element_types", peak.element_types},
                         {"key_types", Json::array()}});
  return c;
}

}  // namespace

std::vector<Candidate> FindQueuedWork(const Evidence& evidence) {
  u64 high_water = 0;
  for (const auto& look : evidence.looks) high_water = std::max({high_water, look.facts.peak_rss, look.facts.rss});
  std::vector<Candidate> out;
  for (const auto& [place, seen] : AtTheirHighest(evidence.looks)) {
    const bool much = static_cast<double>(seen.peak->bytes) >= kLeastOfHighWater * static_cast<double>(high_water);
    if (much && seen.peak->entries >= kLeastEntries)
      out.push_back(Make(evidence, seen, "q" + std::to_string(out.size())));
  }
  return out;
}

}  // namespace unleak::diagnose
