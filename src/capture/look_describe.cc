#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "capture/look.h"
#include "capture/proc_memory.h"

namespace unleak::capture {
namespace {

// Offset of `tid` in glibc's struct pthread (nptl/descr.h, x86-64; the same since 2.4). What is read there counts only if
// it is the id of a thread of the process.
constexpr u64 kTidInDescriptor = 720;

// Thread ids as the process sees them -> as we see them.
std::unordered_map<u64, u32> NativeIds(u32 pid, const std::string& root) {
  std::unordered_map<u64, u32> ids;
  const std::string tasks = root + "/" + std::to_string(pid) + "/task";
  for (u32 tid : NumericEntries(tasks)) {
    const auto status = ReadSmallFile(tasks + "/" + std::to_string(tid) + "/status");
    if (!status.ok()) continue;
    const std::vector<u32> pids = ParseStatus(*status).namespace_pids;
    ids[pids.empty() ? tid : pids.back()] = tid;
  }
  return ids;
}

void DescribeThread(const std::string& folder, snapshot::Columns* columns, snapshot::Thread* thread) {
  if (auto comm = ReadSmallFile(folder + "/comm"); comm.ok()) {
    while (comm->ends_with('\n')) comm->pop_back();
    thread->name = columns->strings.Intern(*comm);
  }
  if (const auto times = ReadSmallFile(folder + "/schedstat"); times.ok()) {  // ns on a CPU, ns ready but not on one, times it ran
    const char* end = times->data() + times->size();
    const char* at = std::from_chars(times->data(), end, thread->cpu_ns).ptr;
    if (at < end) std::from_chars(at + 1, end, thread->waited_ns);
  }
}

std::string CommandLine(u32 pid, const std::string& root) {
  auto text = ReadSmallFile(root + "/" + std::to_string(pid) + "/cmdline");
  if (!text.ok()) return {};
  while (text->ends_with('\0')) text->pop_back();
  std::replace(text->begin(), text->end(), '\0', ' ');
  return text.Take();
}

void AddNotes(const Inspected& inspected, const TwinFacts& facts, snapshot::Columns* columns) {
  const auto add = [&](const std::string& text) { columns->meta.notes.push_back(columns->strings.Intern(text)); };
  for (const std::string& note : inspected.target.notes) add(note);
  for (const std::string& note : facts.notes) add(note);
  for (const std::string& cause : facts.fault_causes) add("traverse of " + cause);
  if (facts.collecting) add("a collection was in progress at the stop");
}

}  // namespace

void AddMaps(const std::vector<Mapping>& maps, snapshot::Columns* columns) {
  for (const Mapping& mapping : maps) {
    columns->maps.push_back({mapping.start, mapping.end, mapping.offset, columns->strings.Intern(mapping.path),
                             mapping.readable, mapping.writable, mapping.executable, mapping.shared, 0});
  }
}

u64 ProcessCpu(u32 pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

void DescribeThreads(u32 pid, const std::string& proc_root, Memory& memory, snapshot::Columns* columns) {
  const auto ids = NativeIds(pid, proc_root);
  for (snapshot::Thread& thread : columns->threads) {
    const u64 native = thread.native_id ? thread.native_id : memory.Word32(thread.ident + kTidInDescriptor);
    const auto found = ids.find(native);
    thread.native_id = found == ids.end() ? 0 : found->second;
    if (!thread.native_id) continue;
    DescribeThread(proc_root + "/" + std::to_string(pid) + "/task/" + std::to_string(thread.native_id), columns, &thread);
  }
}

void DescribeProcess(const Inspected& inspected, const TwinFacts& facts, const Options& options, snapshot::Columns* columns) {
  const Target& target = inspected.target;
  snapshot::Meta& meta = columns->meta;
  snapshot::StringTable& strings = columns->strings;
  meta.pid = target.pid;
  meta.ppid = target.ppid;
  meta.python_hex = target.python_hex;
  meta.free_threaded = target.free_threaded;
  meta.producer = options.use_reader || inspected.by_copy ? snapshot::Producer::kReader : snapshot::Producer::kTwin;
  meta.stop = facts.stop;
  meta.retakes = facts.retakes;
  meta.clock_ticks_per_s = static_cast<u32>(sysconf(_SC_CLK_TCK));
  meta.boot_ns = facts.boot_ns;
  meta.wall_ns = facts.wall_ns;
  meta.process_start_ns = inspected.stat.start_ticks * (1'000'000'000 / std::max(meta.clock_ticks_per_s, u32{1}));
  meta.pause_ns = facts.pause_ns;
  meta.total_pause_ns = facts.total_pause_ns;
  meta.capture_cpu_ns = facts.clone_cpu_ns + facts.tracer_cpu_ns;
  meta.rss_bytes = inspected.status.rss;
  meta.peak_rss_bytes = inspected.status.peak_rss;
  meta.swap_bytes = inspected.status.swap;
  meta.cpu_ns = ProcessCpu(target.pid);
  meta.bad_edges += facts.bad_edges;
  meta.broken_links = facts.broken_links;
  meta.faults = facts.faults;
  meta.hangs = facts.hangs;
  meta.executable = strings.Intern(target.executable);
  meta.comm = strings.Intern(target.comm);
  if (options.keep_argv) meta.argv = strings.Intern(CommandLine(target.pid, options.proc_root));
  AddMaps(facts.maps, columns);
  AddNotes(inspected, facts, columns);
}

}  // namespace unleak::capture
