#include "capture/inspect.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "capture/inspect_limits.h"

namespace unleak::capture {
namespace {

constexpr u64 kExiting = 0x4, kKernelThread = 0x200000;   // PF_EXITING, PF_KTHREAD (include/linux/sched.h)
constexpr u64 kCapSysPtrace = u64{1} << 19;               // CAP_SYS_PTRACE
constexpr int kMaxAncestors = 1024;

std::string Process(u32 pid) { return "process " + std::to_string(pid); }

bool IsDescendant(u32 pid, u32 ancestor, const std::string& root) {
  for (int i = 0; pid > 1 && i < kMaxAncestors; ++i) {
    const auto stat = ReadStat(root, pid);
    if (!stat.ok()) return false;
    pid = stat->ppid;
    if (pid == ancestor) return true;
  }
  return false;
}

Status CheckState(u32 pid, const Inspected& all) {
  if (all.stat.kernel_flags & kKernelThread) return Status(Code::kUnsupported, Process(pid) + " is a kernel thread");
  if (all.stat.state == 'Z') {
    return Status(Code::kNotFound, Process(pid) + " has ended (a zombie)",
                  "its parent, process " + std::to_string(all.stat.ppid) + ", has not waited for it");
  }
  if (all.stat.state == 'X' || all.stat.kernel_flags & kExiting || !all.status.has_memory) {
    return Status(Code::kNotFound, Process(pid) + " is ending");
  }
  if (all.status.tracer != 0) {
    return Status(Code::kBusy, Process(pid) + " is traced by process " + std::to_string(all.status.tracer) + " (a debugger, strace or profiler)",
                  "end that tracer, or try again later: only one can trace a process");
  }
  return Status::Ok();
}

Status CheckPermissions(u32 pid, const ProcStatus& status, const std::string& root) {
  const auto self = ReadSmallFile(root + "/self/status");
  const u64 capabilities = self.ok() ? ParseStatus(*self).effective_capabilities : 0;
  const auto scope_text = ReadSmallFile(root + "/sys/kernel/yama/ptrace_scope");
  const u64 scope = scope_text.ok() && !scope_text->empty() ? static_cast<u64>(scope_text->front() - '0') : 0;
  return CheckPermission(status, pid, geteuid(), capabilities, scope, IsDescendant(pid, static_cast<u32>(getpid()), root));
}

void Note(Inspected* all) {
  if (all->status.namespace_pids.size() > 1) {
    all->target.notes.push_back("runs in a PID namespace of its own, where it is process " +
                                std::to_string(all->status.namespace_pids.back()));
  }
  if (all->target.executable.ends_with(" (deleted)")) {
    all->target.notes.push_back("its executable was replaced or deleted after the start");
  }
}

Status ReadFacts(u32 pid, const Options& options, Inspected* all) {
  const std::string& root = options.proc_root;
  auto stat = ReadStat(root, pid);
  auto status = ReadStatus(root, pid);
  if (!stat.ok() || !status.ok()) {
    const Status& failed = stat.ok() ? status.status() : stat.status();
    if (failed.code() == Code::kNotFound) return Status(Code::kNotFound, "there is no " + Process(pid), "see `ps -e`");
    return failed;
  }
  all->stat = stat.Take();
  all->status = status.Take();
  all->target.ppid = all->stat.ppid;
  all->target.comm = all->stat.comm;
  all->target.executable = ReadLink(root + "/" + std::to_string(pid) + "/exe");
  return Status::Ok();
}

Status FindInterpreter(u32 pid, const Options& options, Inspected* all) {
  auto maps = ReadMaps(pid, options.proc_root);
  if (!maps.ok()) {
    return Status(Code::kPermission, "the kernel refuses access to the memory of " + Process(pid) + " (" + maps.status().message() + ")",
                  "sudo unleak diagnose " + std::to_string(pid));
  }
  all->maps = maps.Take();
  auto python = FindPython(pid, all->maps, all->target.executable, options.proc_root);
  if (!python.ok()) return python.status();
  all->python = python.Take();
  all->target.python_hex = all->python->python_hex;
  all->target.free_threaded = all->python->free_threaded;
  return Status::Ok();
}

// A clone where that is within the limits; else a copy of the memory while the process stands still, if that is.
Status ChooseWay(const Options& options, Inspected* all) {
  CopyReason reason{"runs under a seccomp filter", "run it without the filter (Docker: --security-opt seccomp=unconfined)"};
  Status clone;
  if (options.copy && !all->by_copy) {
    all->by_copy = true;
    reason = {"is to be copied (--copy)", "leave out --copy"};
  } else if (!all->by_copy) {
    clone = CheckLimits(all->status, options, options.proc_root == "/proc" ? BusyCpus(all->target.pid) : 0, &all->target);
    if (clone.ok() || all->target.estimated_pause_ns > options.max_pause_ns) return clone;
    reason = {"is at a limit: " + clone.message(), clone.hint()};
  }
  Target copied = all->target;
  const Status copy = CheckCopyLimits(all->status, options, reason, &copied);
  if (!copy.ok()) {
    if (all->by_copy) all->target = copied;
    return copy;
  }
  all->by_copy = true;
  all->target = copied;
  all->target.notes.push_back(reason.why + ": its memory is copied while it stands still, not cloned");
  return Status::Ok();
}

// Everything that may speak against a look, the plainest reason first.
Status Examine(u32 pid, const Options& options, Inspected* all) {
  if (pid == 0 || pid == static_cast<u32>(getpid())) {
    return Status(Code::kUsage, "a process cannot look at itself (" + Process(pid) + ")", "start unleak from a shell");
  }
  UNLEAK_RETURN_IF_ERROR(ReadFacts(pid, options, all));
  Note(all);
  UNLEAK_RETURN_IF_ERROR(CheckState(pid, *all));
  UNLEAK_RETURN_IF_ERROR(CheckPermissions(pid, all->status, options.proc_root));
  UNLEAK_RETURN_IF_ERROR(FindInterpreter(pid, options, all));
  // A filter could end the process for the clone call of a look; which calls it allows cannot be asked. The reader does
  // without the call.
  all->by_copy = all->status.seccomp != 0;
  return ChooseWay(options, all);
}

}  // namespace

Status CheckPermission(const ProcStatus& target, u32 pid, u32 uid, u64 capabilities, u64 scope, bool descendant) {
  const std::string as_root = "sudo unleak diagnose " + std::to_string(pid);
  if (scope >= 3) {
    return Status(Code::kPermission, "tracing is switched off on this machine (kernel.yama.ptrace_scope = 3)",
                  "that holds until the next boot; set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and reboot");
  }
  if (capabilities & kCapSysPtrace) return Status::Ok();
  if (scope == 2) {
    return Status(Code::kPermission, "only root may trace on this machine (kernel.yama.ptrace_scope = 2)", as_root);
  }
  const bool own = std::all_of(std::begin(target.uids), std::end(target.uids), [&](u32 id) { return id == uid; });
  if (!own) {
    return Status(Code::kPermission, Process(pid) + " belongs to user " + std::to_string(target.uids[0]) + ", not to " + std::to_string(uid), as_root);
  }
  if (scope == 1 && !descendant) {
    return Status(Code::kPermission, Process(pid) + " was not started by unleak, and this machine allows tracing of own children only "
                  "(kernel.yama.ptrace_scope = 1)", as_root + ", or start the program with `unleak run`");
  }
  return Status::Ok();
}

Inspected InspectAll(u32 pid, const Options& options) {
  Inspected all;
  all.target.pid = pid;
  all.target.can_look = Examine(pid, options, &all);
  return all;
}

Target Inspect(u32 pid, const Options& options) { return InspectAll(pid, options).target; }

std::vector<u32> Descendants(u32 pid, const std::string& proc_root) {
  std::multimap<u32, u32> children;
  for (u32 process : NumericEntries(proc_root)) {
    if (const auto stat = ReadStat(proc_root, process); stat.ok() && stat->state != 'Z') children.emplace(stat->ppid, process);
  }
  std::vector<u32> found;
  const auto add = [&](u32 parent) {
    const auto [first, last] = children.equal_range(parent);
    for (auto it = first; it != last; ++it) {
      // A pid that came round again must not close a circle.
      if (it->second != pid && std::find(found.begin(), found.end(), it->second) == found.end()) found.push_back(it->second);
    }
  };
  add(pid);
  for (size_t i = 0; i < found.size(); ++i) add(found[i]);
  return found;
}

}  // namespace unleak::capture
