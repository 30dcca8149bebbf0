// Blocks of rows to bytes and back: see Transform in format.h. Everything here is pure computation on memory that the
// caller checked; input that was tampered with gives wrong rows, never an access out of bounds.
#pragma once

#include <cstring>
#include <span>
#include <type_traits>

#include "base/types.h"
#include "snapshot/format.h"

namespace unleak::snapshot {

// The source node of edges first, first + 1, ... for Transform::kSourceDelta. `edge_row` must be valid for them.
class SourceCursor {
 public:
  SourceCursor(std::span<const u32> edge_row, u64 first_edge);
  // Calls f(i, source) for i = 0 .. count - 1.
  template <class F>
  void ForEach(std::size_t count, F&& f) {
    for (std::size_t i = 0; i < count;) {
      while (edge_ >= edge_row_[node_ + 1]) ++node_;
      std::size_t end = i + static_cast<std::size_t>(edge_row_[node_ + 1] - edge_);
      if (end > count) end = count;
      edge_ += end - i;
      for (u32 source = static_cast<u32>(node_); i < end; ++i) f(i, source);
    }
  }

 private:
  std::span<const u32> edge_row_;
  std::size_t node_ = 0;
  u64 edge_;
};

template <class T>
constexpr T ZigzagEncode(T difference) {
  using Signed = std::make_signed_t<T>;
  constexpr int kSignShift = sizeof(T) * 8 - 1;
  return static_cast<T>(static_cast<T>(difference << 1) ^ static_cast<T>(static_cast<Signed>(difference) >> kSignShift));
}

template <class T>
constexpr T ZigzagDecode(T coded) {
  return static_cast<T>(static_cast<T>(coded >> 1) ^ static_cast<T>(0 - (coded & 1)));
}

// out[k * count + i] = byte k of rows[i].
template <class T>
void SplitPlanes(const T* rows, std::size_t count, u8* out) {
  for (std::size_t k = 0; k < sizeof(T); ++k) {
    u8* plane = out + k * count;
    const int shift = static_cast<int>(8 * k);
    for (std::size_t i = 0; i < count; ++i) plane[i] = static_cast<u8>(rows[i] >> shift);
  }
}

template <class T>
void JoinPlanes(const u8* planes, std::size_t count, T* rows) {
  for (std::size_t i = 0; i < count; ++i) {
    T value = 0;
    for (std::size_t k = 0; k < sizeof(T); ++k)
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(planes[k * count + i]) << (8 * k)));
    rows[i] = value;
  }
}

// Rows to transformed rows; `scratch` has room for `count` rows. Returns what is to be split: `rows` or `scratch`.
template <class T>
const T* Difference(Transform transform, const T* rows, std::size_t count, T* scratch) {
  if (transform != Transform::kDelta && transform != Transform::kZigzag) return rows;
  T before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    T difference = static_cast<T>(rows[i] - before);
    before = rows[i];
    scratch[i] = transform == Transform::kDelta ? difference : ZigzagEncode(difference);
  }
  return scratch;
}

template <class T>
void Integrate(Transform transform, std::size_t count, T* rows) {
  if (transform != Transform::kDelta && transform != Transform::kZigzag) return;
  T value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = static_cast<T>(value + (transform == Transform::kDelta ? rows[i] : ZigzagDecode(rows[i])));
    rows[i] = value;
  }
}

}  // namespace unleak::snapshot
