// What the memory of a process says of a CPython in it, where no symbol does: its version, its _PyRuntime, whether it
// runs. Everything that is read is hostile: scans are bounded, and no pointer is followed that leads nowhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "pylayout/layout.h"

namespace unleak::capture {

// PY_VERSION_HEX of "3.12.1", "3.13.0rc2+" ...; 0 if `text` does not start with a version. For the text of
// Py_GetVersion and for file names ("3.12" gives 0x030c00f0).
u32 ParseVersion(std::string_view text);

// The version in the buffer of Py_GetVersion() ("3.10.13", "2.7.18"), which lies in the data of the object that holds
// the interpreter or in the zero pages behind it: "3.10.13 (main, Nov 23 2026, 10:00:00) \n[GCC 12.2.0]"
// (Python/getversion.c; 2.7 and PyPy too). "" if it is not there.
std::string VersionText(Memory& memory, const std::vector<Mapping>& maps, const std::string& path);

// Address of _PyRuntime in the data of that object, found by its shape: a list of interpreters whose first thread
// points back to it, and everything that pylayout::CheckLayout() asks. 0 if nothing has it.
u64 RuntimeByShape(Memory& memory, const std::vector<Mapping>& maps, const std::string& path,
                   const unleak_layout& layout);

// Has the runtime an interpreter? A library that was loaded and not started has none.
bool HasInterpreter(Memory& memory, u64 runtime, u32 python_hex, bool free_threaded);

}  // namespace unleak::capture
