// One walk in the twin: stops the target at a good point, makes it clone() itself, lets it go on, runs the
// walker blob in the clone and hands its stream (walker/stream.h) to a sink.
//
// The target stands still for the clone call only. It is never left stopped, and if this process is killed at any
// moment it goes on by itself (window.h). The clone runs no code of the program but tp_traverse and tp_is_gc, under
// PTRACE_SYSEMU; it is killed and reaped before WalkTwin returns, and by the kernel if this process dies.
//
// Thread safety: ptrace binds the clone to the calling thread; everything (sink and callback too) is called from it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "capture/capture.h"
#include "capture/maps.h"
#include "capture/native_memory.h"
#include "capture/proc_memory.h"
#include "capture/residency.h"
#include "pylayout/layout.h"
#include "snapshot/columns.h"
#include "walker/stream.h"

namespace unleak::capture {

// Takes the stream as it comes.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // `count` words: whole records, never a part of one. The edges of a node may come in an earlier call.
  virtual void Words(const u64* words, std::size_t count) = 0;
  // The look is taken again: forget all words so far.
  virtual void Restart() = 0;
};

// Where things lie in the target, found from its ELF files. 0 = not found.
struct RuntimeAddresses {
  u64 runtime = 0;              // _PyRuntime
  u64 thread_state_getter = 0;  // PyThreadState_GetUnchecked (3.13+) or _PyThreadState_UncheckedGet
  // Of the C library: functions that return the form of strcmp and so on that is in use (STT_GNU_IFUNC), by name.
  std::vector<std::pair<std::string, u64>> library_resolvers;
};

// The frozen copy of the target, valid during the callback only. Names and strings are read from it.
struct Clone {
  RemoteMemory memory;
  const std::vector<Mapping>& maps;                   // taken before the walker was mapped
  const std::vector<struct unleak_type_entry>& types;  // by type index of the stream
  const std::vector<ThreadStack>& stacks;             // where the threads of the target stood
  u64 main_interpreter = 0;                           // PyInterpreterState of the head of the list
  const Residency* residency = nullptr;               // if it had to be read before the clone's memory was, else null
};

struct TwinFacts {
  snapshot::Stop stop = snapshot::Stop::kNone;
  u32 retakes = 0;
  bool collecting = false;       // a collection was in progress: the lists were not trusted, tracked objects followed too
  u64 gil_holder = 0;            // PyThreadState that held the GIL at the stop, 0 = free (or free-threaded)
  u64 boot_ns = 0, wall_ns = 0;  // clocks at the stop that was used
  u64 pause_ns = 0;              // longest time a thread of the target stood still
  u64 total_pause_ns = 0;        // sum over all stops, retakes and the reaping too
  u64 clone_cpu_ns = 0;          // of the walk itself
  u64 tracer_cpu_ns = 0;         // of the calling thread in WalkTwin, sink included
  u64 nodes = 0, listed = 0;     // nodes in the stream; objects that the collector's lists gave
  u64 edges[4] = {0, 0, 0, 0};   // by snapshot::EdgeClass
  u64 roots = 0;
  u64 stream_words = 0;
  u64 bad_edges = 0;             // traverse, omitted or conservative targets that are no objects (left out)
  u64 dead_targets = 0;          // targets whose reference count is 0
  u64 broken_links = 0;          // list links that do not agree
  u64 faults = 0, hangs = 0, system_calls = 0;
  std::vector<std::string> fault_causes;    // "SIGSEGV in mod.Type: 3", at most 32
  std::vector<u32> skipped_types;           // type indexes whose traverse was given up
  std::vector<struct unleak_type_entry> types;  // by type index
  std::vector<Mapping> maps;
  std::vector<ThreadStack> stacks;          // where threads stood at the stop that was used
  std::vector<std::string> notes;           // for a person: what could not be done or seen
};

// Takes one look at `pid`. `while_frozen` is called once, after the last word, while the clone is still there; its
// failure is returned. kBusy: somebody else traces the target, kPermission, kNotFound: it ended meanwhile,
// kExhausted: time limit or a walk that could not be done within the retakes, kUnsupported: this machine or build.
Result<TwinFacts> WalkTwin(u32 pid, const Options& options, const struct unleak_layout& layout,
                           const RuntimeAddresses& addresses, StreamSink& sink,
                           const std::function<Status(const Clone&)>& while_frozen);

}  // namespace unleak::capture
