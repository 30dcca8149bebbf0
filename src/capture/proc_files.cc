#include "capture/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "base/file.h"

namespace unleak::capture {
namespace {

u64 Number(std::string_view text, int base = 10) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  u64 value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The next word of `text`, which is cut off.
std::string_view NextWord(std::string_view* text) {
  const size_t start = text->find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return *text = {};
  text->remove_prefix(start);
  const std::string_view word = text->substr(0, text->find_first_of(" \t\n"));
  text->remove_prefix(word.size());
  return word;
}

// The rest of the line that starts with `key`, "" if there is none.
std::string_view LineOf(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key) && line.size() > key.size() &&
        (line[key.size()] == ':' || line[key.size()] == ' ' || line[key.size()] == '\t')) {
      return line.substr(key.size() + 1);
    }
    at = end + 1;
  }
  return {};
}

}  // namespace

u64 FieldOf(std::string_view text, std::string_view key) {
  const std::string_view line = LineOf(text, key);
  return Number(line) * (line.ends_with("kB") ? 1024 : 1);
}

Result<std::string> ReadSmallFile(const std::string& path, u64 limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return SystemError("open", path, errno);
  std::string text;
  std::array<char, 16384> piece;
  while (text.size() < limit) {
    const ssize_t got = read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ESRCH) return Status(Code::kNotFound, path + ": the process has ended");
    if (got < 0) return SystemError("read", path, errno);
    if (got == 0) break;
    text.append(piece.data(), static_cast<size_t>(got));
  }
  return text;
}

std::string ReadLink(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<size_t>(size)) : std::string();
}

std::vector<u32> NumericEntries(const std::string& folder) {
  std::vector<u32> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  while (const dirent* entry = dir ? readdir(dir.get()) : nullptr) {
    u32 number = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, number).ptr == end) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<u32> BusiestThreads(const std::string& proc_root, u32 pid, std::size_t most) {
  const std::string tasks = proc_root + "/" + std::to_string(pid) + "/task";
  std::vector<std::pair<u64, u32>> order;
  for (u32 tid : NumericEntries(tasks)) {
    u64 cpu = 0;
    if (const auto times = ReadSmallFile(tasks + "/" + std::to_string(tid) + "/schedstat"); times.ok())
      std::from_chars(times->data(), times->data() + times->size(), cpu);
    order.emplace_back(cpu, tid);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  if (order.size() > most) order.resize(most);
  std::vector<u32> threads;
  for (const auto& [cpu, tid] : order) threads.push_back(tid);
  return threads;
}

ProcStatus ParseStatus(std::string_view text) {
  ProcStatus status;
  std::string_view name = LineOf(text, "Name");
  status.name = name.substr(std::min(name.find_first_not_of(" \t"), name.size()));
  if (std::string_view state = LineOf(text, "State"); !state.empty()) {
    const std::string_view word = NextWord(&state);
    if (!word.empty()) status.state = word.front();
  }
  status.ppid = static_cast<u32>(FieldOf(text, "PPid"));
  status.tracer = static_cast<u32>(FieldOf(text, "TracerPid"));
  status.threads = static_cast<u32>(FieldOf(text, "Threads"));
  status.seccomp = static_cast<int>(FieldOf(text, "Seccomp"));
  std::string_view uids = LineOf(text, "Uid");
  for (u32& uid : status.uids) uid = static_cast<u32>(Number(NextWord(&uids)));
  status.effective_capabilities = Number(LineOf(text, "CapEff"), 16);
  std::string_view pids = LineOf(text, "NSpid");
  for (std::string_view pid = NextWord(&pids); !pid.empty(); pid = NextWord(&pids)) {
    status.namespace_pids.push_back(static_cast<u32>(Number(pid)));
  }
  status.has_memory = !LineOf(text, "VmSize").empty();
  status.rss = FieldOf(text, "VmRSS");
  status.peak_rss = FieldOf(text, "VmHWM");
  status.swap = FieldOf(text, "VmSwap");
  status.anonymous = FieldOf(text, "RssAnon");
  status.page_tables = FieldOf(text, "VmPTE");
  return status;
}

Result<ProcStatus> ReadStatus(const std::string& root, u32 pid) {
  UNLEAK_ASSIGN(const std::string text, ReadSmallFile(root + "/" + std::to_string(pid) + "/status"));
  return ParseStatus(text);
}

bool ParseStat(std::string_view text, ProcStat* stat) {
  const size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  stat->comm = text.substr(open + 1, close - open - 1);
  text.remove_prefix(close + 1);
  std::array<std::string_view, 20> fields;  // from field 3 (state) on
  for (std::string_view& field : fields) field = NextWord(&text);
  if (fields.back().empty()) return false;
  stat->state = fields[0].front();
  stat->ppid = static_cast<u32>(Number(fields[1]));
  stat->kernel_flags = Number(fields[6]);
  stat->user_ticks = Number(fields[11]);
  stat->system_ticks = Number(fields[12]);
  stat->start_ticks = Number(fields[19]);
  return true;
}

Result<ProcStat> ReadStat(const std::string& root, u32 pid) {
  const std::string path = root + "/" + std::to_string(pid) + "/stat";
  UNLEAK_ASSIGN(const std::string text, ReadSmallFile(path));
  ProcStat stat;
  if (!ParseStat(text, &stat)) return Status(Code::kCorrupt, path + " does not have the form that proc(5) describes");
  return stat;
}

}  // namespace unleak::capture
