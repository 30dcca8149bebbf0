// The heaps of glibc's malloc, read from outside by what lies in memory: no symbols, nothing called.
//
// Sources of the facts: glibc malloc/malloc.c and malloc/arena.c (struct malloc_state, malloc_chunk, heap_info,
// tcache_perthread_struct), versions 2.26 to 2.43. What is found is checked by the structure itself: the bins of an
// arena point at themselves, its chunks end at its top, the lists of a thread's cache are as long as it says.
//
// A chunk is its header (16 bytes, the first 8 of which belong to the chunk before it while that is in use) and the
// memory behind it; its address is that of the header, its size includes it. All sizes are bytes. Not thread safe.
// Everything read is hostile: loops are bounded by the mappings and by the constants below.
#pragma once

#include <functional>
#include <vector>

#include "base/types.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/residency.h"

namespace unleak::capture {

struct GlibcArena {
  u64 address = 0;  // struct malloc_state
  bool main = false;
  u64 system_bytes = 0;  // that it has from the kernel, as it counts them
  u64 top = 0;           // its last chunk, always free
  u64 top_field = 0;     // where `top` is kept
};

// A run of chunks: the heap that brk(2) moves, or one heap of a thread arena.
struct GlibcRegion {
  u64 start = 0, end = 0;  // of the memory that the arena counts as its own
  u64 first = 0;           // first chunk
  u32 arena = 0;           // index into arenas()
  u64 lost = 0;            // out: bytes that made no sense as chunks (an allocation was in progress)
};

struct GlibcChunk {
  enum class State : u8 { kUsed, kFree, kTop };
  u64 address = 0, size = 0;
  State state = State::kUsed;
  const u8* content = nullptr;  // the first `content_bytes` of its memory, valid during the call only
  u64 content_bytes = 0;
};

class GlibcHeap {
 public:
  GlibcHeap(Memory& memory, const std::vector<Mapping>& maps, const Residency& residency)
      : memory_(memory), maps_(JoinTouching(maps)), residency_(residency) {}

  // Finds arenas and their regions. False: there is no glibc malloc that is known.
  bool FindArenas();
  // Finds the chunks that have a mapping of their own in private anonymous memory outside of the regions and of `taken`
  // (ascending pairs of start and end).
  void FindMappedChunks(const std::vector<std::pair<u64, u64>>& taken);

  const std::vector<GlibcArena>& arenas() const { return arenas_; }
  const std::vector<GlibcRegion>& regions() const { return regions_; }      // ascending
  const std::vector<GlibcChunk>& mapped_chunks() const { return mapped_; }  // ascending

  // Calls `visit` for every chunk of all regions, ascending. Chunks that caches hold are kUsed here: see
  // CachedChunks().
  void Walk(const std::function<void(const GlibcChunk&)>& visit);

  // After Walk(): the chunks that are free, but kept for their size: of the threads' caches and of the fast bins.
  struct Cached {
    std::vector<GlibcChunk> thread, fast;
  };
  Cached CachedChunks();

 private:
  static constexpr u64 kAnyCount = ~u64{0};
  struct FreeList {
    u64 head;            // memory of its first chunk, 0: empty
    u64 count;           // that it must have, or kAnyCount
    u64 size;            // of each chunk; 0: any
    bool masked;         // links are masked by their own place (2.32 and later, "safe linking")
    u64 link_to_memory;  // from what a link says to the memory of the chunk
  };
  struct Layout;
  void FindInImage(const Mapping& map);
  void FollowArenas(u64 main, const Layout& layout);
  void AddMainRegion(u32 arena);
  void AddThreadRegions(u32 arena);
  void FindMappedIn(u64 from, u64 to);
  bool IsPlausible(u64 chunk, u64 end, u32 wanted);
  void TakeThreadCache(u64 chunk, std::vector<GlibcChunk>* out);
  bool TakeList(const FreeList& list, std::vector<GlibcChunk>* out);
  class RegionWalk;

  Memory& memory_;
  const std::vector<Mapping> maps_;  // what advice or protection had split (madvise(2) of a part of a heap) joined again
  const Residency& residency_;
  const Layout* layout_ = nullptr;
  std::vector<GlibcArena> arenas_;
  std::vector<GlibcRegion> regions_;
  std::vector<GlibcChunk> mapped_;
  u32 guesses_left_ = 1 << 16;     // places at which chunks may be looked for where they made no sense
  std::vector<u64> maybe_caches_;  // chunks of the size of a thread's cache
};

}  // namespace unleak::capture
