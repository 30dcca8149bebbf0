#include "start.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/file.h"

namespace unleak::tools {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// In the child: only async-signal-safe calls. Returns only on failure, with errno set.
void Become(const Program& program, char* const* argv, char* const* env) {
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (program.group && setpgid(0, program.group) != 0) return;
  if (!program.folder.empty() && chdir(program.folder.c_str()) != 0) return;
  environ = const_cast<char**>(env);
  execvp(argv[0], argv);
}

}  // namespace

Result<u32> StartProgram(const Program& program, int keep_out) {
  if (program.argv.empty()) return Status(Code::kUsage, "no program to start was named");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe2", program.argv[0], errno);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const std::vector<char*> argv = Pointers(program.argv), env = Pointers(program.env);
  const pid_t pid = fork();
  if (pid < 0) return SystemError("fork", program.argv[0], errno);
  if (pid == 0) {
    close(keep_out);
    Become(program, argv.data(), env.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t told = write(write_end.get(), &error, sizeof error);
    _exit(127);
  }
  write_end.Close();
  int error = 0;
  ssize_t got;
  while ((got = read(read_end.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (got == 0) return static_cast<u32>(pid);  // the pipe was closed by exec
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  const Code code = error == ENOENT ? Code::kNotFound : error == EACCES ? Code::kPermission : Code::kIo;
  return Status(code, "cannot start " + program.argv[0] + ": " + std::strerror(error));
}

Result<Ended> WaitForProgram(int pid) {
  if (pid <= 0) return Status(Code::kUsage, "no process to wait for was named");
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) return SystemError("wait4", std::to_string(pid), errno);
  }
  return Ended{WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status), static_cast<u64>(usage.ru_maxrss) << 10};
}

}  // namespace unleak::tools
