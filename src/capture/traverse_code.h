// What an object's tp_traverse reports, found by interpreting that function: exact also for types whose layout nobody
// knows (extension modules, module state in C). Nothing runs in the process.
//
// Can fail: the code is not there (a core file whose library is gone), uses instructions that the interpreter does not
// know, makes a system call. Then nothing is said of the object.
#pragma once

#include <string>
#include <vector>

#include "capture/arch/x86_64/interpreter.h"
#include "capture/page_cache.h"
#include "capture/scratch_memory.h"
#include "capture/twin.h"
#include "pylayout/layout.h"

namespace unleak::capture {

class TraverseCode {
 public:
  TraverseCode(const unleak_layout& layout, PageCache& memory, const RuntimeAddresses& addresses);

  // Lets the code take itself for the thread of this PyThreadState, as some of it asks who it is. Without it that code
  // fails. As the walker does (thread_identity.h).
  void BecomeThread(u64 thread_state);
  // CLOCK_MONOTONIC; 0 = none.
  void set_deadline(u64 ns) { interpreter_.set_deadline(ns); }

  // Fills `targets` in the order of the reports; null pointers are left out.
  bool Run(u64 traverse, u64 object, std::vector<u64>* targets);
  // Why the last one failed, for a person.
  std::string Reason() const;

 private:
  void FindLibraryFunctions();
  bool WriteThreadVariable(u64 thread_pointer, u64 thread_state);
  std::string InstructionText() const;

  const unleak_layout& l_;
  PageCache& cache_;
  const RuntimeAddresses addresses_;
  ScratchMemory memory_;
  arch::Interpreter interpreter_;
  arch::Ended ended_ = arch::Ended::kReturned;
};

}  // namespace unleak::capture
