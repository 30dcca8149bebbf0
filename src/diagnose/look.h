// What is kept of a look once its heap is gone (at most 64 MiB): enough to judge growth, survival, garbage and peaks.
// Everything is named by what stays the same between looks: addresses, folded paths, type names.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "diagnose/audit.h"
#include "diagnose/identity.h"
#include "diagnose/memory.h"
#include "diagnose/names.h"
#include "diagnose/queue_peaks.h"
#include "diagnose/series.h"
#include "graph/heap.h"

namespace unleak::diagnose {

// A container with its number of entries (or logical bytes). `sketch` is a sample of its elements (identity.h).
struct Container {
  u64 address = 0;
  u64 length = 0;
  u64 path = 0;       // folded path hash
  u32 type_hash = 0;
  u32 sketch_from = 0, sketch_count = 0;
  bool in_bytes = false;  // the length is a size in bytes: a bytearray, or a block (below)
};

// Big objects along one folded path that hold bytes and not entries: texts, arrays, buffers.
struct PathBlock {
  u64 count = 0, bytes = 0;         // of all
  u64 biggest = 0, address = 0;  // of the biggest
};

inline constexpr size_t kPathSketch = 64;

struct PathTotal {
  u64 entries = 0;     // over all containers with this folded path
  u64 containers = 0;
  u64 example = 0;     // address of the longest one
  u64 longest = 0;
  std::vector<Fingerprint> sketch;  // of the elements with the smallest hashes, at most kPathSketch, heap-ordered
};

struct TypeTotal {
  std::vector<Fingerprint> sketch;  // of retained instances, as above
  u64 objects[6] = {0, 0, 0, 0, 0, 0};  // by graph::Population
  u64 bytes[6] = {0, 0, 0, 0, 0, 0};
};

// Cycles that look alike: the same set of types.
struct CycleShape {
  u64 instances = 0, objects = 0, bytes = 0, drags_bytes = 0, drags_objects = 0;
  bool uncollectable = false;
  bool outermost = false;  // nothing unreachable outside holds some instance
  Json description;       // of one instance: edges, types, members' code ("members"), set by the look that saw it
};

// An object that a frame or argument holds at a high of memory, or all that one frame's variables hold together.
struct PeakHolder {
  std::string file, function, variable, type, root;
  std::vector<std::string> together;  // of several: their names, the one that leads to most first
  u32 line = 0;
  u64 bytes = 0, objects = 0;
  std::vector<TypeCount> types;
  Json callers = Json::array();  // outer frames of its thread, nearest first: {"file", "line", "function"}
};

// What one thread of the target had of the CPU so far.
struct ThreadTime {
  u64 native_id = 0, cpu_ns = 0, waited_ns = 0;
};

struct LookFacts {
  double at_s = 0;         // since the first look
  double able_s = 0;       // of that, without the time that the busiest thread was ready but got no CPU; at least kLeastAble of it
  std::vector<ThreadTime> threads;
  u64 thread_count = 0;    // that run Python
  Json snapshot;           // the document's snapshots[] entry
  u64 objects = 0, bytes = 0, rss = 0, peak_rss = 0;
  u64 live_objects = 0, live_bytes = 0;  // without garbage
  u64 cpu_before_ns = 0, cpu_ns = 0;  // of the target, before and after the look
  u64 garbage_objects = 0;  // tracked objects in C
  u64 collected = 0;        // by the collector since the process started
  bool collector_on = true;
  i32 threshold0 = 0;
  double uptime_s = 0;
};

struct LookSummary {
  LookFacts facts;
  std::vector<Container> containers;   // ascending by address
  std::vector<Fingerprint> sketches;
  std::unordered_map<u64, PathTotal> paths;
  std::unordered_map<u64, PathBlock> blocks;  // by folded path
  std::unordered_map<std::string, TypeTotal> types;
  std::map<std::string, CycleShape> cycles;  // by shape
  std::vector<PeakHolder> peaks;
  AuditFold audit;
  MemoryLook memory;
  std::vector<QueuePeak> queues;
};

// The folded path hash of every node that was asked for, with memo; one instance a heap.
class PathHasher {
 public:
  explicit PathHasher(const graph::Heap& heap);
  u64 Hash(u32 node);

 private:
  u64 StepHash(u32 node) const;
  u64 Extend(u32 node) const;  // the hash of a node whose parent has one
  const graph::Heap& heap_;
  std::vector<u32> memo_;     // node -> its place in hashes_, 0: not asked for
  std::vector<u64> hashes_;   // few: one a folded path
  std::unordered_map<u64, u32> places_;
  std::vector<u32> stack_;
};

// True for roles whose length says how much they hold and that can grow.
bool IsGrowable(snapshot::Role role);

inline constexpr double kLeastAble = 0.05;

// Sets able_s of a look from the look before it.
void TellAble(const LookFacts& before, LookFacts& now);

// The time of a look is put at the end of a series.
void AddTime(const LookFacts& facts, Series& series);

LookSummary Summarise(const graph::Heap& heap, double at_s, bool with_peaks);

}  // namespace unleak::diagnose
