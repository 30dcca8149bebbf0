// Bulk read
//
// What: A whole file, response, table or result is in memory at once although it is worked on piece by piece. The
// memory goes back later, but the peak decides how much the program needs.
//
// Evidence: A local variable or an argument (or the variables of one function together, where they share objects) keeps
// at least 32 MiB and 30 % of the process's high-water mark alive at some look, and the line that made it reads in one
// go from a source that can be read in parts.
//
// Remedy: Read and work in batches; the form that fits how the data is used is shown.
//
// Example:
//     content = open(path).read()
//     for line in content.splitlines(): ...        # for line in open(path): ...
//
// Limits: That the source could have been read in parts is for the program's text to say: without it the finding is
// only possible.
#include <algorithm>
#include <map>
#include <tuple>

#include "diagnose/detectors/detectors.h"
#include "diagnose/peaks.h"

namespace unleak::diagnose {
namespace {

constexpr double kLeastOfHighWater = 0.30;
constexpr size_t kMostTypes = 12;
constexpr size_t kMostVariables = 4;  // of one frame

struct Seen {
  PeakHolder holder;
  double at_s = 0;
  u64 before = 0;  // RSS of the look before
  size_t looks = 0;
};

// Whether each variable is read in one go, and the line of each caller that waits for it.
void Ask(const PeakHolder& h, Candidate& c) {
  const auto ask = [&](const std::string& id, const Json& file, const Json& line, const Json& function,
                       const std::string& name) {
    c.questions.push_back({{"id", c.key + id},
                           {"ask", "bulk"},
                           {"file", file},
                           {"line", line},
                           {"function", function},
                           {"name", name},
                           {"type", h.type}});
  };
  ask(".bulk", h.file, h.line, h.function, h.variable);
  c.questions.back()["slot"] = h.variable.empty();
  for (size_t i = 1; i < h.together.size() && i < kMostVariables; ++i)
    ask(".bulk" + std::to_string(i), h.file, h.line, h.function, h.together[i]);
  for (size_t i = 0; i < h.callers.size(); ++i)
    ask(".caller" + std::to_string(i), h.callers[i]["file"], h.callers[i]["line"], h.callers[i]["function"], "");
}

std::string Names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

// Several variables of a frame that hold the same objects: the stages of a pipeline.
void TellTogether(const PeakHolder& h, Candidate& c) {
  if (h.together.empty()) return;
  c.holder.text = h.function + " locals " + Names(h.together);
  c.title =
      c.holder.text + " hold " + FormatBytes(static_cast<double>(h.bytes)) + " of " + ShortName(h.type) + " at once";
  c.finding["evidence"]["variables"] = h.together;
}

}  // namespace

std::vector<Candidate> FindBulkReads(const Evidence& evidence) {
  u64 high_water = 0;
  for (const auto& look : evidence.looks) high_water = std::max({high_water, look.facts.peak_rss, look.facts.rss});
  std::map<std::tuple<std::string, std::string, std::string>, Seen> seen;
  u64 before = 0;
  for (const auto& look : evidence.looks) {
    for (const PeakHolder& holder : look.peaks) {
      Seen& entry = seen[{holder.file, holder.function, holder.together.empty() ? holder.variable : "*"}];
      ++entry.looks;
      if (holder.bytes <= entry.holder.bytes) continue;
      entry.holder = holder;
      entry.at_s = look.facts.at_s;
      entry.before = before;
    }
    before = look.facts.rss;
  }
  std::vector<Candidate> out;
  for (const auto& [place, entry] : seen) {
    const PeakHolder& h = entry.holder;
    if (static_cast<double>(h.bytes) < kLeastOfHighWater * static_cast<double>(high_water)) continue;
    Candidate c;
    c.family = Family::kPeak;
    c.key = "p" + std::to_string(out.size());
    c.main_type = h.type;
    c.length = h.bytes;
    c.bytes_per_s = static_cast<double>(h.bytes) / std::max(evidence.window_s(), 1.0);
    c.transient = entry.looks < evidence.looks.size();
    c.holder.known = c.holder.via_frame = true;
    c.holder.root = h.root;
    c.holder.text = h.function + " local " + h.variable;
    c.holder.kind = "local-variable";
    c.holder.function = h.function;
    c.holder.name = h.variable;
    c.holder.path.push_back({{"edge", " local " + h.variable}, {"type", h.type}});
    c.finding = {{"kind", "bulk-read"},
                 {"what", ToJson(h.types, kMostTypes)},
                 {"growth",
                  {{"objects", Json::array()},
                   {"bytes", Json::array()},
                   {"references", Json::array()},
                   {"per_s", {{"objects", 0.0}, {"bytes", 0.0}, {"references", 0.0}}}}},
                 {"peak", {{"bytes", h.bytes}, {"at_s", entry.at_s}, {"before", entry.before}, {"source", nullptr}}},
                 {"evidence",
                  {{"high_water_bytes", high_water},
                   {"objects", h.objects},
                   {"running_line", h.line},
                   {"looks_seen", entry.looks}}}};
    Ask(h, c);
    TellTogether(h, c);
    out.push_back(std::move(c));
  }
  std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.length > b.length; });
  return out;
}

}  // namespace unleak::diagnose
