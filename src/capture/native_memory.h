// Memory in which C code keeps references that no object and no table of the interpreter shows: the writable data of
// the program and its libraries, and the part of each thread's stack (with its registers) that is in use.
//
// What is found here are places to look at, never proof: a word there may be borrowed or stale (native_roots.h).
// Thread safety: none. Sizes are bytes; everything read is bounded and checked, broken images are left out.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "capture/arch/x86_64/registers.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

// Where a thread stood.
struct ThreadStack {
  u32 tid = 0;                 // in our PID namespace
  u64 pointer = 0;             // its stack pointer; 0 = not known (it was running)
  std::vector<u64> registers;  // general ones, if it was stopped
};

struct NativeRange {
  enum class Kind : u8 { kData, kStack };
  Kind kind = Kind::kData;
  u64 start = 0, end = 0;  // addresses, 8-byte aligned
  u64 base = 0;            // kData: what offsets of the image count from
  std::string name;        // kData: file name of the image, without its folder
  u32 tid = 0;             // kStack
};

// By a thread's registers.
ThreadStack StackOf(int tid, const arch::Registers& registers);
// A thread that is stopped by the caller.
ThreadStack StackOfStopped(int tid);
// Those of `pid` that are not in `known`, where the kernel says that they wait in a system call
// (/proc/PID/task/TID/syscall).
void AddWaitingStacks(u32 pid, const std::string& proc_root, std::vector<ThreadStack>* known);

// Private writable parts of the loadable segments of all ELF images in `maps`, zero-filled tails included: exact
// bounds, because what lies next to them is heap. Parts that were made read-only after relocation own nothing and are
// left out. At most 65,536 ranges; `maps` must ascend.
std::vector<NativeRange> FindDataRanges(Memory& memory, const std::vector<Mapping>& maps);
// From the stack pointer (and the red zone below it) to the end of the stack, or to the thread's own descriptor where
// one of `idents` (PyThreadState.thread_id, which on Linux is its address) lies above it in the same mapping.
std::vector<NativeRange> FindStackRanges(const std::vector<ThreadStack>& stacks, const std::vector<Mapping>& maps,
                                         std::vector<u64> idents);

}  // namespace unleak::capture
