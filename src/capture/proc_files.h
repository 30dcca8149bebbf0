// Files below /proc, parsed. Nothing here touches the process that they tell of.
//
// `root` is "/proc" or a folder of fixtures of the same shape. Sizes are bytes. What a file does not say is 0 or empty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace unleak::capture {

// At most `limit` bytes of a file; kNotFound, kPermission or kIo.
Result<std::string> ReadSmallFile(const std::string& path, u64 limit = u64{4} << 20);
// Target of a symbolic link, "" if it cannot be read.
std::string ReadLink(const std::string& path);
// Entries of a folder that are numbers, ascending.
std::vector<u32> NumericEntries(const std::string& folder);
// Its threads that have used most CPU time, at most `most`, the busiest first.
std::vector<u32> BusiestThreads(const std::string& proc_root, u32 pid, std::size_t most);

// /proc/PID/status (proc(5)).
struct ProcStatus {
  std::string name;
  char state = '?';             // R S D Z T t X I
  u32 ppid = 0, tracer = 0, threads = 0;
  u32 uids[3] = {0, 0, 0};      // real, effective, saved
  int seccomp = 0;              // 0 none, 1 strict, 2 filter
  u64 effective_capabilities = 0;
  std::vector<u32> namespace_pids;  // outermost first; more than one: in a PID namespace of its own
  u64 rss = 0, peak_rss = 0, swap = 0, anonymous = 0, page_tables = 0;
  bool has_memory = false;      // kernel threads and zombies have none
};
ProcStatus ParseStatus(std::string_view text);
Result<ProcStatus> ReadStatus(const std::string& root, u32 pid);

// /proc/PID/stat: the comm may hold anything, also spaces and parentheses.
struct ProcStat {
  std::string comm;
  char state = '?';
  u32 ppid = 0;
  u64 kernel_flags = 0;         // PF_* of the kernel's sched.h
  u64 user_ticks = 0, system_ticks = 0, start_ticks = 0;
};
bool ParseStat(std::string_view text, ProcStat* stat);
Result<ProcStat> ReadStat(const std::string& root, u32 pid);

// The value of "key:  123 kB" in bytes, or "key value" without a unit; 0 if there is none.
u64 FieldOf(std::string_view text, std::string_view key);

}  // namespace unleak::capture
