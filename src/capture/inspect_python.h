// Which Python runs in a process and where its state lies, found from the ELF files that it has mapped.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/twin.h"
#include "elf/image.h"

namespace unleak::capture {

struct PythonImage {
  u32 python_hex = 0;  // PY_VERSION_HEX; the patch level is 0 where only a file name tells the version
  bool free_threaded = false;
  RuntimeAddresses addresses;
  std::string path;    // of the executable or library that holds the interpreter
};

// A mapped ELF object, and what must be added to its addresses.
struct OpenedImage {
  elf::Image image;
  u64 bias = 0;
};

// Where the objects and the memory of a process are read from: a live one, or a core file.
class ProcessImages {
 public:
  virtual ~ProcessImages() = default;
  // The object whose first mapping this is: from its file, or from memory where the file is gone.
  virtual Result<OpenedImage> OpenImage(const Mapping& first) = 0;
  virtual Memory& memory() = 0;
};

// A file below a folder, as if that was the root: no way out by links. -1 and errno if it cannot be opened.
int OpenBelow(const std::string& root, const std::string& path);

// The files are opened below the process's own root (openat2 with RESOLVE_IN_ROOT, or /proc/PID/map_files), regular
// files only, and only their headers and the symbols asked for are read. Of several CPythons the one that has been started is
// taken. kUnsupported with the reason where there is none (PyPy, another language, a 32-bit program, an interpreter older than
// 3.9), or where more than one runs.
Result<PythonImage> FindPython(u32 pid, const std::vector<Mapping>& maps, const std::string& executable,
                               const std::string& proc_root);

// The same for anything that has images and memory.
Result<PythonImage> FindPython(ProcessImages& process, const std::vector<Mapping>& maps, const std::string& executable);

// The ELF object of which `first` maps the beginning, opened as above.
Result<OpenedImage> OpenMappedImage(u32 pid, const Mapping& first, const std::string& proc_root);

}  // namespace unleak::capture
