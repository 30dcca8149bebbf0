// How certain a line of Python is that samples of running threads name.
#pragma once

#include "base/types.h"

namespace unleak::diagnose {

// "confirmed" where most samples read it where the interpreter keeps it; "probable" where many samples that found it
// elsewhere on a stack agree; else "possible".
inline const char* LineCertainty(u64 samples, u64 sure) {
  constexpr u64 kMany = 4;
  return sure > 0 && 2 * sure >= samples ? "confirmed" : samples >= kMany ? "probable" : "possible";
}

}  // namespace unleak::diagnose
