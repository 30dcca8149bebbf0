// A look without a clone, for a target that must not make system calls for us (seccomp): all its threads stand still
// while its memory is copied (memory_copy.h), then it goes on and the reader reads the copy.
//
// The target makes no system call that it would not make by itself: not even restart_syscall(2), by which the kernel
// resumes timed waits after a stop and which a filter may not know. Such waits start over with their whole time
// (ptrace.h, TimedWaitsStartOver).
#pragma once

#include <functional>
#include <vector>

#include "base/status.h"
#include "capture/proc_memory.h"
#include "capture/twin.h"

namespace unleak::capture {

// As WalkTwin(), with the same errors; kExhausted also if the copy would take longer than Options::max_pause_ns, which
// is what the target stands still at most. `then` gets the copy, and the facts: types, maps, stacks.
Result<TwinFacts> ReadStoppedCopy(
    u32 pid, const Options& options, const struct unleak_layout& layout, const RuntimeAddresses& addresses,
    StreamSink& sink, const std::function<Status(Memory&, const TwinFacts&)>& then);

}  // namespace unleak::capture
