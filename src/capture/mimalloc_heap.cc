#include "capture/mimalloc_heap.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace unleak::capture {
namespace {

constexpr u64 kSegmentBytes = u64{32} << 20, kSliceBytes = u64{64} << 10, kMostSlices = kSegmentBytes / kSliceBytes;
constexpr u64 kLeastBlock = 8, kMostWholeBlock = 1024;  // pages of larger blocks are read link by link
constexpr u64 kMostProbes = u64{1} << 17;               // places where a segment may start: 4 TiB of mappings
constexpr u64 kMostSegments = u64{1} << 15;             // 1 TiB
constexpr u8 kCommitted = 1, kTagShift = 3;
constexpr u64 kDelayedBits = 3;

// mi_segment_t up to its slices
struct SegmentHead {
  u64 memory_id[3], allow, bytes, purge_expire, purge_mask[8], commit_mask[8];
  u64 abandoned_next, next, abandoned, abandoned_visits, used, cookie, slices, info_slices;
  u32 kind, padding;
  u64 slice_entries, thread;
};
static_assert(sizeof(SegmentHead) == 264);

// mi_page_t, which is also mi_slice_t
struct Slice {
  u32 count, offset;
  u8 bits, debug_offset;
  u16 capacity, reserved;
  u8 flags, more;
  u64 free;
  u32 used, block_bytes;
  u64 local_free, thread_free, heap, next, previous, qsbr[2], qsbr_goal;
};
static_assert(sizeof(Slice) == 96);

bool MayHoldSegments(const Mapping& m) {
  return m.readable && m.writable && !m.shared && (m.path.empty() || m.path.starts_with("[anon"));
}

bool IsPlausible(const SegmentHead& head) {
  return head.kind <= 1 && head.info_slices >= 1 && head.info_slices < head.slice_entries &&
         head.slice_entries <= kMostSlices && head.slices >= head.slice_entries && head.used >= 1 &&
         head.used <= head.slice_entries && head.cookie != 0;
}

// As _mi_segment_page_start_from_slice: pages of small blocks do not begin with their slice, so that not all pages use
// the same cache lines.
u64 StartOffset(u64 block_bytes) {
  if (block_bytes < kLeastBlock || block_bytes > 512) return 0;
  return block_bytes <= 64 ? 3 * block_bytes : block_bytes;
}

class SegmentSearch {
 public:
  SegmentSearch(Memory& memory, MimallocHeap* heap) : memory_(memory), heap_(*heap) {}

  void Mapping(u64 start, u64 end) {
    for (u64 at = (start + kSegmentBytes - 1) & ~(kSegmentBytes - 1); at + kSliceBytes <= end; at += kSegmentBytes) {
      if (++probes_ > kMostProbes || segments_.size() == kMostSegments) {
        heap_.complete = false;
        return;
      }
      SegmentHead head;
      if (!memory_.Read(at, &head, sizeof head) || !IsPlausible(head)) continue;
      segments_.push_back({at, head.cookie ^ at, head.slice_entries, head.info_slices});
    }
  }

  // All segments of a process have the same secret, that of most good pages: what only looks like one has another.
  void Finish() {
    std::sort(segments_.begin(), segments_.end(),
              [](const Segment& a, const Segment& b) { return a.address < b.address; });
    std::unordered_map<u64, Sum> sums;
    for (const Segment& segment : segments_) {
      const size_t before = heap_.pages.size();
      const u64 refused = Take(segment);
      Sum& sum = sums[segment.secret];
      sum.pages += heap_.pages.size() - before;
      sum.refused += refused;
    }
    u64 secret = 0, most = 0;
    for (const auto& [value, sum] : sums)
      if (sum.pages > most) secret = value, most = sum.pages, heap_.pages_refused = sum.refused;
    std::erase_if(heap_.pages, [&](const MimallocPage& page) { return SecretOf(page) != secret; });
    std::sort(heap_.pages.begin(), heap_.pages.end(),
              [](const MimallocPage& a, const MimallocPage& b) { return a.address < b.address; });
  }

 private:
  struct Segment {
    u64 address, secret, slices, info_slices;
  };

  struct Sum {
    u64 pages = 0, refused = 0;
  };

