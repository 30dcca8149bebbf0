// Who may run Python code in a process at one moment: the locks and collectors of all its interpreters.
#pragma once

#include "base/types.h"
#include "capture/proc_memory.h"
#include "pylayout/layout.h"

namespace unleak::capture {

// From 3.12 on an interpreter may have a GIL of its own (PEP 684); all others share the main interpreter's.
struct GilState {
  u64 interpreter = 0;  // the holder's PyInterpreterState; the main one while no GIL is held; 0: the process is gone
  u64 holder = 0;       // PyThreadState that holds a GIL (the first found), 0 = all are free
  u32 interpreters = 0;
  u32 gils = 0;             // distinct ones
  u32 locked = 0;           // of them, held
  bool collecting = false;  // in some interpreter
};

// Reads without stopping anything: while the process runs, what it says may be over already. At most 1,000 interpreters
// are read.
GilState ReadGil(u32 pid, const unleak_layout& layout, u64 runtime);
// The same of any memory.
GilState ReadGil(Memory& memory, const unleak_layout& layout, u64 runtime);

}  // namespace unleak::capture
