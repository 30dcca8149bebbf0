// The heap of CPython's small-object allocator, read from the memory of a process that stands still (the clone, a
// copy, a core): used pools, their allocated and free blocks, and the arenas they lie in. Needs no symbols.
//
// Source: Objects/obmalloc.c, Include/internal/pycore_obmalloc.h (3.9 to 3.15). A pool starts with a header that its
// free list must agree with; the arenas' table is found by the index that each pool's header holds. A free-threaded
// build has no pools (capture/mimalloc_heap.h), neither has a process under PYTHONMALLOC=malloc: then all is empty.
//
// All sizes are bytes. What is read is hostile: a header counts only if every block of its free list lies on its grid
// and their number is right. Not thread safe; no signals, no ptrace.
#pragma once

#include <span>
#include <vector>

#include "capture/maps.h"
#include "capture/proc_memory.h"

namespace unleak::capture {

// A pool with at least one allocated block. Block k lies at address + kPoolHeader + k * block_bytes.
struct PymallocPool {
  u64 address = 0;
  u32 block_bytes = 0;  // 16 .. 512, a multiple of 16
  u32 used = 0;         // allocated blocks
  u32 carved = 0;       // blocks handed out at least once: 0 .. carved - 1; those behind have never been touched
  u32 arena_index = 0;
  u32 first_free = 0;  // into PymallocHeap::free_blocks: carved - used entries
};

struct PymallocArena {
  u64 address = 0;
  u32 pools = 0, free_pools = 0;  // free ones have no allocated block, some have never had one
};

struct PymallocHeap {
  static constexpr u64 kPoolHeader = 48;

  u64 pool_bytes = 0, arena_bytes = 0;  // by version: 4 KiB and 256 KiB (3.9), 16 KiB and 1 MiB
  std::vector<PymallocPool> pools;      // ascending by address
  std::vector<u16> free_blocks;         // block numbers, of each pool ascending
  std::vector<PymallocArena> arenas;    // ascending; empty if the table was not found or not asked for
  u64 pools_outside = 0;                // used pools in none of `arenas` (of a subinterpreter with its own allocator)
  bool complete = true;                 // false: too much memory to search, some pools may be missing

  u32 blocks_of(const PymallocPool& pool) const {
    return static_cast<u32>((pool_bytes - kPoolHeader) / pool.block_bytes);
  }
  std::span<const u16> free_of(const PymallocPool& pool) const {
    return std::span(free_blocks).subspan(pool.first_free, pool.carved - pool.used);
  }
};

// What sys._debugmallocstats() prints (sys.getallocatedblocks() also counts larger blocks, which malloc has). All but
// the last three are known without the arenas.
struct PymallocTotals {
  u64 blocks = 0;                     // allocated
  u64 used = 0;                       // bytes of allocated blocks
  u64 available = 0;                  // bytes of free blocks of used pools
  u64 headers = 0, quantization = 0;  // of used pools: headers; what is left behind the last block
  u64 free_pools = 0;                 // bytes of unused pools
  u64 alignment = 0;                  // bytes of arenas before their first pool and behind their last one
  u64 arenas = 0;                     // bytes of all arenas: the sum of the five byte figures above
};

// Finds the used pools in `maps` of the process behind `memory`; `hex` is its PY_VERSION_HEX.
PymallocHeap ReadPymalloc(u32 hex, bool free_threaded, Memory& memory, const std::vector<Mapping>& maps);

// Fills heap->arenas and heap->pools_outside. Costs a pass over the writable data of the ELF images.
void FindArenas(Memory& memory, const std::vector<Mapping>& maps, PymallocHeap* heap);

PymallocTotals Total(const PymallocHeap& heap);

}  // namespace unleak::capture
