// What an ELF core file of a Linux x86-64 process says: which memory it holds, which files were mapped, who it was.
// From the kernel and from gcore alike; both write the same notes (core(5), fs/binfmt_elf.c).
//
// Everything is hostile: counts and sizes are bounded, places are checked. Nothing of the memory itself is read here.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "capture/maps.h"
#include "capture/native_memory.h"

namespace unleak::capture {

// Memory that the core holds from `start` on: bytes of the file at `offset`. What lies between `held` and `end` was
// left out: pages of mapped files that nobody had written to.
struct CoreSegment {
  u64 start = 0, end = 0, held = 0, offset = 0;
};

struct CoreThread {
  u64 cpu_ns = 0;
  ThreadStack stack;  // with its tid
};

struct CoreFacts {
  u32 pid = 0, ppid = 0;
  int signal = 0;  // that ended it; 0: it went on (gcore)
  std::string comm, argv;
  std::string executable;  // path, as the process saw it; "" if the core does not say
  std::vector<CoreThread> threads;
  std::vector<CoreSegment> segments;  // ascending, they do not overlap
  std::vector<Mapping> maps;          // ascending; what the core does not hold is there too
};

// kUnsupported: no ELF file, no core, or one of another machine; kCorrupt: its parts do not fit, or it is cut short.
// `name` is what errors call the file.
Result<CoreFacts> ReadCoreFacts(const ByteSource& file, const std::string& name);

// Does the file start as a core does? Also one that zstd has compressed (systemd-coredump's): then `compressed` is set.
bool LooksLikeCore(const ByteSource& file, bool* compressed);

}  // namespace unleak::capture
