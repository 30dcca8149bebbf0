// Misused weak references
//
// What: A weak reference does not keep its object, but it is an object itself, and what is built on it can defeat it:
// weak references whose objects are gone pile up in a list; the value of a `WeakKeyDictionary` holds its own key, so
// that the entry never goes; the callback of a `weakref.finalize` holds the object that it waits for.
//
// Evidence: A container grows and most of its entries are weak references; or it is the table of a weak map whose
// values stay while nothing else grows in step with it; or its entries are records of finalizers.
//
// Remedy: Take the dead reference out in its callback, or use a `WeakSet` or `WeakValueDictionary`, which do that.
// Store in the value only what does not lead back to the key, or keep it as an attribute of the key. Give `finalize` a
// function and the handles that it needs, not a method of the object.
//
// Example:
//     DATA = weakref.WeakKeyDictionary()
//     DATA[node] = {"owner": node}         # the value keeps the key: the entry stays for good
//
// Limits: A look does not hold what a weak reference leads to, so that a value keeps its own key is inferred: a weak
// map that grows in step with another container is taken for its follower, and that container is told instead.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {
namespace {

using snapshot::Columns;
using snapshot::Role;

bool IsWeak(Role role) { return role == Role::kWeakref || role == Role::kWeakProxy; }

// A record of a weak reference beside the callable that runs when it dies (weakref.py, finalize._Info: slots weakref,
// func, args).
bool IsFinalizer(const Columns& c, u32 node) {
  const u32 reference = Member(c, node, "weakref"), function = Member(c, node, "func");
  return reference != kNone && function != kNone && IsWeak(c.role_of(reference));
}

Class WeakOnes(const char* kind, const char* pattern) {
  Class found{kind, pattern};
  found.weak = true;
  return found;
}

}  // namespace

std::optional<Class> ClassifyWeak(const Place& place) {
  const auto weak = [&](u32 n) { return IsWeak(place.role(n)); };
  const bool weak_keys = Share(place.keys, weak) >= kMost, weak_values = Share(place.values, weak) >= kMost;
  if (Share(place.values, [&](u32 n) { return IsFinalizer(place.columns(), n); }) >= kMost)
    return Class{"weakref-misuse", kFinalizers};
  if (weak_keys && !weak_values && !place.values.empty()) {
    Class found{"weakref-misuse", "values that keep their own weak key alive"};
    found.weak_keys = true;
    return found;
  }
  if (weak_values || (weak_keys && place.values.empty()))
    return WeakOnes("weakref-misuse", "weak references that pile up");
  return std::nullopt;
}

}  // namespace unleak::diagnose