  // `segments_` ascend, and a page starts in the first 32 MiB of its segment.
  u64 SecretOf(const MimallocPage& page) const {
    const auto after = std::upper_bound(segments_.begin(), segments_.end(), page.address,
                                        [](u64 address, const Segment& segment) { return address < segment.address; });
    return (after - 1)->secret;
  }

  // Pages in use that make no sense; the others are filed.
  u64 Take(const Segment& segment) {
    u64 refused = 0;
    std::vector<Slice> slices(segment.slices);
    if (!memory_.Read(segment.address + sizeof(SegmentHead), slices.data(), slices.size() * sizeof(Slice))) return 0;
    if (slices[0].count != segment.info_slices || slices[0].offset != 0) return 0;
    for (u64 i = segment.info_slices; i < slices.size() && slices[i].count != 0; i += slices[i].count) {
      if (slices[i].block_bytes == 0) continue;  // a span of slices that is free
      refused += !TakePage(segment.address + i * kSliceBytes, slices[i]);
    }
    return refused;
  }

  bool TakePage(u64 span, const Slice& slice) {
    MimallocPage page;
    page.block_bytes = slice.block_bytes;
    page.address = span + StartOffset(slice.block_bytes);
    page.carved = slice.capacity;
    page.tag = static_cast<MimallocTag>(slice.bits >> kTagShift & 3);
    page.first_free = heap_.free_blocks.size();
    const u64 room = u64{slice.count} * kSliceBytes - StartOffset(slice.block_bytes);
    if ((slice.bits & kCommitted) == 0 || slice.bits >> kTagShift > 3 || slice.offset != 0 ||
        slice.block_bytes % kLeastBlock != 0 || slice.capacity > slice.reserved ||
        u64{slice.reserved} * slice.block_bytes > room || slice.used > slice.capacity)
      return false;
    if (!TakeFreeLists(page, {slice.free, slice.local_free, slice.thread_free & ~kDelayedBits})) {
      heap_.free_blocks.resize(page.first_free);
      return false;
    }
    page.free = static_cast<u32>(heap_.free_blocks.size() - page.first_free);
    if (page.carved != 0) heap_.pages.push_back(page);
    return true;
  }

  // Collects the blocks of the lists; false if one leaves the page or its grid, or a block comes twice.
  bool TakeFreeLists(const MimallocPage& page, std::initializer_list<u64> heads) {
    if (std::all_of(heads.begin(), heads.end(), [](u64 head) { return head == 0; })) return true;
    const bool whole = page.block_bytes <= kMostWholeBlock;
    bytes_.resize(whole ? page.carved * page.block_bytes : 0);
    if (whole && !memory_.Read(page.address, bytes_.data(), bytes_.size())) return false;
    u64 taken = 0;
    for (u64 block : heads) {
      while (block != 0) {
        const u64 offset = block - page.address;
        if (block < page.address || offset % page.block_bytes != 0 || offset / page.block_bytes >= page.carved ||
            ++taken > page.carved)
          return false;
        heap_.free_blocks.push_back(static_cast<u16>(offset / page.block_bytes));
        if (whole)
          std::memcpy(&block, bytes_.data() + offset, sizeof block);
        else
          block = memory_.Word(block);
      }
    }
    const auto first = heap_.free_blocks.begin() + static_cast<std::ptrdiff_t>(page.first_free);
    std::sort(first, heap_.free_blocks.end());
    return std::adjacent_find(first, heap_.free_blocks.end()) == heap_.free_blocks.end();
  }

  Memory& memory_;
  MimallocHeap& heap_;
  std::vector<Segment> segments_;
  std::vector<u8> bytes_;
  u64 probes_ = 0;
};

}  // namespace

MimallocHeap ReadMimalloc(Memory& memory, std::span<const Mapping> maps) {
  MimallocHeap heap;
  SegmentSearch search(memory, &heap);
  for (const Mapping& m : maps)
    if (MayHoldSegments(m)) search.Mapping(m.start, m.end);
  search.Finish();
  return heap;
}

u64 MimallocSlack(u64 bytes) { return bytes <= 64 ? 16 : std::max<u64>(std::bit_floor(bytes - 1) / 4, 16); }

}  // namespace unleak::capture
