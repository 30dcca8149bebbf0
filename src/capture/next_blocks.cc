#include "capture/next_blocks.h"

#include <algorithm>

namespace unleak::capture {
namespace {

constexpr u64 kFreeBlock = 8, kNextPool = 16;  // in struct pool_header
constexpr u64 kNextOffset = 40, kMostOffset = 44;
constexpr size_t kMostPools = 1 << 16, kMostStarts = 16, kPoolsAhead = 4;

}  // namespace

std::optional<BlockKind> KindOfBlock(const PymallocHeap& heap, u64 object) {
  if (heap.pool_bytes == 0) return std::nullopt;
  const u64 at = object & ~(heap.pool_bytes - 1);
  const auto pool = std::lower_bound(heap.pools.begin(), heap.pools.end(), at,
                                     [](const PymallocPool& p, u64 address) { return p.address < address; });
  const u64 first = at + PymallocHeap::kPoolHeader;
  if (pool == heap.pools.end() || pool->address != at || object < first) return std::nullopt;
  return BlockKind{pool->block_bytes, static_cast<u32>((object - first) % pool->block_bytes)};
}

NextBlocks::NextBlocks(Memory& memory, const PymallocHeap& heap, u32 block_bytes)
    : memory_(memory), pool_bytes_(heap.pool_bytes), block_bytes_(block_bytes), head_(FindHead(heap)) {}

// Follows the ring from a pool that has room. Its head is the one member that is not the start of a pool.
u64 NextBlocks::FindHead(const PymallocHeap& heap) {
  size_t starts = 0;
  for (const PymallocPool& pool : heap.pools) {
    if (pool.block_bytes != block_bytes_ || pool.used == heap.blocks_of(pool)) continue;
    u64 at = pool.address;
    for (size_t step = 0; step < kMostPools && at != 0 && at % pool_bytes_ == 0; ++step)
      at = memory_.Word(at + kNextPool);
    if (at != 0 && at % pool_bytes_ != 0 && memory_.Word(at + kNextPool) != 0) return at;
    if (++starts == kMostStarts) break;
  }
  return 0;
}

bool NextBlocks::InPool(u64 pool, u64 block) const {
  const u64 first = pool + PymallocHeap::kPoolHeader;
  return block >= first && block + block_bytes_ <= pool + pool_bytes_ && (block - first) % block_bytes_ == 0;
}

void NextBlocks::OfPool(u64 pool, size_t most, std::vector<u64>* out) {
  for (u64 block = memory_.Word(pool + kFreeBlock); InPool(pool, block) && out->size() < most;
       block = memory_.Word(block)) {
    if (std::find(out->begin(), out->end(), block) != out->end()) return;
    out->push_back(block);
  }
  const u64 most_offset = memory_.Word32(pool + kMostOffset);
  for (u64 offset = memory_.Word32(pool + kNextOffset); offset <= most_offset && out->size() < most;
       offset += block_bytes_)
    if (InPool(pool, pool + offset)) out->push_back(pool + offset);
}

std::vector<u64> NextBlocks::Find(size_t most) {
  std::vector<u64> blocks;
  u64 pool = head_ ? memory_.Word(head_ + kNextPool) : 0;
  for (size_t i = 0; i < kPoolsAhead && blocks.size() < most && pool != 0 && pool % pool_bytes_ == 0; ++i) {
    OfPool(pool, most, &blocks);
    pool = memory_.Word(pool + kNextPool);
  }
  return blocks;
}

}  // namespace unleak::capture
