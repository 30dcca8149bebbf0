// Address -> node id (rank by address), for millions of objects without a hash map.
//
// One bit for each 16-byte granule of address space, in leaves of 64 MiB that are made when first needed; beside the
// 64 bits of a KiB lies the count of all bits before it, so that a look-up touches one cache line. Two objects never
// start in the same granule (PyObject has 16 bytes); which half of it a rare 8-aligned object starts at is checked
// against the sorted addresses by the caller, where MaybeOdd() says so.
#pragma once

#include <memory>
#include <vector>

#include "base/types.h"

namespace unleak::capture {

class AddressIndex {
 public:
  AddressIndex();
  ~AddressIndex();
  AddressIndex(const AddressIndex&) = delete;
  AddressIndex& operator=(const AddressIndex&) = delete;

  // Adds an object; false if its granule is taken, or the address is not one of user space (below 2^47).
  bool Add(u64 address) {
    if (address >> kAddressBits) return false;
    Leaf*& leaf = leaves_[address >> kLeafBits];
    if (!leaf) [[unlikely]] leaf = NewLeaf(address >> kLeafBits);
    Entry& entry = leaf->entries[Slot(address)];
    const u64 bit = Bit(address);
    if (entry.bits & bit) return false;
    entry.bits |= bit;
    entry.odd |= static_cast<u32>(address & 8);
    return true;
  }

  // Something was added in the granule of `address`.
  bool Has(u64 address) const {
    if (address >> kAddressBits) return false;
    const Leaf* leaf = leaves_[address >> kLeafBits];
    return leaf && (leaf->entries[Slot(address)].bits & Bit(address)) != 0;
  }

  // The granules of the KiB around `address` in which something was added: bit g for the granule at its start + 16 * g.
  u64 GranulesOfKib(u64 address) const {
    if (address >> kAddressBits) return 0;
    const Leaf* leaf = leaves_[address >> kLeafBits];
    return leaf ? leaf->entries[Slot(address)].bits : 0;
  }

  // Counts; from now on Find() works and Add() must not be called. Returns the number of objects.
  u32 Seal();

  // Node id of the object that starts in the granule of `address`, kNone if there is none.
  u32 Find(u64 address) const {
    if (address >> kAddressBits) return kNone;
    const Leaf* leaf = leaves_[address >> kLeafBits];
    if (!leaf) return kNone;
    const Entry& entry = leaf->entries[Slot(address)];
    const u64 bit = Bit(address);
    if (!(entry.bits & bit)) return kNone;
    return entry.before + Count(entry.bits & (bit - 1));
  }

  // Starts to load what Find() needs.
  void Prefetch(u64 address) const {
    if (address >> kAddressBits) return;
    const Leaf* leaf = leaves_[address >> kLeafBits];
    if (leaf) __builtin_prefetch(&leaf->entries[Slot(address)]);
  }

  // The KiB of `address` has 8-aligned objects, or `address` is no multiple of 16: compare the found address.
  bool MaybeOdd(u64 address) const {
    if (address & 15) return true;
    return leaves_[address >> kLeafBits]->entries[Slot(address)].odd != 0;
  }

 private:
  static constexpr int kAddressBits = 47, kLeafBits = 26, kEntryBits = 10;
  struct Entry {
    u64 bits;
    u32 before;  // objects below this KiB
    u32 odd;     // not 0: an object here is not 16-aligned
  };
  struct Leaf {
    Entry entries[size_t{1} << (kLeafBits - kEntryBits)];
  };

  static u64 Slot(u64 address) { return address >> kEntryBits & ((u64{1} << (kLeafBits - kEntryBits)) - 1); }
  static u64 Bit(u64 address) { return u64{1} << (address >> 4 & 63); }
  Leaf* NewLeaf(u64 number);
  // Bits that are set. Not the builtin: without an instruction for it, which not every x86-64 has, that is a call.
  static u32 Count(u64 bits) {
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    return static_cast<u32>(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
  }

  Leaf** leaves_;  // 2^21 pointers, mapped, so only used pages are resident
  std::vector<u32> used_;  // numbers of the leaves that are there: going through all would make every page resident
};

}  // namespace unleak::capture
