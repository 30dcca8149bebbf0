#include "capture/inspect_limits.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "capture/look.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr u64 kNoLimit = std::numeric_limits<u64>::max();
constexpr u64 kSparePids = 8;
constexpr u64 kMiB = u64{1} << 20, kGiB = u64{1} << 30;

// A file with one number, or "max".
u64 Limit(const std::string& path) {
  const auto text = ReadSmallFile(path, 4096);
  u64 value = kNoLimit;
  if (text.ok()) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

u64 RoomBelow(u64 limit, u64 used) { return limit == kNoLimit || used == kNoLimit ? kNoLimit : limit - std::min(limit, used); }

// One group: what it may use, less what it uses and cannot give back.
u64 MemoryRoom(const std::string& folder, bool version2) {
  const u64 limit = Limit(folder + (version2 ? "/memory.max" : "/memory.limit_in_bytes"));
  u64 used = Limit(folder + (version2 ? "/memory.current" : "/memory.usage_in_bytes"));
  const auto statistics = ReadSmallFile(folder + "/memory.stat", 65536);
  if (statistics.ok() && used != kNoLimit) {
    used -= std::min(used, FieldOf(*statistics, version2 ? "inactive_file" : "total_inactive_file"));
  }
  return RoomBelow(limit, used);
}

// The group and all above it, up to the root of the hierarchy.
void AddGroups(const std::string& hierarchy, std::string group, bool version2, Room* room) {
  for (;;) {
    const std::string folder = hierarchy + group;
    room->bytes = std::min(room->bytes, MemoryRoom(folder, version2));
    const u64 limit = Limit(folder + "/pids.max");
    // Of a small group a few are enough; the program must find room for what it starts while the clone lives.
    if (limit != kNoLimit && RoomBelow(limit, Limit(folder + "/pids.current")) < std::min(kSparePids, limit / 8 + 2)) {
      room->process = false;
      room->pids_file = folder + "/pids.max";
      room->pids_limit = limit;
    }
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.size() <= 1) return;
    group.resize(slash);
  }
}

}  // namespace

Room RoomFor(u32 pid, const std::string& proc_root) {
  Room room;
  room.bytes = kNoLimit;
  if (const auto info = ReadSmallFile(proc_root + "/meminfo"); info.ok()) room.bytes = FieldOf(*info, "MemAvailable");
  const std::string groups = proc_root == "/proc" ? "/sys/fs/cgroup" : proc_root + "/cgroup";
  const auto text = ReadSmallFile(proc_root + "/" + std::to_string(pid) + "/cgroup");
  for (std::string_view rest = text.ok() ? std::string_view(*text) : std::string_view(); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t first = line.find(':'), second = line.find(':', first + 1);  // id:controllers:path
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string group(line.substr(second + 1));
    if (controllers.empty()) {
      AddGroups(groups, group, true, &room);
    } else if (controllers == "memory" || controllers == "pids") {
      AddGroups(groups + "/" + std::string(controllers), group, false, &room);
    }
  }
  return room;
}

u64 EstimatePause(const ProcStatus& status) {
  const double gib = static_cast<double>(std::min(status.page_tables * 512, status.rss)) / static_cast<double>(kGiB);
  return 500'000 + static_cast<u64>(gib * 85e6) + u64{status.threads} * 30'000;
}

u64 EstimateExtra(const ProcStatus& status, double busy) {
  const double anonymous = static_cast<double>(status.anonymous);
  const double life = 0.1 + 3 * anonymous / static_cast<double>(kGiB);
  const double written = std::clamp(busy * life * static_cast<double>(kGiB), anonymous / 10, anonymous);
  return 20 * kMiB + static_cast<u64>(written);
}

double BusyCpus(u32 pid) {
  constexpr timespec kInterval{0, 20'000'000};
  const u64 start = NowNs(), before = ProcessCpu(pid);
  nanosleep(&kInterval, nullptr);
  const u64 after = ProcessCpu(pid), took = NowNs() - start;
  return before == 0 || after < before || took == 0 ? 0 : static_cast<double>(after - before) / static_cast<double>(took);
}

