// Is work that a container keeps still under way? What has ended only takes room: it is taken out, not cancelled.
#pragma once

#include <vector>

#include "graph/heap.h"

namespace unleak::diagnose {

class WorkState {
 public:
  explicit WorkState(const graph::Heap& heap);

  // True if `node` is a thread, task, future, timer or coroutine that is not known to have ended:
  //   a thread runs while one of its own frames has it as a local variable (threading.py, Thread._bootstrap: self);
  //   a coroutine, and the task of it, while it has a frame;
  //   a future until it has a result or exception, while somebody but its keeper knows it or waits for it.
  bool IsUnderWay(u32 node) const;

 private:
  bool ThreadRuns(u32 thread) const;
  bool FutureOpen(u32 future) const;
  bool TaskOpen(u32 task) const;
  bool CoroutineOpen(u32 coroutine) const;

  const graph::Heap& heap_;
  std::vector<u32> in_frames_;  // what local variables of running frames refer to, ascending
};

}  // namespace unleak::diagnose
