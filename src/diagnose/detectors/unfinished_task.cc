// Unfinished work
//
// What: Work is started and never ends, or is taken on faster than it is done: tasks that wait for what nobody will
// set, threads that nobody stops, timers that are not cancelled, a queue that only fills. All that it works with stays
// with it.
//
// Evidence: The entries of a growing container, or a growing population, are tasks, futures, coroutines, threads or
// timers; or the container is the inside of a queue. A queue whose entries come and go is a backlog: it stays open
// until it has grown for a minute.
//
// Remedy: End the work: cancel the task or timer when its owner goes, join the thread, give waits a timeout, give the
// queue a `maxsize` so that producers wait.
//
// Example:
//     async def handle(request):
//         asyncio.create_task(poll(request))       # one more for each request, none ever ends
//
// Limits: Work that is done but kept (a list of finished tasks) is told the same way; the remedy is then to drop it.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {
namespace {

using snapshot::Role;

bool IsWork(Role role) {
  return role == Role::kTask || role == Role::kFuture || role == Role::kThread || role == Role::kTimer ||
         role == Role::kCoroutine;
}

}  // namespace

std::optional<Class> ClassifyUnfinished(const Place& place) {
  const auto work = [&](u32 n) { return IsWork(place.role(n)); };
  if (Share(place.values, work) >= kMost || Share(place.keys, work) >= kMost)
    return Class{"unfinished-task", "tasks, threads or timers that stay"};
  // A queue and the container inside it, with a namespace between them at most.
  if (place.role(place.node) == Role::kQueue || place.OwnedBy(Role::kQueue, 2))
    return Class{"unfinished-task", "a queue that only fills"};
  return std::nullopt;
}

}  // namespace unleak::diagnose
