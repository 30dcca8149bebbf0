// Fixed-width integer names used by the whole core.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unleak {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

// "No such index" in any u32 index column.
inline constexpr u32 kNone = 0xffffffffu;

}  // namespace unleak
