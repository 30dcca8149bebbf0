// Unbounded cache
//
// What: Results are kept so that they need not be made again, and nothing ever takes one out. Keyed by something that
// goes on changing (a user, a path with an id in it, the object itself) it grows for as long as the program runs.
//
// Evidence: The entries only grow and those of the first look are still there, and the container is a cache by its
// structure: the table of a `functools.lru_cache` or `functools.cache` wrapper, or a dict that only a decorator's
// closure holds beside the function that it wraps, or a dict kept on the function itself. Where the wrapper says its
// size (`cache_parameters`), that is the bound, and a cache that has not reached it is a filling cache instead. Keys
// that are tuples starting with an instance are named: a cache on a method keeps every `self` alive.
//
// Remedy: Give the cache a `maxsize`; or key it by something that ends with the object; for a method, cache per
// instance
// (`functools.cached_property`) or on a function of the values that matter.
//
// Example:
//     class Report:
//         @functools.cache            # the cache belongs to the class: it keeps every Report
//         def rows(self, day): ...
//
// Limits: A dict that a module or instance fills by hand is told as a growing container: its structure does not say
// that it is a cache. The number of hits is not known, so a cache that earns its memory looks the same.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {
namespace {

using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

bool IsMap(Role role) { return role == Role::kDict || role == Role::kOrderedDict || role == Role::kDefaultdict; }

// The item of a tuple, kNone if it is not there. Traverse goes through items backwards, so the label counts.
u32 Item(const Columns& c, u32 tuple, u32 index) {
  for (u32 e = c.edge_row[tuple]; e < c.edge_row[tuple + 1]; ++e)
    if (Label::Kind(c.edge_label[e]) == LabelKind::kIndex && Label::Value(c.edge_label[e]) == index) return c.edge_target[e];
  return kNone;
}

// The int in the first cell of the closure of the wrapper's `cache_parameters` (functools.py, lru_cache: a lambda over
// maxsize and typed, whose cells are in alphabetical order); -1 where there is none.
i64 SizeOfWrapper(const Columns& c, u32 wrapper) {
  u32 at = Member(c, wrapper, "__dict__");
  for (const char* step : {"cache_parameters", "__closure__"})
    if (at != kNone) at = Member(c, at, step);
  if (at == kNone) return -1;
  const u32 cell = Item(c, at, 0);
  const std::vector<u32> content = cell == kNone ? std::vector<u32>() : Members(c, cell);
  return content.empty() ? -1 : KnownInt(c, content.front());
}

// Bounded wrappers keep their values in links.
bool HasLinks(const Place& place) {
  return Share(place.values, [&](u32 n) { return place.role(n) == Role::kLruLink; }) > 0;
}

// The type of instance that most keys start with: what a cache on a method keeps.
std::string KeptByKeys(const Place& place) {
  const Columns& c = place.columns();
  std::string type;
  const double share = Share(place.keys, [&](u32 key) {
    u32 first = key;
    if (place.role(key) == Role::kTuple) {
      first = Item(c, key, 0);
      if (first == kNone) return false;
    }
    if (place.role(first) != Role::kInstance) return false;
    if (type.empty()) type = c.type_name(first);
    return type == c.type_name(first);
  });
  return share >= kMost ? type : std::string();
}

// A cell of a closure that has another cell with a function in it: what a decorator makes.
bool InDecorator(const Place& place) {
  if (place.owners.size() < 3 || place.role(place.owners[0]) != Role::kCell ||
      place.role(place.owners[1]) != Role::kTuple || place.role(place.owners[2]) != Role::kFunction)
    return false;
  const Columns& c = place.columns();
  for (u32 cell : Members(c, place.owners[1]))
    for (u32 content : Members(c, cell))
      if (place.role(content) == Role::kFunction || place.role(content) == Role::kMethod ||
          place.role(content) == Role::kBuiltinFunction)
        return true;
  return false;
}

bool OnFunction(const Place& place) {
  if (place.owners.empty()) return false;
  const u32 owner = DictOwner(place.heap, place.owners[0]);
  return owner != kNone && place.role(owner) == Role::kFunction;
}

}  // namespace

std::optional<Class> ClassifyCache(const Place& place) {
  Class cache{"unbounded-cache", {}};
  cache.keeps = KeptByKeys(place);
  if (place.OwnedBy(Role::kLruCache, 1)) {
    cache.pattern = cache.keeps.empty() ? "call cache" : "call cache on a method";
    cache.bounded = HasLinks(place);
    if (cache.bounded) cache.bound = SizeOfWrapper(place.columns(), place.owners[0]);
    cache.bound_from = "cache_parameters";
    return cache;
  }
  if (!IsMap(place.role(place.node))) return std::nullopt;
  if (InDecorator(place)) return cache.pattern = "results kept by a decorator", cache;
  if (OnFunction(place)) return cache.pattern = "results kept on the function", cache;
  return std::nullopt;
}

}  // namespace unleak::diagnose
