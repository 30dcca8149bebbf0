#include "capture/tracked_objects.h"

#include "capture/mimalloc_heap.h"
#include "capture/page_cache.h"

namespace unleak::capture {
namespace {

constexpr u64 kPrefix = 16;       // two pointers: a managed dict, a list of weak references
constexpr u64 kLeastObject = 32;  // a header
constexpr u8 kTracked = 1;        // _PyGC_BITS_TRACKED

// What the debug hooks (PYTHONMALLOC=debug) write before a block: its size, the letter of the domain, seven pads
// (_PyMem_DebugRawAlloc in Objects/obmalloc.c).
constexpr u64 kDebugHead = 16, kDebugMark = 0xfdfdfdfdfdfdfd00 | 'o';

u64 ObjectIn(u64 block, u64 prefix, PageCache* memory) {
  return block + prefix + (memory->Word(block + 8) == kDebugMark ? kDebugHead : 0);
}

void AddTracked(const MimallocPage& page, std::span<const u16> free, u64 gc_bits, PageCache* memory,
                std::vector<u64>* out) {
  const u64 prefix = page.tag == MimallocTag::kCollectedWithPrefix ? kPrefix : 0;
  if (page.block_bytes < prefix + kLeastObject) return;
  size_t next = 0;
  for (u32 k = 0; k < page.carved; ++k) {
    if (next < free.size() && free[next] == k) {
      ++next;
      continue;
    }
    const u64 object = ObjectIn(page.address + k * page.block_bytes, prefix, memory);
    if ((memory->Byte(object + gc_bits) & kTracked) != 0) out->push_back(object);
  }
}

}  // namespace

Result<TrackedObjects> FindTrackedObjects(const unleak_layout& layout, Memory& memory, std::span<const Mapping> maps) {
  const MimallocHeap heap = ReadMimalloc(memory, maps);
  PageCache cache(memory);
  TrackedObjects found;
  found.complete = heap.complete && heap.pages_refused == 0;
  for (const MimallocPage& page : heap.pages) {
    if (page.tag != MimallocTag::kCollected && page.tag != MimallocTag::kCollectedWithPrefix) continue;
    AddTracked(page, heap.free_of(page), static_cast<u64>(layout.object.gc_bits), &cache, &found.addresses);
  }
  if (!found.addresses.empty()) return found;
  return Status(Code::kCorrupt, "this CPython is free-threaded, and no pages of its allocator with objects were found",
                "take a look again; if this stays, the program was built with another allocator");
}

}  // namespace unleak::capture
