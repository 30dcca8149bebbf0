// The instructions of code objects whose source nobody can read: its file is gone, is no file (made by exec, in a zip
// archive), was changed after the program started, or is for a newer Python than the reader of the sources parses. From
// them the line that stores can still be told (docs/questions.md, `from: bytecode`).
//
// Kept are instructions, line tables and names of attributes and variables; no constants. At most 8 MiB a look.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "capture/proc_memory.h"
#include "pylayout/layout.h"
#include "snapshot/columns.h"

namespace unleak::capture {

// Fills Columns::code_bodies, code_bytes and code_names for the code objects of files for which `missing` is true. The
// codes must be there; `memory` is of the clone. What cannot be read is left out.
void AddCodeBodies(const unleak_layout& layout, Memory& memory, const std::function<bool(const std::string&)>& missing,
                   snapshot::Columns* columns);

// Whether a file is the program's own: of a path, and not installed with the interpreter or by a package manager.
bool IsOwn(std::string_view file);

// Whether the source files of a process are as they were when it started. Nothing is opened: only their type and time
// is looked at, below the root of the process.
class SourceFiles {
 public:
  // `proc_root`: where proc is mounted. `start_ns`: CLOCK_BOOTTIME at which the process started.
  SourceFiles(u32 pid, const std::string& proc_root, u64 start_ns);
  ~SourceFiles();
  SourceFiles(const SourceFiles&) = delete;
  SourceFiles& operator=(const SourceFiles&) = delete;

  // True for a name that is no path, for a path to no regular file, and for a file changed after the start. False for
  // the interpreter's frozen modules, and where the root of the process cannot be looked into.
  bool Missing(const std::string& file) const;

 private:
  int root_ = -1, folder_ = -1;  // descriptors of the process's root and working folder
  u64 start_wall_ns_ = 0;
};

}  // namespace unleak::capture
