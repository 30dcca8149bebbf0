// Which line of Python ran, by a pointer into the instructions of a code object.
//
// The evaluation loop keeps a pointer to the next instruction in a register, so a thread's registers and stack at any
// moment name the line, long after the thread has gone on.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "capture/proc_memory.h"
#include "snapshot/columns.h"

struct unleak_layout;

namespace unleak::capture {

// The code objects of a look, small enough to be kept.
struct CodeTable {
  struct Row {
    u64 address = 0;
    u32 file = 0, function = 0;  // into texts; the function by its qualified name
    u32 first_line = 0;
  };
  std::vector<Row> rows;
  std::vector<std::string> texts;
};
CodeTable TableOfCodes(const snapshot::Columns& columns);

struct PythonPlace {
  std::string file, function;
  u32 line = 0;
  bool sure = false;                                 // the pointer was where it has to be (call_stack.h)
  bool operator==(const PythonPlace& other) const {  // the same place, however it is known
    return line == other.line && file == other.file && function == other.function;
  }
};

// Where the instructions of each code object lie in a process now. Reads of a process that runs: an object that has
// gone gives a range of rubbish, which at worst names a wrong line of a file that the look knows.
class Bytecode {
 public:
  Bytecode(const unleak_layout& layout, Memory& memory, const CodeTable& codes);

  // The code object, as index into its rows, in whose instructions `pointer` lies behind the first one; kNone
  // otherwise.
  u32 CodeAt(u64 pointer) const;
  // The line of the instruction before `pointer`, a pointer in that code object; line 0 where the table has none.
  PythonPlace PlaceOf(u32 row, u64 pointer);

 private:
  struct Range {
    u64 start, end;
    u32 row;
  };
  void AddInline();   // 3.11+: behind the code object's fields
  void AddObjects();  // 3.9, 3.10: in a bytes object

  const unleak_layout& layout_;
  Memory& memory_;
  const CodeTable& codes_;
  std::vector<Range> ranges_;  // ascending
};

}  // namespace unleak::capture
