#include "capture/inspect_limits.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace unleak::capture {
namespace {

constexpr u64 kNoLimit = std::numeric_limits<u64>::max();
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
    if (RoomBelow(Limit(folder + "/pids.max"), Limit(folder + "/pids.current")) == 0) room->process = false;
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.size() <= 1) return;
    group.resize(slash);
  }
}

}  // namespace

Room RoomFor(u32 pid, const std::string& proc_root) {
  Room room{kNoLimit, true};
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
  return 500'000 + static_cast<u64>(gib * 85e6);
}

u64 EstimateExtra(const ProcStatus& status) { return 20 * kMiB + status.anonymous / 10; }

Status CheckLimits(const ProcStatus& status, const Options& options, Target* target) {
  const Room room = RoomFor(target->pid, options.proc_root);
  target->estimated_pause_ns = EstimatePause(status);
  target->estimated_extra_bytes = EstimateExtra(status);
  target->headroom_bytes = room.bytes;
  if (!room.process) {
    return Status(Code::kExhausted, "its control group allows no further process (pids.max)", "raise the limit by one");
  }
  if (target->estimated_pause_ns > options.max_pause_ns) {
    const std::string estimate = std::to_string(target->estimated_pause_ns / 1'000'000);
    return Status(Code::kExhausted, "it would stand still for about " + estimate + " ms, more than --max-pause " +
                  std::to_string(options.max_pause_ns / 1'000'000), "--max-pause " + std::to_string(target->estimated_pause_ns / 1'000'000 + 50));
  }
  if (static_cast<double>(target->estimated_extra_bytes) > options.max_extra * static_cast<double>(room.bytes)) {
    return Status(Code::kExhausted, "the look may take " + std::to_string(target->estimated_extra_bytes / kMiB) + " MiB of the " +
                  std::to_string(room.bytes / kMiB) + " MiB that are left, more than --max-extra allows",
                  "--max-extra 50 if the machine or control group can spare it");
  }
  return Status::Ok();
}

u64 EstimateCopyPause(const ProcStatus& status) {
  const double resident = static_cast<double>(status.anonymous) / static_cast<double>(kMiB);
  const double swapped = static_cast<double>(status.swap) / static_cast<double>(kMiB);
  return 2'000'000 + static_cast<u64>((resident / 700 + swapped / 100) * 1e9);
}

Status CheckCopyLimits(const ProcStatus& status, const Options& options, Target* target) {
  constexpr const char* kUnfiltered = "run it without the filter (Docker: --security-opt seccomp=unconfined)";
  const Room room = RoomFor(target->pid, options.proc_root);
  target->estimated_pause_ns = EstimateCopyPause(status);
  target->estimated_extra_bytes = 20 * kMiB + status.anonymous + status.swap;
  target->headroom_bytes = room.bytes;
  const std::string bytes = std::to_string((status.anonymous + status.swap) / kMiB) + " MiB";
  if (target->estimated_pause_ns > options.max_pause_ns) {
    const u64 estimate = target->estimated_pause_ns / 1'000'000;
    return Status(Code::kExhausted, "process " + std::to_string(target->pid) + " runs under a seccomp filter, so it cannot be cloned; copying its " +
                  bytes + " would stop it for about " + std::to_string(estimate) + " ms, more than --max-pause " + std::to_string(options.max_pause_ns / 1'000'000),
                  "--max-pause " + std::to_string(estimate + estimate / 2 + 50) + ", or " + kUnfiltered);
  }
  if (static_cast<double>(target->estimated_extra_bytes) > options.max_extra * static_cast<double>(room.bytes)) {
    return Status(Code::kExhausted, "process " + std::to_string(target->pid) + " runs under a seccomp filter, so it cannot be cloned; a copy of its " +
                  bytes + " would take more of the " + std::to_string(room.bytes / kMiB) + " MiB that are left than --max-extra allows",
                  std::string("--max-extra 50 if the machine can spare it, or ") + kUnfiltered);
  }
  return Status::Ok();
}

}  // namespace unleak::capture
