// Context and thread-local storage
//
// What: What is stored in a `ContextVar` stays as long as any context that has the value: each task and each timer
// copies the context in which it was made. What is stored in a `threading.local` stays as long as its thread, which in
// a pool is as long as the program.
//
// Evidence: The path to the growing container leads through a context or a thread-local object, or a thread's own dict;
// or what grows is the number of context variables, contexts or tokens themselves (a `ContextVar` made for each object
// is never freed from a context that has it).
//
// Remedy: Reset the variable with its token when the unit of work ends; run the work in a context of its own
// (`contextvars.copy_context().run`); make context variables at module level only; clear thread-locals at the end of
// each job.
//
// Example:
//     def handle(request):
//         current = contextvars.ContextVar("current")      # one more for each call
//         current.set(request)
//
// Limits: Values that a context keeps one of (not growing in number) are not told.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {

using snapshot::Role;

std::optional<Class> ClassifyContext(const Place& place) {
  const auto of_context = [&](u32 n) {
    const Role role = place.role(n);
    return role == Role::kContext || role == Role::kContextVar || role == Role::kContextToken ||
           role == Role::kContextNode;
  };
  if (Share(place.values, of_context) >= kMost || Share(place.keys, of_context) >= kMost)
    return Class{"context", "context variables, contexts or tokens"};
  if (place.OwnedBy(Role::kContext) || place.OwnedBy(Role::kContextNode)) return Class{"context", "kept by a context"};
  if (place.OwnedBy(Role::kThreadLocal)) return Class{"context", "kept by thread-local storage"};
  const u32 root = place.heap.root_of(place.node);
  if (root != kNone && place.heap.roots()[root].kind == snapshot::RootKind::kThread)
    return Class{"context", "kept by a thread"};
  return std::nullopt;
}

}  // namespace unleak::diagnose
