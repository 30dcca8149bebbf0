// Filling cache
//
// What: No leak. A container grows, but something ends it: a size that the code compares it with, a `maxsize`, a
// `maxlen`. It takes more memory until it is full, and from then on as much as goes out comes in.
//
// Evidence: The container's length is below a bound, or has just reached it: the size of a `functools.lru_cache` or of a
// deque, a literal that the code which adds entries compares the length with, or an int that an attribute of the owner,
// a default or a closure holds and that the code compares with and then removes entries or adds none. The bound, where
// it was read and the time until it is reached are shown.
//
// Remedy: None, if the memory of a full cache is there to be used; else a lower bound.
//
// Example:
//     if len(self.pages) >= self.maxsize:      # 4,000: full in 12 minutes
//         self.pages.popitem(last=False)
//
// Limits: A bound that was passed is none: then the container is judged as any other. Where only the bytecode is there,
// the value of the bound may be unknown; the finding is then possible, and the verdict inconclusive.
#include <algorithm>

#include "diagnose/answers.h"
#include "diagnose/detectors/no_leaks.h"

namespace unleak::diagnose {
namespace {

// The value of the owner's int attribute "self.maxsize", or of a module global; -1 if it is not in the snapshot.
i64 ReadBound(const graph::Heap& heap, const Holder& holder, const std::string& attribute) {
  const auto& c = heap.columns();
  if (holder.owner == kNone) return -1;
  const std::string name = ShortName(attribute);
  u32 value = Member(c, holder.owner, name);
  for (const char* space : {"__dict__", "tp_dict"})
    if (value == kNone)
      if (const u32 dict = Member(c, holder.owner, space); dict != kNone) value = Member(c, dict, name);
  return KnownInt(c, value);
}

struct Bound {
  i64 value = -1;
  std::string read_from;
};

// What the structure says, else what the source compares the length with.
Bound FindBound(const Evidence& evidence, const Json& answers, const Candidate& c) {
  if (c.structural_bound >= 0) return {c.structural_bound, c.bound_from};
  const Json* answer = Answer(answers, c.key + ".bound");
  if (answer == nullptr) return {};
  if (answer->contains("literal") && (*answer)["literal"].is_number())
    return {(*answer)["literal"].get<i64>(), "literal"};
  if (!answer->contains("attribute") || !(*answer)["attribute"].is_string()) return {};
  const std::string attribute = (*answer)["attribute"].get<std::string>();
  return {ReadBound(evidence.last, c.holder, attribute), attribute};
}

}  // namespace

bool IsFillingCache(const Evidence& evidence, const Json& answers, Candidate& c) {
  const Bound bound = FindBound(evidence, answers, c);
  const u64 most = bound.value > 0 ? static_cast<u64>(bound.value) : 0;
  const bool ahead = most > 0 && c.length <= most + 1;  // just full; one more while code that adds first makes room
  if (!ahead && (bound.value >= 0 || !c.bounded_by_structure)) return false;
  c.finding["kind"] = "filling-cache";
  if (ahead) {
    const double room = static_cast<double>(most - std::min(most, c.length));
    c.finding["bound"] = {{"value", bound.value},
                          {"read_from", bound.read_from},
                          {"full_in_s", c.growth.per_s > 0 ? room / c.growth.per_s : 0.0}};
  }
  return true;
}

bool BoundUnknown(const Json& answers, const Candidate& c) {
  const Json* answer = Answer(answers, c.key + ".bound");
  return answer && answer->contains("value_known") && (*answer)["value_known"] == false;
}

}  // namespace unleak::diagnose
