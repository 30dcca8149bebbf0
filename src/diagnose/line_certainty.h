// How certain a line of Python is that samples of running threads name.
#pragma once

#include "base/types.h"

namespace unleak::diagnose {

// "confirmed" where many samples agree and most of them read it where the interpreter keeps it; "probable" where many
// found it elsewhere on a stack, or few where it is kept: what a few samples are of may be chance (a block that was
// used again); else "possible".
inline const char* LineCertainty(u64 samples, u64 sure) {
  constexpr u64 kMany = 4;
  const bool many = samples >= kMany, kept = sure > 0 && 2 * sure >= samples;
  return many && kept ? "confirmed" : many || kept ? "probable" : "possible";
}

}  // namespace unleak::diagnose
