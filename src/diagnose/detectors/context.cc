// Context and thread-local storage
//
// What: What is stored in a `ContextVar` stays as long as any context that has the value: each task and each timer
// copies the context in which it was made. What is stored in a `threading.local` stays as long as its thread, which in
// a pool is as long as the program.
//
// Evidence: The growing container is a value of a context, a thread-local object or a thread's own dict, or lies in
// such a value; or what grows is the number of context variables, contexts or tokens themselves (a `ContextVar` made
// for each object is never freed from a context that has it).
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
// Limits: Values that a context keeps one of (not growing in number) are not told. What a context or thread only leads
// to, through the running event loop, a task or a callback, is told as what keeps it there.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {

namespace {

using snapshot::Role;

constexpr size_t kMostObjects = 2;  // of a class, between the value and the container: the value may be one that has it

bool IsContainer(Role role) {
  switch (role) {
    case Role::kDict:
    case Role::kList:
    case Role::kTuple:
    case Role::kSet:
    case Role::kDeque:
    case Role::kOrderedDict:
    case Role::kDefaultdict:
    case Role::kCounter:
    case Role::kSimpleNamespace:
    case Role::kWeakref:
    case Role::kQueue:
    case Role::kContextToken:
      return true;
    default:
      return false;
  }
}

// The storage that the container is a value of; null if it is none: what runs or is called lies between, or too much.
const char* Storage(const Place& place) {
  size_t objects = 0;
  for (size_t i = 0; i < place.owners.size(); ++i) {
    const Role role = place.role(place.owners[i]);
    if (role == Role::kContext || role == Role::kContextNode || role == Role::kContextVar) return "kept by a context";
    if (role == Role::kThreadLocal) return "kept by thread-local storage";
    if (IsContainer(role)) continue;
    const bool object = role == Role::kInstance || role == Role::kOther;
    if (!object || ++objects > kMostObjects) return nullptr;
  }
  const u32 root = place.heap.root_of(place.node);
  const u32 outermost = place.owners.empty() ? place.node : place.owners.back();
  const bool of_thread = root != kNone && place.heap.roots()[root].kind == snapshot::RootKind::kThread;
  // Only native code stores into a thread's dict: what lies in an object there (the running event loop) is not the
  // thread's.
  return of_thread && objects == 0 && place.role(outermost) == Role::kDict ? "kept by a thread" : nullptr;
}

}  // namespace

std::optional<Class> ClassifyContext(const Place& place) {
  const auto of_context = [&](u32 n) {
    const Role role = place.role(n);
    return role == Role::kContext || role == Role::kContextVar || role == Role::kContextToken ||
           role == Role::kContextNode;
  };
  if (Share(place.values, of_context) >= kMost || Share(place.keys, of_context) >= kMost)
    return Class{"context", "context variables, contexts or tokens"};
  if (const char* storage = Storage(place); storage != nullptr) return Class{"context", storage};
  return std::nullopt;
}

}  // namespace unleak::diagnose
