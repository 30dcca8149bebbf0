// The blocks that the small-object allocator will hand out next, read while the process runs.
//
// Source: Objects/obmalloc.c (3.9 to 3.15): a block comes from the first pool of its size in `usedpools`, a ring whose
// head lies in the interpreter; there from the free list, whose last freed block comes first, then from the part that
// was never touched. What is read may be torn: a block that is none costs a watchpoint.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "capture/proc_memory.h"
#include "capture/pymalloc.h"

namespace unleak::capture {

// Blocks of one size, and where in them objects of a kind start (behind the collector's header, for instance).
struct BlockKind {
  u32 block_bytes = 0;
  u32 object_offset = 0;
  bool operator==(const BlockKind&) const = default;
};

// The kind of the block that `object` lies in; nothing if it lies in no pool of `heap`.
std::optional<BlockKind> KindOfBlock(const PymallocHeap& heap, u64 object);

class NextBlocks {
 public:
  NextBlocks(Memory& memory, const PymallocHeap& heap, u32 block_bytes);
  // At most `most` blocks, the next one first. Empty where all pools of this size were full when `heap` was read.
  std::vector<u64> Find(size_t most);

 private:
  u64 FindHead(const PymallocHeap& heap);
  void OfPool(u64 pool, size_t most, std::vector<u64>* out);
  bool InPool(u64 pool, u64 block) const;

  Memory& memory_;
  const u64 pool_bytes_;
  const u32 block_bytes_;
  const u64 head_;  // the ring's head, 0 if it was not found
};

}  // namespace unleak::capture
