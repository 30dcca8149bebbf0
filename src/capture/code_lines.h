// Which source line an instruction belongs to, from a code object's line table. Formats by version:
//   3.9        co_lnotab: pairs of unsigned address and signed line increments (Objects/lnotab_notes.txt)
//   3.10       co_linetable: pairs of unsigned length and signed line increment, -128 = no line (PEP 626)
//   3.11+      co_linetable: location entries (Objects/locations.md)
#pragma once

#include <span>

#include "base/types.h"

namespace unleak::capture {

// `instruction` is the byte offset of the instruction from the first one; negative = before the first (not started).
// 0 = no line known: the table ends before, or says that this instruction has none. Any bytes are safe to give.
u32 LineOfInstruction(u32 python_hex, std::span<const u8> table, u32 first_line, i64 instruction);

}  // namespace unleak::capture
