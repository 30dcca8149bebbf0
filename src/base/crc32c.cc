#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace unleak {
namespace {

constexpr u32 kPolynomial = 0x82f63b78;

// Slicing by 8: table[k][b] is the checksum of byte b followed by k zero bytes.
constexpr std::array<std::array<u32, 256>, 8> MakeTables() {
  std::array<std::array<u32, 256>, 8> tables{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (u32 byte = 0; byte < 256; ++byte)
    for (std::size_t k = 1; k < 8; ++k)
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

constexpr auto kTables = MakeTables();

u32 Portable(const u8* data, std::size_t size, u32 crc) {
  for (; size >= 8; data += 8, size -= 8) {
    u64 word;
    std::memcpy(&word, data, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; size > 0; ++data, --size) crc = crc >> 8 ^ kTables[0][(crc ^ *data) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) u32 Hardware(const u8* data, std::size_t size, u32 start) {
  u64 crc = start;
  for (; size >= 8; data += 8, size -= 8) {
    u64 word;
    std::memcpy(&word, data, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  u32 low = static_cast<u32>(crc);
  for (; size > 0; ++data, --size) low = _mm_crc32_u8(low, *data);
  return low;
}
#endif

}  // namespace

u32 Crc32c(const void* data, std::size_t size, u32 crc) {
  const u8* bytes = static_cast<const u8*>(data);
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~Hardware(bytes, size, ~crc);
#endif
  return ~Portable(bytes, size, ~crc);
}

}  // namespace unleak
