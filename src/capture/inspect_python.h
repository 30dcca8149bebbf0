// Which Python runs in a process and where its state lies, found from the ELF files that it has mapped.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "capture/maps.h"
#include "capture/twin.h"

namespace unleak::capture {

struct PythonImage {
  u32 python_hex = 0;  // PY_VERSION_HEX; the patch level is 0 where only a file name tells the version
  bool free_threaded = false;
  RuntimeAddresses addresses;
  std::string path;    // of the executable or library that holds the interpreter
};

// The files are opened below the process's own root (openat2 with RESOLVE_IN_ROOT, or /proc/PID/map_files), regular
// files only, and only their headers and the symbols asked for are read. kUnsupported with the reason where there is no
// CPython: PyPy, another language, a 32-bit program, musl, an interpreter older than 3.9.
Result<PythonImage> FindPython(u32 pid, const std::vector<Mapping>& maps, const std::string& executable,
                               const std::string& proc_root);

// PY_VERSION_HEX of "3.12.1", "3.13.0rc2+" ...; 0 if `text` does not start with a version. For the text of Py_GetVersion
// and for file names ("3.12" gives 0x030c00f0).
u32 ParseVersion(std::string_view text);

}  // namespace unleak::capture
