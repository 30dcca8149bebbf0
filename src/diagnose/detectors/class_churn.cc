// Class churn
//
// What: Classes are made while the program runs: in a function that is called again and again, by a factory, by
// `type()`. A class is big (a kilobyte and more, with its dict, method order and descriptors), is a cycle with itself,
// and is remembered by its bases and by caches of the interpreter and the library.
//
// Evidence: The entries of a growing container, or a growing population, are classes; or weak references to classes
// pile up in a cache that belongs to a class (the caches of abstract base classes, lists of subclasses).
//
// Remedy: Make the class once, outside the function; or cache it by what it depends on, with a bound.
//
// Example:
//     def parse(row):
//         Row = collections.namedtuple("Row", row.keys())      # one class a row
//
// Limits: Classes that the collector frees in time are told as reference cycles.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {

using snapshot::Role;

std::optional<Class> ClassifyChurn(const Place& place) {
  const auto is_class = [&](u32 n) { return place.role(n) == Role::kType; };
  const auto is_weak = [&](u32 n) { return place.role(n) == Role::kWeakref; };
  if (Share(place.values, is_class) >= kMost || Share(place.keys, is_class) >= kMost)
    return Class{"class-churn", "classes that stay"};
  // The cache hangs on the class by an attribute or two: class, its dict, the cache's own object.
  if (!place.OwnedBy(Role::kType, 3) || Share(place.values, is_weak) < kMost) return std::nullopt;
  Class found{"class-churn", "weak references in the caches of a class"};
  found.weak = true;
  return found;
}

}  // namespace unleak::diagnose
