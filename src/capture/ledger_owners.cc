#include "capture/ledger_owners.h"

#include <algorithm>

namespace unleak::capture {
namespace {

constexpr u64 kSmall = 512;  // what the small-object allocator takes (Objects/obmalloc.c, SMALL_REQUEST_THRESHOLD)

}  // namespace

Ranges PymallocRanges(const PymallocHeap& heap) {
  Ranges ranges;
  for (const PymallocArena& arena : heap.arenas) ranges.emplace_back(arena.address, arena.address + heap.arena_bytes);
  const size_t arenas = ranges.size();
  for (const PymallocPool& pool : heap.pools) {
    const auto after = std::upper_bound(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(arenas),
                                        pool.address, [](u64 a, const auto& r) { return a < r.first; });
    if (after != ranges.begin() && pool.address < (after - 1)->second) continue;
    if (ranges.size() > arenas && ranges.back().second == pool.address)
      ranges.back().second += heap.pool_bytes;
    else
      ranges.emplace_back(pool.address, pool.address + heap.pool_bytes);
  }
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

bool Inside(const Ranges& ranges, u64 address) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address, [](u64 a, const auto& r) { return a < r.first; });
  return after != ranges.begin() && address < (after - 1)->second;
}

LedgerOwners::LedgerOwners(const snapshot::Columns& columns, const Ranges& pymalloc) {
  auto node = columns.address.begin();
  for (const auto& [start, end] : pymalloc) {
    const auto stop = std::lower_bound(node, columns.address.end(), start);
    addresses_.insert(addresses_.end(), node, stop);
    node = std::lower_bound(stop, columns.address.end(), end);
  }
  addresses_.insert(addresses_.end(), node, columns.address.end());
  for (const snapshot::OwnedBlock& block : columns.blocks) {
    // Small blocks are nearly all in the arenas: asking only those that may not be keeps this cheap on big heaps.
    if (block.bytes > kSmall || pymalloc.empty() || !Inside(pymalloc, block.address))
      addresses_.push_back(block.address);
  }
  std::sort(addresses_.begin(), addresses_.end());
}

bool LedgerOwners::Owns(u64 from, u64 to) const {
  const auto at = std::lower_bound(addresses_.begin(), addresses_.end(), from);
  return at != addresses_.end() && *at < to;
}

}  // namespace unleak::capture
