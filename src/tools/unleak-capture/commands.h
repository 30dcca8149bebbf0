// The subcommands of `unleak-capture`. Each returns its exit status: 0 done, 1 findings, 2 usage, 3 it could not be done (the reason
// and what to try are on stderr).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "capture/capture.h"

namespace unleak::tools {

inline constexpr int kDone = 0, kFindings = 1, kUsage = 2, kFailed = 3;

struct SnapshotArguments {
  std::string target;      // a pid, or the path of a core file
  std::string root = "/";  // of the files that a core names
  std::string output;
  bool raw = false;
  capture::Options options;
};
int RunSnapshot(const SnapshotArguments& arguments);

int RunVerify(const std::string& path);

struct ConvertArguments {
  std::string from, to;
  bool raw = false;
};
int RunConvert(const ConvertArguments& arguments);

int RunInspect(u32 pid, const capture::Options& options);

struct DiagnoseArguments {
  std::vector<u32> pids;
  double duration_s = 0;  // 0: as long as the answer needs
  int looks = 4;
  capture::Options options;
};
// Looks at each process until its session is content, prints one verdict document a process. Without the answers
// that need the program's source (docs/questions.md). 1 if a verdict is leak, garbage or peak.
int RunDiagnose(const DiagnoseArguments& arguments);

// Serves requests that come as JSON lines on the socket `fd` until the other end closes it.
int RunServe(int fd);

// Prints what failed and what to try; returns the exit status for it.
int Fail(const Status& status);

// "not-found", "permission" ...: the names that the command line's other parts know.
std::string_view CodeName(Code code);

}  // namespace unleak::tools
