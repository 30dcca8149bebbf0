// Capture: one look at one live process from outside, as snapshot columns.
//
// Thread safety: one Capture a thread at a time. Signal safety: the calling process must not rely on SIGURG or
// SIGCHLD while a capture runs. The target is never left stopped: every stop is left in the same call, and if
// this process is killed at any moment the target goes on by itself (capture/window.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "snapshot/columns.h"

namespace unleak::capture {

struct Options {
  u64 max_pause_ns = 250'000'000;    // --max-pause: above this estimate refuse
  double max_extra = 0.10;           // --max-extra: share of the memory headroom that copy-on-write (or the copy) may use
  u64 time_limit_ns = 10'000'000'000;  // life of the clone; 3 times its estimate where that is more
  u64 safe_point_wait_ns = 1'000'000'000;
  int max_retakes = 2;
  bool use_reader = false;           // tests: read the same clone from outside instead of walking in it
  bool copy = false;                 // --copy: copy the memory while the target stands still, even if it could be cloned
  bool conservative = true;          // scan bodies of opaque objects
  bool ledger = true;                // account for the resident memory
  bool watch = false;                // after the look see for a fifth of a second who calls the allocators
  bool orphans = true;               // search the pools for objects that nobody reaches
  bool labels = true, blocks = true;  // benchmarks: what the walk costs without edge labels, without owned blocks
  bool keep_argv = false;            // --argv
  u32 parses_minor = 0;              // newest 3.x whose syntax the reader of the sources parses; 0 = any
  std::string proc_root = "/proc";   // --proc DIR: fixtures
  std::function<void(const std::string&)> log;  // --log: what was done to the target, one line each; may be empty
};

// What is known of a process without touching it, and whether a look is possible.
struct Target {
  u32 pid = 0, ppid = 0;
  std::string comm, executable;
  u32 python_hex = 0;        // 0: not CPython
  bool free_threaded = false;
  Status can_look;           // ok, or why not and the exact command to try (Permission, Unsupported, NotFound, Busy)
  u64 estimated_pause_ns = 0, estimated_extra_bytes = 0, headroom_bytes = 0;
  std::vector<std::string> notes;
};

Target Inspect(u32 pid, const Options& options);

// CPU time that one look took: of the walk in the clone, and of this process, which stops, clones, reads and assembles.
struct LookCost {
  u64 clone_cpu_ns = 0, tracer_cpu_ns = 0;
};

// Takes one look; `cost`, if given, is filled on success. On failure the target is as it was.
Result<snapshot::Columns> Look(u32 pid, const Options& options, LookCost* cost = nullptr);

// The same from a core file (of the kernel, gcore, or systemd-coredump's with zstd). Paths of the files that were mapped
// count from `root` ("/": as they are here). Notes of the columns say what is missing. kCorrupt: cut short, or damaged;
// kUnsupported: not of a Python program; kNotFound: files that are needed are gone or are not those that ran.
Result<snapshot::Columns> LookAtCore(const std::string& path, const std::string& root, const Options& options);

// Is that file a core, also compressed? False as well if it cannot be opened.
bool IsCoreFile(const std::string& path);

// Pids of the whole tree below `pid` (children, grandchildren ...), parents first, `pid` left out.
std::vector<u32> Descendants(u32 pid, const std::string& proc_root);

}  // namespace unleak::capture
