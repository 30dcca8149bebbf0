// Programs that are started as children of this process.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace unleak::tools {

struct Program {
  std::vector<std::string> argv;  // argv[0] is looked for in the PATH of `env`
  std::vector<std::string> env;   // "NAME=value"
  std::string folder;             // working directory, "" = ours
  int group = 0;                  // process group that it joins, 0 = ours
};

// Its pid, once exec has succeeded; else why it could not be started. Standard streams are ours, signals as at a fresh
// start. `keep_out` is a descriptor that must not be open in it.
Result<u32> StartProgram(const Program& program, int keep_out);

struct Ended {
  int exit = 0;       // its status, or minus the number of the signal
  u64 peak_rss = 0;   // bytes: the most that was ever resident in it, or in a process that it had waited for
};

// Waits for the end of a program that StartProgram started.
Result<Ended> WaitForProgram(int pid);

}  // namespace unleak::tools
