// Backlog
//
// What: More is put into a queue than is taken out of it. Nothing is kept for good, yet the queue grows, and with it
// the time that each entry waits; it ends when the load falls, or with the memory.
//
// Evidence: The container inside a queue grows from look to look, and entries of the first look have left. For the
// first minute that may be a burst: the finding is only possible and the verdict inconclusive. From then on it is
// probable, if the queue grew in every interval and does not slow down.
//
// Remedy: Give the queue a `maxsize`, so that producers wait; or more consumers; or drop what has waited too long.
//
// Example:
//     queue.put(job)                   # by ten threads, and one calls queue.get()
//
// Limits: Only queues are told (`queue`, `asyncio`, `multiprocessing`): a list or deque that entries run through is
// flow, and no finding.
#include "diagnose/container_candidate.h"
#include "diagnose/detectors/detectors.h"
#include "diagnose/place.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kMostCandidates = 8;

bool InQueue(const graph::Heap& heap, u32 node) {
  u32 at = node;
  for (int hops = 0; at != kNone && hops < 3; ++hops, at = heap.parent(at))
    if (heap.columns().role_of(at) == snapshot::Role::kQueue) return true;
  return false;
}

}  // namespace

std::vector<Candidate> FindQueueBacklogs(const Evidence& evidence) {
  std::vector<Candidate> out;
  for (const GrownContainer& grown : FindBacklogs(evidence)) {
    if (out.size() == kMostCandidates || !InQueue(evidence.last, grown.node)) continue;
    out.push_back(MakeContainerCandidate(evidence, grown, "b" + std::to_string(out.size())));
    out.back().backlog = true;
    out.back().finding["evidence"]["pattern"] = "a backlog";
  }
  return out;
}

}  // namespace unleak::diagnose
