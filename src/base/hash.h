// FNV-1a, 64 bits (Fowler, Noll, Vo): the same text gives the same number in every process and version. Signatures of
// findings are made with it, so it never changes. Not for input that somebody may choose to collide.
#pragma once

#include <string_view>

#include "base/types.h"

namespace unleak {

inline constexpr u64 kFnvStart = 0xcbf29ce484222325ull;

// `hash` is what came before: texts can be hashed in pieces.
constexpr u64 Fnv1a(std::string_view text, u64 hash = kFnvStart) {
  for (const char ch : text) hash = (hash ^ static_cast<unsigned char>(ch)) * 0x100000001b3ull;
  return hash;
}

}  // namespace unleak
