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
// Limits: Work that has ended but is kept (threads whose function returned, futures with their results) is told as a
// growing container. A future without result that nobody waits for, and that only its container knows, counts as ended.
#include "diagnose/detectors/classifiers.h"
#include "diagnose/finished.h"

namespace unleak::diagnose {
namespace {

using snapshot::Role;

bool IsWork(Role role) {
  return role == Role::kTask || role == Role::kFuture || role == Role::kThread || role == Role::kTimer ||
         role == Role::kCoroutine;
}

// Most entries are work, and most of that has not ended.
bool KeepsWork(const Place& place, const std::vector<u32>& entries) {
  if (Share(entries, [&](u32 n) { return IsWork(place.role(n)); }) < kMost) return false;
  const WorkState state(place.heap);
  std::vector<u32> work;
  for (u32 n : entries)
    if (IsWork(place.role(n))) work.push_back(n);
  return Share(work, [&](u32 n) { return state.IsUnderWay(n); }) >= kMost;
}

}  // namespace

std::optional<Class> ClassifyUnfinished(const Place& place) {
  if (KeepsWork(place, place.values) || KeepsWork(place, place.keys))
    return Class{"unfinished-task", "tasks, threads or timers that stay"};
  // A queue and the container inside it, with a namespace between them at most.
  if (place.role(place.node) == Role::kQueue || place.OwnedBy(Role::kQueue, 2))
    return Class{"unfinished-task", "a queue that only fills"};
  return std::nullopt;
}

}  // namespace unleak::diagnose
