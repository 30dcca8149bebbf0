// Reads the heap of a frozen or stopped CPython process from outside and produces the walker's stream
// (walker/stream.h): the same nodes, sizes, flags, roots and edges. What an object's tp_traverse reports is told by the
// layout where pylayout knows the type, else by interpreting that function's code on what is read (traverse_code.h).
// Only where that fails are members found by looking for pointers in the body (class CONSERVATIVE). No code runs in the
// process.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "capture/proc_memory.h"
#include "capture/twin.h"
#include "pylayout/decode_members.h"
#include "pylayout/layout.h"
#include "walker/stream.h"

namespace unleak::capture {

struct ReaderOptions {
  bool follow_tracked = false;  // the collector's lists are not trusted: follow tracked objects from edges too
  bool conservative = true;     // scan what is not known
  u64 max_nodes = u64{1} << 31;  // kExhausted beyond
  u64 deadline_ns = 0;          // CLOCK_MONOTONIC, kExhausted when it is over; 0 = none
  RuntimeAddresses addresses;   // what code that asks for the current thread needs
  std::span<const Mapping> maps;  // free-threaded: what the pages of its allocator are searched in
  u64 thread_state = 0;         // PyThreadState that held the GIL; 0 = any
  bool interpret = true;        // tests: false = conservative scans instead of interpreted traverses
};

struct ReaderFacts {
  u64 nodes = 0, listed = 0, roots = 0;
  u64 edges[4] = {0, 0, 0, 0};  // by snapshot::EdgeClass
  u64 bad_edges = 0;            // targets that are no objects (left out)
  u64 dead_targets = 0;         // traverse edges to objects whose reference count is 0 (left out)
  u64 broken_links = 0;         // links of the collector's lists that do not agree
  std::vector<struct unleak_type_entry> types;  // by type index of the stream
  std::vector<u8> types_known;  // by type index: 1 = all that its traverse reports was told, by layout or code
  std::vector<std::string> notes;  // for a person: types whose traverse could not be told, and why; at most 32
};

// `runtime`: address of _PyRuntime. The process must stand still meanwhile. kCorrupt: the lists or the types make no
// sense, or the pages of a free-threaded build were not found; kExhausted: more than max_nodes, or the time is over.
Result<ReaderFacts> ReadHeap(const struct unleak_layout& layout, Memory& memory, u64 runtime, StreamSink& sink,
                             const ReaderOptions& options);

// Reads the objects at `seeds`, and what they lead to that is not `known` (by its address). Nothing else of the process:
// no lists, no roots. `facts` says what a whole reading would have found out first. Types are numbered anew.
struct KnownHeap {
  std::function<bool(u64)> known;
  pylayout::ProcessFacts facts;
};
ReaderFacts ReadObjects(const struct unleak_layout& layout, Memory& memory, const KnownHeap& heap,
                        std::span<const u64> seeds, StreamSink& sink);

// What the reader found, where what the walker found would be.
void TakeReaderFacts(ReaderFacts read, TwinFacts* facts);

}  // namespace unleak::capture
