// A bounded cache of another process's memory, for the reader: chunks of a few pages, replaced where a new one falls
// into the same place. What cannot be read is 0. Not thread safe.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "base/types.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

class PageCache {
 public:
  explicit PageCache(Memory& memory) : memory_(memory), slots_(kSlots) {}

  u64 Word(u64 address) { return Load<u64>(address); }
  u32 Word32(u64 address) { return Load<u32>(address); }
  u8 Byte(u64 address) { return Load<u8>(address); }
  // All of it or false.
  bool Copy(u64 address, void* out, u64 bytes) {
    u64 into = address % kChunk;
    if (into + bytes > kChunk) return CopyStraddling(address, static_cast<u8*>(out), bytes);
    const Slot& slot = Get(address / kChunk);
    for (u64 page = into / kPage; page <= (into + bytes - 1) / kPage; ++page) {
      if ((slot.readable >> page & 1) == 0) return false;
    }
    std::memcpy(out, slot.bytes.get() + into, bytes);
    return true;
  }
  bool Has(u64 address) { return (Get(address / kChunk).readable >> (address % kChunk / kPage) & 1) != 0; }

 private:
  static constexpr u64 kPage = 4096, kPagesOfChunk = 8, kChunk = kPage * kPagesOfChunk, kSlots = 8192;

  struct Slot {
    u64 chunk = ~u64{0};
    u8 readable = 0;  // bit a page
    std::unique_ptr<u8[]> bytes;
  };

  template <class T>
  T Load(u64 address) {
    u64 into = address % kChunk;
    if (into + sizeof(T) > kChunk) return Straddling<T>(address);
    const Slot& slot = Get(address / kChunk);
    u64 first = into / kPage, last = (into + sizeof(T) - 1) / kPage;
    if ((slot.readable >> first & slot.readable >> last & 1) == 0) return T{};
    T value;
    std::memcpy(&value, slot.bytes.get() + into, sizeof value);
    return value;
  }

  bool CopyStraddling(u64 address, u8* out, u64 bytes) {
    for (u64 i = 0; i < bytes; ++i) {
      if (!Has(address + i)) return false;
      out[i] = Byte(address + i);
    }
    return true;
  }

  template <class T>
  T Straddling(u64 address) {
    T value{};
    u8 bytes[sizeof(T)];
    for (u64 i = 0; i < sizeof(T); ++i) bytes[i] = Byte(address + i);
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }

  const Slot& Get(u64 chunk) {
    Slot& slot = slots_[(chunk ^ chunk >> 13) % kSlots];
    if (slot.chunk != chunk) Fill(chunk, slot);
    return slot;
  }

  void Fill(u64 chunk, Slot& slot) {
    if (!slot.bytes) slot.bytes = std::make_unique_for_overwrite<u8[]>(kChunk);
    slot.chunk = chunk;
    slot.readable = 0xff;
    ReadRequest whole{chunk * kChunk, slot.bytes.get(), kChunk, false};
    memory_.ReadMany({&whole, 1});
    if (whole.ok) return;
    ReadRequest pages[kPagesOfChunk];
    for (u64 i = 0; i < kPagesOfChunk; ++i) {
      pages[i] = {chunk * kChunk + i * kPage, slot.bytes.get() + i * kPage, kPage, false};
    }
    memory_.ReadMany(pages);
    slot.readable = 0;
    for (u64 i = 0; i < kPagesOfChunk; ++i) slot.readable = static_cast<u8>(slot.readable | (pages[i].ok ? 1 : 0) << i);
  }

  Memory& memory_;
  std::vector<Slot> slots_;
};

}  // namespace unleak::capture
