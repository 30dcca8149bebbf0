// How certain a line of Python is that samples of running threads name.
#pragma once

#include "base/types.h"

namespace unleak::diagnose {

// A pointer into the line's instructions was found on the thread's stack or in its registers, where one of an earlier
// call may lie as well: "probable" where many samples agree, else "possible"; never more.
inline const char* LineCertainty(u64 samples) {
  constexpr u64 kMany = 4;
  return samples >= kMany ? "probable" : "possible";
}

}  // namespace unleak::diagnose
