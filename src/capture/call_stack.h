// What a thread was doing, from its registers and the top of its stack: which libraries' functions, which line of
// Python.
//
// Nothing is unwound: what stands behind a call instruction is taken for a return address, so that a library of an
// earlier call may be listed behind the one that counts. Addresses in a process; bytes.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "capture/call_events.h"
#include "capture/code_table.h"
#include "capture/ledger_symbols.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

struct NativeCaller {
  std::string library, function;  // the file's path; the function is "" where the file has no symbol for it
  bool operator==(const NativeCaller&) const = default;
};

class CallStack {
 public:
  CallStack(Memory& memory, LedgerSymbols& symbols, Bytecode& bytecode, const std::vector<Mapping>& maps);

  // Of each library on the stack the function that called out of it first, nearest first; allocators and what only
  // passes on are left out. The interpreter itself is named only where there is no other library.
  std::vector<NativeCaller> Callers(const CallSample& sample, Trap trap);
  // Keeps of a stack only the words that the two functions may take for something: far fewer.
  std::vector<u8> Trim(std::span<const u8> stack) const;
  // The innermost lines of Python, nearest first, at most two. Which of those in registers is the inner one is not
  // known; they come first.
  std::vector<PythonPlace> Lines(const CallSample& sample);

 private:
  bool IsReturn(u64 address);

  Memory& memory_;
  LedgerSymbols& symbols_;
  Bytecode& bytecode_;
  u64 code_start_ = ~u64{0}, code_end_ = 0;  // of all executable files
  std::unordered_map<u64, bool> returns_;
  std::unordered_map<u64, PythonPlace> places_;  // by pointer
};

}  // namespace unleak::capture
