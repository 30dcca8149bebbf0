// The heap of a free-threaded build's allocator, read from the memory of a process that stands still (the clone, a
// copy, a core): the pages of mimalloc with their allocated blocks, by the interpreter's heaps. Needs no symbols.
//
// Source: Include/internal/mimalloc/mimalloc/types.h and Objects/mimalloc/segment.c of 3.13 (mimalloc 2.1.2, release
// build). Segments of 32 MiB start at multiples of 32 MiB with a header whose cookie is the segment's address and a
// secret of the process; they hold all pages, also those of threads that have ended. An interpreter has a heap for
// memory without a header, one for objects, and two for objects that the collector knows; a page tells whose it is.
//
// All sizes are bytes. What is read is hostile: a page counts only if its blocks lie inside of it and its free lists
// on its grid, each block once. Blocks that another thread has freed and the owner has not taken back yet may still
// count as allocated. Not thread safe; no signals, no ptrace.
#pragma once

#include <span>
#include <vector>

#include "capture/maps.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

enum class MimallocTag : u8 { kMemory = 0, kObjects = 1, kCollected = 2, kCollectedWithPrefix = 3 };

// Block k lies at address + k * block_bytes.
struct MimallocPage {
  u64 address = 0, block_bytes = 0;  // a multiple of 8
  u32 carved = 0;                    // blocks handed out at least once, or in a free list: 0 .. carved - 1
  u32 free = 0;                      // of these, those in a free list
  size_t first_free = 0;             // into MimallocHeap::free_blocks
  MimallocTag tag = MimallocTag::kMemory;
};

struct MimallocHeap {
  std::vector<MimallocPage> pages;  // ascending by address
  std::vector<u16> free_blocks;     // block numbers, of each page ascending
  u64 pages_refused = 0;            // pages in use whose header or free lists make no sense
  bool complete = true;             // false: too much memory to search, some pages may be missing

  std::span<const u16> free_of(const MimallocPage& page) const {
    return std::span(free_blocks).subspan(page.first_free, page.free);
  }
};

MimallocHeap ReadMimalloc(Memory& memory, std::span<const Mapping> maps);

// The most that a block of `bytes` has more than what was asked for: sizes grow by a quarter of a power of two
// (Objects/mimalloc/page-queue.c, mi_bin).
u64 MimallocSlack(u64 bytes);

}  // namespace unleak::capture
