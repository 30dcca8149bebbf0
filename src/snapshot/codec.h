// Blocks of rows to bytes and back: see Transform in format.h. Everything here is pure computation on memory that the
// caller checked; input that was tampered with gives wrong rows, never an access out of bounds.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/types.h"
#include "snapshot/format.h"

namespace unleak::snapshot {

// The source node of edges first, first + 1, ... for Transform::kSourceDelta. `edge_row` must be valid for them.
class SourceCursor {
 public:
  SourceCursor(std::span<const u32> edge_row, u64 first_edge);
  // Calls f(i, source) for i = 0 .. count - 1. `marks` is scratch memory. Nodes without edges and those with few take turns
  // in no order, so nothing branches on how many a node has: each node writes its number to the place of its first edge
  // (of several with the same place the last one has it), and the highest number so far is the source.
  template <class F>
  void ForEach(std::size_t count, std::vector<u32>* marks, F&& f) {
    marks->assign(count, 0);
    u32* mark = marks->data();
    u32 source = static_cast<u32>(node_);
    for (++node_; node_ < edge_row_.size() && edge_row_[node_] < edge_ + count; ++node_)
      mark[edge_row_[node_] - edge_] = static_cast<u32>(node_);
    --node_;
    edge_ += count;
    for (std::size_t i = 0; i < count; ++i) f(i, source = std::max(source, mark[i]));
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

// out[k * count + i] = byte k of rows[i], for rows from `first` on.
template <class T>
void SplitPlanesFrom(std::size_t first, const T* rows, std::size_t count, u8* out) {
  for (std::size_t k = 0; k < sizeof(T); ++k) {
    u8* plane = out + k * count;
    const int shift = static_cast<int>(8 * k);
    for (std::size_t i = first; i < count; ++i) plane[i] = static_cast<u8>(rows[i] >> shift);
  }
}

#ifdef __SSE2__
// Bytes 0 to 3 of 16 values of 32 bits, each to 16 bytes of its plane; planes lie `stride` bytes apart.
inline void SplitWords(const __m128i (&v)[4], u8* out, std::size_t stride) {
  const __m128i low = _mm_set1_epi32(0xff);
  const auto plane = [&](const auto& byte_of) {
    const __m128i a = _mm_packs_epi32(_mm_and_si128(byte_of(v[0]), low), _mm_and_si128(byte_of(v[1]), low));
    const __m128i b = _mm_packs_epi32(_mm_and_si128(byte_of(v[2]), low), _mm_and_si128(byte_of(v[3]), low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(a, b));
    out += stride;
  };
  plane([](__m128i x) { return x; });
  plane([](__m128i x) { return _mm_srli_epi32(x, 8); });
  plane([](__m128i x) { return _mm_srli_epi32(x, 16); });
  plane([](__m128i x) { return _mm_srli_epi32(x, 24); });
}
#endif

template <class T>
void SplitPlanes(const T* rows, std::size_t count, u8* out) {
  std::size_t done = 0;
#ifdef __SSE2__
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {
    const auto load = [](const T* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
    for (; done + 16 <= count; done += 16) {
      const T* from = rows + done;
      if constexpr (sizeof(T) == 4) {
        SplitWords({load(from), load(from + 4), load(from + 8), load(from + 12)}, out + done, count);
      } else {
        __m128i low[4], high[4];
        for (int i = 0; i < 4; ++i) {
          const __m128 a = _mm_castsi128_ps(load(from + 4 * i)), b = _mm_castsi128_ps(load(from + 4 * i + 2));
          low[i] = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
          high[i] = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
        }
        SplitWords(low, out + done, count);
        SplitWords(high, out + done + 4 * count, count);
      }
    }
  }
#endif
  SplitPlanesFrom(done, rows, count, out);
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
