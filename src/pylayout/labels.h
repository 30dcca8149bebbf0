// Words that say what an edge is and how it is called. The numbers are those of src/walker/stream.h, a higher layer;
// src/capture/reader.cc holds the two together with static_asserts.
#pragma once

#include "base/types.h"

namespace unleak::pylayout {

enum class Edge : u64 { kTraverse = 0, kOmitted = 1, kConservative = 2, kType = 3 };

inline constexpr u64 kNoLabel = 0, kKeyLabel = 3;
inline constexpr u64 IndexLabel(u64 index) { return index << 3 | 1; }
inline constexpr u64 BodyLabel(i64 offset) { return static_cast<u64>(offset) << 3 | 4; }
inline constexpr u64 LocalLabel(u64 index) { return index << 3 | 7; }
// Named by the object at `key`.
inline constexpr u64 ValueLabel(u64 key) { return key != 0 && (key & 7) == 0 ? key | 2 : kNoLabel; }
inline constexpr u64 AttributeLabel(u64 key) { return key != 0 && (key & 7) == 0 ? key | 5 : kNoLabel; }

}  // namespace unleak::pylayout
