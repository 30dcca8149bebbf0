// `serve`: the small process that touches targets for the command line, one request at a time.
//
// It holds the fork window of a look (capture/window.h), so it is a process of its own with little memory, in no
// terminal's process group, and it ignores what would end it in the middle: it ends when the other end of the socket is
// closed. Programs that it starts are its children, which lets it trace them where only ancestors may (Yama 1).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "base/file.h"
#include "commands.h"
#include "facts.h"
#include "references.h"
#include "snapshot/file.h"
#include "start.h"

namespace unleak::tools {
namespace {

using nlohmann::json;

constexpr size_t kMaxLine = size_t{16} << 20;

struct Reply {
  json value;
  UniqueFd fd;  // passed along if valid
};

// Values of a request by key; those that are absent or of another type are `otherwise`.
template <class T>
T Get(const json& request, const char* key, T otherwise) {
  const auto it = request.find(key);
  if (it == request.end()) return otherwise;
  if constexpr (std::is_same_v<T, bool>) {
    return it->is_boolean() ? it->get<bool>() : otherwise;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return it->is_string() ? it->get<std::string>() : otherwise;
  } else {
    return it->is_number() ? it->get<T>() : otherwise;
  }
}

std::vector<std::string> GetTexts(const json& request, const char* key) {
  std::vector<std::string> texts;
  const auto it = request.find(key);
  if (it == request.end() || !it->is_array()) return texts;
  for (const json& text : *it) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

bool started = false;  // a program, by this process

capture::Options OptionsOf(const json& request) {
  capture::Options options;
  options.max_pause_ns = static_cast<u64>(Get(request, "max_pause_ms", 250.0) * 1e6);
  options.parses_minor = Get(request, "parses_minor", 0u);
  options.max_extra = Get(request, "max_extra", options.max_extra);
  options.max_retakes = Get(request, "max_retakes", options.max_retakes);
  options.copy = Get(request, "copy", false);
  options.use_reader = Get(request, "reader", false);
  options.conservative = Get(request, "conservative", true);
  options.keep_argv = Get(request, "argv", false);
  return options;
}

// Who allocates is of use from a process's second look on, when growth can be told. Looks at a program that was started
// here come when its memory is high: those do not wait.
bool WatchByDefault(u32 pid) {
  static std::set<u32> seen;
  return !seen.insert(pid).second && !started;
}

Reply Look(const json& request) {
  const u32 pid = Get(request, "pid", 0u);
  const std::string core = Get(request, "core", std::string());
  capture::Options options = OptionsOf(request);
  options.watch = core.empty() && Get(request, "watch", WatchByDefault(pid));
  const auto columns = core.empty() ? capture::Look(pid, options) : capture::LookAtCore(core, Get(request, "root", std::string("/")), options);
  if (!columns.ok()) return {ErrorOf(columns.status()), UniqueFd()};
  UniqueFd memory(memfd_create("unleak-look", MFD_CLOEXEC));
  if (!memory.valid()) return {ErrorOf(SystemError("memfd_create", "a file in memory for the look", errno)), UniqueFd()};
  if (core.empty()) RememberCodes(pid, *columns);
  const Status written = snapshot::WriteFd(*columns, memory.get(), snapshot::Encoding::kRaw);
  if (!written.ok()) return {ErrorOf(written), UniqueFd()};
  return {FactsOf(*columns), std::move(memory)};
}

Reply Start(const json& request, int socket) {
  Program program{GetTexts(request, "argv"), GetTexts(request, "env"), Get(request, "cwd", std::string()), Get(request, "pgid", 0)};
  const auto pid = StartProgram(program, socket);
  if (!pid.ok()) return {ErrorOf(pid.status()), UniqueFd()};
  started = true;
  return {json{{"pid", *pid}}, UniqueFd()};
}

Reply Wait(const json& request) {
  const auto ended = WaitForProgram(Get(request, "pid", 0));
  if (!ended.ok()) return {ErrorOf(ended.status()), UniqueFd()};
  return {json{{"exit", ended->exit}, {"peak_rss", ended->peak_rss}}, UniqueFd()};
}

Reply Answer(const std::string& line, int socket) {
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object()) return {ErrorOf(Status(Code::kUsage, "the request is not a JSON object")), UniqueFd()};
  const std::string command = Get(request, "cmd", std::string());
  const u32 pid = Get(request, "pid", 0u);
  if (command == "look") return Look(request);
  if (command == "references") return {WatchCounts(request), UniqueFd()};
  if (command == "inspect") return {FactsOf(capture::Inspect(pid, OptionsOf(request))), UniqueFd()};
  if (command == "descendants") return {json{{"pids", capture::Descendants(pid, "/proc")}}, UniqueFd()};
  if (command == "start") return Start(request, socket);
  if (command == "wait") return Wait(request);
  return {ErrorOf(Status(Code::kUsage, "unknown request: " + command)), UniqueFd()};
}

// Sends all of `text`; the descriptor travels with its first byte. False when the other end is gone.
bool Send(int socket, const std::string& text, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  for (size_t sent = 0; sent < text.size();) {
    iovec piece{const_cast<char*>(text.data()) + sent, text.size() - sent};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (fd >= 0 && sent == 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    const ssize_t done = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    sent += static_cast<size_t>(done);
  }
  return true;
}

// Lines from a socket or pipe.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  // Nothing at the end, or when a line is longer than any request.
  std::optional<std::string> Next() {
    for (;;) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (buffer_.size() > kMaxLine || !Fill()) return std::nullopt;
    }
  }

 private:
  bool Fill() {
    std::array<char, 65536> piece;
    for (;;) {
      const ssize_t got = read(fd_, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) buffer_.append(piece.data(), static_cast<size_t>(got));
      return got > 0;
    }
  }

  int fd_;
  std::string buffer_;
};

void OutliveTheTerminal() {
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) std::signal(signal, SIG_IGN);
}

}  // namespace

int RunServe(int fd) {
  OutliveTheTerminal();
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  LineReader lines(fd);
  while (const auto line = lines.Next()) {
    const Reply reply = Answer(*line, fd);
    if (!Send(fd, Line(reply.value) + "\n", reply.fd.get())) break;
  }
  return kDone;
}

}  // namespace unleak::tools
