// Listener or callback
//
// What: A callback is registered with something that lives longer (a bus, a signal, the interpreter's exit or fork
// hooks, a logger) each time an object is made, and never taken out. The registry keeps the callback, and through it
// the object.
//
// Evidence: A registry grows whose entries are callables: functions, bound methods, partials, or tuples that hold one;
// or it is a list that the interpreter itself calls (atexit, fork hooks, audit hooks), or the handlers or filters of a
// logger. A map of functions counts only where most of them were made by the same `def`: a table of different functions
// is no registry of listeners.
//
// Remedy: Unregister when the owner is done; or register once, for all owners; or hand over a `weakref.WeakMethod`
// where somebody else keeps the object. What `os.register_at_fork` took cannot be given back: register a function of
// the module once.
//
// Example:
//     class Session:
//         def __init__(self, bus):
//             bus.on_close.append(self.close)      # stays when the session is gone
//
// Limits: A registry whose entries are objects of the program (with a method that is called) is told as a growing
// container.
#include <map>

#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {
namespace {

using snapshot::Role;

bool IsCallable(Role role) {
  return role == Role::kFunction || role == Role::kMethod || role == Role::kBuiltinFunction || role == Role::kPartial;
}

bool IsMap(Role role) { return role == Role::kDict || role == Role::kOrderedDict || role == Role::kDefaultdict; }

// The same code again and again among the callables: made by one def.
bool OneDef(const Place& place) {
  std::map<u32, size_t> codes;
  size_t most = 0, all = 0;
  const size_t step = std::max<size_t>(1, place.values.size() / 256);
  for (size_t i = 0; i < place.values.size(); i += step) {
    const u32 code = CodeOf(place.heap, place.values[i]);
    if (code == kNone) continue;
    ++all;
    most = std::max(most, ++codes[code]);
  }
  return all > 0 && most >= 2 && static_cast<double>(most) >= kMost * static_cast<double>(all);
}

bool HeldByInterpreter(const Place& place) {
  const u32 root = place.heap.root_of(place.node);
  return root != kNone && !place.holder.guessed && place.heap.roots()[root].kind == snapshot::RootKind::kInterpreter &&
         place.holder.kind == "interpreter";
}

bool OfLogger(const Place& place) {
  if (place.owners.empty()) return false;
  const u32 owner = DictOwner(place.heap, place.owners[0]);
  return place.role(place.owners[0]) == Role::kLogger || (owner != kNone && place.role(owner) == Role::kLogger);
}

}  // namespace

std::optional<Class> ClassifyListener(const Place& place) {
  const auto& c = place.columns();
  const auto callable = [&](u32 n) {
    if (IsCallable(c.role_of(n))) return true;
    if (c.role_of(n) != Role::kTuple) return false;
    const std::vector<u32> items = Members(c, n);
    return std::any_of(items.begin(), items.end(), [&](u32 item) { return IsCallable(c.role_of(item)); });
  };
  if (HeldByInterpreter(place)) return Class{"listener", "hooks of the interpreter"};
  if (OfLogger(place)) return Class{"listener", "handlers or filters of a logger"};
  if (place.holder.guessed || Share(place.values, callable) < kMost) return std::nullopt;
  if (IsMap(c.role_of(place.node)) && !OneDef(place)) return std::nullopt;
  return Class{"listener", "registry of callbacks"};
}

}  // namespace unleak::diagnose
