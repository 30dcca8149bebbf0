// Makes the one thread of a clone look like an attached Python thread: some tp_traverse ask for the current thread
// state (structseq in 3.12, everything in free-threaded builds).
#pragma once

#include "capture/clone.h"
#include "capture/twin.h"
#include "capture/walker_image.h"

namespace unleak::capture {

// Sets the registers of the clone so that it starts the walker as thread `thread_state` (an address of the target's
// PyThreadState). False if the current thread state could not be set: then a few objects fault, and no more.
bool StartAsThread(ClonedProcess& clone, const WalkerImage& image, const unleak_layout& layout,
                   const RuntimeAddresses& addresses, u64 thread_state);

}  // namespace unleak::capture
