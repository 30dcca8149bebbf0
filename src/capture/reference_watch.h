// Who changes reference counts while the program runs: for some tenths of a second the processor tells of each write to
// a few counts, with the registers and the top of the stack of the thread that wrote.
//
// Of objects whose count grows: which code adds more than it takes away. Of objects that are lost one by one: the
// blocks that the allocator hands out next are watched, until an object was made in one of them, was passed on, and was
// left behind; the next look tells which of them were lost. Nothing in the process is changed and no thread is stopped
// (call_events.h); a write that is told costs its thread some microseconds, and their number is bounded.
//
// Needs kernel.perf_event_paranoid <= 2 or CAP_PERFMON, and free debug registers. Blocks are known only of the
// small-object allocator: not under PYTHONMALLOC=malloc and in free-threaded builds, where counts have two parts.
#pragma once

#include <string>
#include <vector>

#include "capture/call_stack.h"
#include "capture/code_table.h"

struct unleak_layout;

namespace unleak::capture {

// One place that wrote to a count.
struct CountWrite {
  std::vector<NativeCaller> native;  // nearest first; see call_stack.h
  std::vector<PythonPlace> python;
  u32 up = 0, down = 0, unclear = 0;  // times
  u32 sure = 0;                       // of all times: the line was read where the interpreter keeps it
};

struct WatchedCount {
  u64 object = 0;
  std::vector<CountWrite> places;  // those that add most first
};

// The writes to the count of the last object in a block, in order; each once up, down or unclear.
struct WatchedLife {
  u64 object = 0;
  std::vector<CountWrite> writes;
};

struct ReferenceWatchInput {
  u32 pid = 0;
  const unleak_layout& layout;
  u32 python_hex = 0;
  bool free_threaded = false;
  const CodeTable& codes;              // of the last look
  std::vector<u64> objects;            // whose counts are watched: the first 4
  std::vector<std::vector<u64>> like;  // each: lost objects of one type; blocks like theirs are watched
  u64 time_ns = 0;                     // in all
  std::string proc_root = "/proc";
};

struct ReferenceWatchResult {
  std::vector<WatchedCount> counts;
  std::vector<WatchedLife> lives;
  std::string problem;  // why nothing can be seen; "" otherwise
};

// Takes input.time_ns at most, and some milliseconds.
ReferenceWatchResult WatchReferences(const ReferenceWatchInput& input);

}  // namespace unleak::capture
