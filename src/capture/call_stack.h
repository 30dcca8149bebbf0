// What a thread was doing, from its registers and the top of its stack: which libraries' functions, which line of
// Python.
//
// Calls are followed exactly where the objects that they lie in have tables for it (unwind.h). Beyond that, what stands
// behind a call instruction is taken for a return address, so that a library of an earlier call may be listed behind
// the one that counts. Which line ran is told by a pointer into its instructions, which the evaluation loop keeps in
// the same register or place of the stack all the time (eval_slots.h): there it is sure; elsewhere on the stack it may
// be left from an earlier call. Addresses in a process; bytes.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "capture/call_events.h"
#include "capture/code_table.h"
#include "capture/eval_slots.h"
#include "capture/ledger_symbols.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/unwind.h"

namespace unleak::capture {

struct NativeCaller {
  std::string library, function;  // the file's path; the function is "" where the file has no symbol for it
  bool operator==(const NativeCaller&) const = default;
};

// A sample in a form that is small enough to be kept.
struct CallTrace {
  std::vector<u64> calls;        // in the instruction that runs or calls, nearest first
  std::vector<u64> maybe;        // words of the stack behind them that may be return addresses
  std::vector<EvalFrame> evals;  // functions that hold pointers into instructions of Python, nearest first
  std::vector<u64> pointers;     // such pointers anywhere on the stack, nearest first: some
};

class CallStack {
 public:
  CallStack(Memory& memory, LedgerSymbols& symbols, Bytecode& bytecode, const std::vector<Mapping>& maps);

  // Valid without the sample. With Trap::kExecute the watched function is not among the calls.
  CallTrace Follow(const CallSample& sample, Trap trap);
  // Of each library on the stack the function that called out of it first, nearest first; allocators and what only
  // passes on are left out. The interpreter itself is named only where there is no other library.
  std::vector<NativeCaller> Callers(const CallTrace& trace);
  // The innermost lines of Python, nearest first, at most two. Better the more samples were followed before.
  std::vector<PythonPlace> Lines(const CallTrace& trace);

 private:
  bool IsReturn(u64 address);
  void TakeFrame(const CallSample& sample, const StackFrame& frame, CallTrace* trace);
  void Scan(const CallSample& sample, const StackFrame& last, CallTrace* trace);
  const PythonPlace& PlaceOf(u32 row, u64 pointer);
  void AddLine(u64 pointer, bool sure, std::vector<u32>* rows, std::vector<PythonPlace>* lines);

  Memory& memory_;
  LedgerSymbols& symbols_;
  Bytecode& bytecode_;
  Unwinder unwinder_;
  EvalSlots slots_;
  bool interpreter_is_known_ = false;  // by the name of its file
  u64 code_start_ = ~u64{0}, code_end_ = 0;  // of all executable files
  std::unordered_map<u64, bool> returns_;
  std::unordered_map<u64, PythonPlace> places_;  // by pointer
};

}  // namespace unleak::capture