namespace {

// More than all that is left is never taken.
double Share(const Options& options) { return std::min(options.max_extra, 1.0); }

std::string Command(u32 pid, const std::string& options) { return "unleak diagnose " + std::to_string(pid) + " " + options; }

// The option that lets `extra` bytes of `room` be taken, with a tenth to spare.
std::string AllowExtra(u32 pid, u64 extra, u64 room) {
  const u64 wanted = extra + extra / 10;
  if (wanted > room) return Command(pid, "--max-extra 100") + " once " + std::to_string((wanted - room) / kMiB + 1) + " MiB more are free";
  return Command(pid, "--max-extra " + std::to_string(wanted * 100 / std::max<u64>(room, 1) + 1));
}

}  // namespace

Status CheckLimits(const ProcStatus& status, const Options& options, double busy, Target* target) {
  const Room room = RoomFor(target->pid, options.proc_root);
  target->estimated_pause_ns = EstimatePause(status);
  target->estimated_extra_bytes = EstimateExtra(status, busy);
  target->headroom_bytes = room.bytes;
  if (!room.process) {
    return Status(Code::kExhausted, "its control group leaves no room for a clone (pids.max = " + std::to_string(room.pids_limit) + ")",
                  "echo " + std::to_string(room.pids_limit + kSparePids) + " > " + room.pids_file);
  }
  if (target->estimated_pause_ns > options.max_pause_ns) {
    const u64 estimate = target->estimated_pause_ns / 1'000'000;
    return Status(Code::kExhausted, "it would stand still for about " + std::to_string(estimate) + " ms, more than --max-pause " +
                  std::to_string(options.max_pause_ns / 1'000'000), Command(target->pid, "--max-pause " + std::to_string(estimate + 50)));
  }
  if (static_cast<double>(target->estimated_extra_bytes) > Share(options) * static_cast<double>(room.bytes)) {
    return Status(Code::kExhausted, "a clone may take " + std::to_string(target->estimated_extra_bytes / kMiB) + " MiB of the " +
                  std::to_string(room.bytes / kMiB) + " MiB that are left, more than --max-extra allows",
                  AllowExtra(target->pid, target->estimated_extra_bytes, room.bytes) + " if the machine or control group can spare it");
  }
  return Status::Ok();
}

u64 EstimateCopyPause(const ProcStatus& status) {
  const double resident = static_cast<double>(status.anonymous) / static_cast<double>(kMiB);
  const double swapped = static_cast<double>(status.swap) / static_cast<double>(kMiB);
  return 2'000'000 + static_cast<u64>((resident / 700 + swapped / 100) * 1e9);
}

Status CheckCopyLimits(const ProcStatus& status, const Options& options, const CopyReason& reason, Target* target) {
  // The copy is ours: what our own control groups and the machine leave counts.
  const Room room = RoomFor(options.proc_root == "/proc" ? static_cast<u32>(getpid()) : target->pid, options.proc_root);
  target->estimated_pause_ns = EstimateCopyPause(status);
  target->estimated_extra_bytes = 20 * kMiB + status.anonymous + status.swap;
  target->headroom_bytes = room.bytes;
  const std::string bytes = std::to_string((status.anonymous + status.swap) / kMiB) + " MiB";
  const std::string cannot = "process " + std::to_string(target->pid) + " " + reason.why + ", so it is not cloned; ";
  if (target->estimated_pause_ns > options.max_pause_ns) {
    const u64 estimate = target->estimated_pause_ns / 1'000'000;
    return Status(Code::kExhausted, cannot + "copying its " + bytes + " would stop it for about " + std::to_string(estimate) +
                  " ms, more than --max-pause " + std::to_string(options.max_pause_ns / 1'000'000),
                  Command(target->pid, "--max-pause " + std::to_string(estimate + estimate / 2 + 50)) + ", or " + reason.mend);
  }
  if (static_cast<double>(target->estimated_extra_bytes) > Share(options) * static_cast<double>(room.bytes)) {
    return Status(Code::kExhausted, cannot + "a copy of its " + bytes + " would take more of the " + std::to_string(room.bytes / kMiB) +
                  " MiB that are left than --max-extra allows",
                  AllowExtra(target->pid, target->estimated_extra_bytes, room.bytes) + " if the machine can spare that, or " + reason.mend);
  }
  return Status::Ok();
}

}  // namespace unleak::capture
