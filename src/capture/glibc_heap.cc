#include "capture/glibc_heap.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;
constexpr u64 kHeader = 16;  // of a chunk
constexpr u64 kLeastChunk = 32;
constexpr u64 kFencepost = 16;  // size of the mark behind the last chunk of a heap that is no longer its arena's top
constexpr u64 kHeapAlignment = u64{64} << 20;  // HEAP_MAX_SIZE: 2 * DEFAULT_MMAP_THRESHOLD_MAX
constexpr u64 kPrevInUse = 1, kIsMapped = 2, kFlags = 7;
constexpr u32 kBins = 127;
constexpr u32 kLeastEmptyBins = 24;
constexpr u32 kMostArenas = 4096, kMostHeaps = 1 << 16;
constexpr u64 kMostImage = u64{16} << 20;  // bytes of writable data that are searched for an arena
constexpr u32 kProbe = 64;                 // chunks in a row that must make sense at a guessed place
constexpr u64 kLeastLoneMapped =
    128 << 10;  // a mapped chunk in the middle of a mapping: glibc's least threshold by default
constexpr u64 kWindow = 64 << 10;
constexpr u64 kContent = 256;

u64 AlignUp(u64 value, u64 to) { return (value + to - 1) & ~(to - 1); }
u64 WordAt(const u8* bytes) {
  u64 value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// libc itself, not libcrypto; or a program that glibc is linked into.
bool MayHoldMalloc(const Mapping& map, bool any) {
  const std::string_view path = map.path;
  const std::string_view name = path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
  return map.writable && !map.shared && path.starts_with('/') && map.end - map.start <= kMostImage &&
         (any || name.starts_with("libc.so") || name.starts_with("libc-"));
}

}  // namespace

// Offsets in struct malloc_state and the threads' caches that go with them.
struct GlibcHeap::Layout {
  u64 fast_bins;  // 0: none
  u64 top;
  u64 bins;
  u64 heap_info;  // bytes, aligned, before the first chunk of a further heap of an arena; 0: 32 or 48
  u64 next() const { return bins + 2 * 8 * kBins + 16; }  // behind the bins and their map
  u64 system_bytes() const { return next() + 24; }
  u64 max_system_bytes() const { return next() + 32; }
  u64 size() const { return next() + 40; }
};

// 2.43 has no fast bins; before it a flag says whether they hold anything.
static constexpr u32 kFastBins = 10;

bool GlibcHeap::FindArenas() {
  for (bool any : {false, true}) {
    for (const Mapping& map : maps_) {
      if (arenas_.empty() && MayHoldMalloc(map, any)) FindInImage(map);
    }
  }
  std::sort(regions_.begin(), regions_.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  return !arenas_.empty();
}

// The bins of an arena that hold nothing point at themselves; nothing else looks like a hundred of these in a row.
void GlibcHeap::FindInImage(const Mapping& map) {
  static constexpr Layout kLayouts[] = {{16, 96, 112, 0}, {0, 8, 24, 0}};
  std::vector<u8> bytes(map.end - map.start);
  if (!memory_.Read(map.start, bytes.data(), bytes.size())) return;
  const auto word = [&](u64 offset) { return WordAt(bytes.data() + offset); };
  for (const Layout& layout : kLayouts) {
    for (u64 at = 0; at + layout.size() <= bytes.size(); at += 16) {
      u32 empty = 0, bad = 0;
      for (u32 i = 0; i < kBins && bad == 0; ++i) {
        const u64 bin = at + layout.bins + 16 * u64{i}, self = map.start + bin - 16, forward = word(bin),
                  back = word(bin + 8);
        empty += forward == self && back == self;
        bad += forward % 8 != 0 || back % 8 != 0 || forward == 0 || back == 0 || (forward == self) != (back == self);
      }
      const u64 system = word(at + layout.system_bytes()), most = word(at + layout.max_system_bytes());
      if (bad || empty < kLeastEmptyBins || system > most || system % kPage != 0 || word(at + layout.next()) % 8 != 0)
        continue;
      layout_ = &layout;
      FollowArenas(map.start + at, layout);
      return;
    }
  }
}

// The arenas are a ring.
void GlibcHeap::FollowArenas(u64 main, const Layout& layout) {
  std::set<u64> seen;
  u64 at = main;
  do {
    if (!seen.insert(at).second) return;  // a ring that does not come back
    const u32 index = static_cast<u32>(arenas_.size());
    arenas_.push_back({at, at == main, memory_.Word(at + layout.system_bytes()), memory_.Word(at + layout.top),
                       at + layout.top});
    at == main ? AddMainRegion(index) : AddThreadRegions(index);
    at = memory_.Word(at + layout.next());
  } while (at != main && at != 0 && at % 8 == 0 && arenas_.size() < kMostArenas);
}

bool GlibcHeap::IsPlausible(u64 chunk, u64 end, u32 wanted) {
  u64 previous = 0;
  for (u32 seen = 0; seen < wanted && chunk < end; ++seen) {
    u64 words[2];
    if (!memory_.Read(chunk, words, sizeof words)) return false;
    const u64 size = words[1] & ~kFlags;
    if (size == kFencepost && seen > 0) return true;
    if (size < kLeastChunk || size % 16 != 0 || size > end - chunk || (words[1] & kIsMapped)) return false;
    if (previous != 0 && !(words[1] & kPrevInUse) && words[0] != previous) return false;
    previous = size;
    chunk += size;
  }
  return chunk <= end;
}

void GlibcHeap::AddMainRegion(u32 arena) {
  const GlibcArena& a = arenas_[arena];
  const Mapping* map = FindMapping(maps_, a.top);
  const u64 size = memory_.Word(a.top + 8) & ~kFlags;
  if (!map || size == 0 || size > map->end - a.top) return;
  const u64 end = a.top + size;
  const u64 start = end - std::min(end, a.system_bytes);
  if (FindMapping(maps_, start) && IsPlausible(AlignUp(start, 16), end, kProbe)) {
    regions_.push_back({start, end, AlignUp(start, 16), arena});
    return;
  }
  // Somebody else has moved the break, or the heap could not grow and went on in mappings: each run for itself.
  for (const Mapping& piece : maps_) {
    const bool last = a.top >= piece.start && a.top < piece.end;
    if (!last && piece.path != "[heap]") continue;
    const u64 stop = last ? end : piece.end;
    for (u64 first = piece.start; first < piece.start + kPage; first += 16) {
      if (!IsPlausible(first, stop, kProbe)) continue;
      regions_.push_back({piece.start, stop, first, arena});
      break;
    }
  }
}

// struct heap_info: arena, previous heap, size (arena.c); the arena itself lies in the first heap.
void GlibcHeap::AddThreadRegions(u32 arena) {
  const GlibcArena& a = arenas_[arena];
  std::set<u64> seen;
  u64 heap = a.top & ~(kHeapAlignment - 1);
  while (heap != 0 && seen.size() < kMostHeaps && seen.insert(heap).second) {
    u64 info[3];
    if (!memory_.Read(heap, info, sizeof info) || info[0] != a.address) return;
    const Mapping* map = FindMapping(maps_, heap);
    if (!map || info[2] == 0 || info[2] > kHeapAlignment || info[2] > map->end - heap) return;
    const u64 end = heap + info[2];
    u64 first = AlignUp(a.address + layout_->size(), 16);
    if (a.address < heap || a.address >= end) first = heap + (IsPlausible(heap + 48, end, kProbe) ? 48 : 32);
    regions_.push_back({heap, end, first, arena});
    heap = info[1];
  }
}

// One pass over a region through a window of its memory.
class GlibcHeap::RegionWalk {
 public:
  RegionWalk(GlibcHeap& heap, GlibcRegion& region)
      : heap_(heap), region_(region), top_(heap.arenas_[region.arena].top), window_(kWindow) {}

  void Run(const std::function<void(const GlibcChunk&)>& visit) {
    u64 at = region_.first;
    while (at + kHeader <= region_.end) {
      u64 size = 0;
      if (const u8* header = Get(at, kHeader)) size = WordAt(header + 8) & ~kFlags;
      if (at == top_) return visit({at, region_.end - at, GlibcChunk::State::kTop, nullptr, 0});
      if (size == kFencepost) return;
      if (size < kLeastChunk || size % 16 != 0 || size > region_.end - at) {
        const u64 good = Resume(at + 16);
        region_.lost += good - at;
        at = good;
        continue;
      }
      visit(Describe(at, size));
      at += size;
    }
  }

 private:
  GlibcChunk Describe(u64 at, u64 size) {
    GlibcChunk chunk{at, size};
    const u64 wanted = std::min(size - 8, kContent);
    bool next_says_used = true;
    if (size + kHeader <= kWindow) {
      if (const u8* bytes = Get(at, std::min(size + kHeader, region_.end - at))) {
        if (at + size + kHeader <= region_.end) next_says_used = (WordAt(bytes + size + 8) & kPrevInUse) != 0;
        chunk.content = bytes + kHeader;
        chunk.content_bytes = std::min(wanted, region_.end - at - kHeader);
      }
    } else {
      next_says_used = at + size + kHeader > region_.end || (heap_.memory_.Word(at + size + 8) & kPrevInUse) != 0;
      if (heap_.memory_.Read(at + kHeader, content_, wanted)) chunk.content = content_, chunk.content_bytes = wanted;
    }
    if (!next_says_used) chunk.state = GlibcChunk::State::kFree;
    return chunk;
  }

  // The next place that looks like chunks again, or the end.
  u64 Resume(u64 at) {
    for (; at + kHeader <= region_.end; at += 16) {
      const u8* header = Get(at, kHeader);
      const u64 size = header ? WordAt(header + 8) & ~kFlags : 0;
      if (size < kLeastChunk || size % 16 != 0 || size > region_.end - at) continue;
      if (heap_.guesses_left_ == 0) break;
      --heap_.guesses_left_;
      if (heap_.IsPlausible(at, region_.end, kProbe)) return at;
    }
    return region_.end;
  }

  // `bytes` <= kWindow at `at`, or null where they cannot be read.
  const u8* Get(u64 at, u64 bytes) {
    if (at < window_at_ || at + bytes > window_at_ + window_bytes_) {
      window_at_ = at;
      window_bytes_ = std::min(kWindow, region_.end - at);
      if (!heap_.memory_.Read(at, window_.data(), window_bytes_)) {
        window_bytes_ = std::max(bytes, std::min(window_bytes_, kPage - at % kPage));  // up to a page that is not there
        if (!heap_.memory_.Read(at, window_.data(), window_bytes_)) window_bytes_ = 0;
      }
    }
    return window_bytes_ >= bytes ? window_.data() + (at - window_at_) : nullptr;
  }

  GlibcHeap& heap_;
  GlibcRegion& region_;
  const u64 top_;
  std::vector<u8> window_;
  u8 content_[kContent];
  u64 window_at_ = 0, window_bytes_ = 0;
};

namespace {

// struct tcache_perthread_struct: how many each list has, then the lists.
struct CacheLayout {
  u64 chunk;  // size of the chunk that holds it
  u32 lists;
  bool slots;  // the numbers say how many more would fit
};
constexpr CacheLayout kCaches[] = {{0x290, 64, false}, {0x300, 76, true}};
constexpr u32 kMostCached = 1 << 16;  // of one list
constexpr u32 kSmallLists = 64;       // lists of one size each
constexpr size_t kMostCaches = 1 << 16;

// By its first bytes: a program may have millions of chunks of that size. Of a cache without entries nothing is wanted.
bool MayBeCache(const GlibcChunk& chunk) {
  if (chunk.state != GlibcChunk::State::kUsed || !chunk.content) return false;
  for (const CacheLayout& cache : kCaches) {
    if (chunk.size != cache.chunk) continue;
    bool entries = false;
    for (u64 i = 0; 2 * cache.lists + 8 * (i + 1) <= chunk.content_bytes; ++i) {
      std::uint16_t count;
      std::memcpy(&count, chunk.content + 2 * i, sizeof count);
      const u64 head = WordAt(chunk.content + 2 * cache.lists + 8 * i);
      if (head % 16 != 0 || (!cache.slots && (count == 0) != (head == 0))) return false;
      entries |= head != 0;
    }
    return entries;
  }
  return false;
}

}  // namespace

void GlibcHeap::Walk(const std::function<void(const GlibcChunk&)>& visit) {
  maybe_caches_.clear();
  for (GlibcRegion& region : regions_) {
    RegionWalk(*this, region).Run([&](const GlibcChunk& chunk) {
      if (MayBeCache(chunk) && maybe_caches_.size() < kMostCaches) maybe_caches_.push_back(chunk.address);
      visit(chunk);
    });
  }
}

// False: this is no list of free chunks.
bool GlibcHeap::TakeList(const FreeList& list, std::vector<GlibcChunk>* out) {
  const size_t before = out->size();
  u64 at = list.head;
  while (at != 0 && out->size() - before < kMostCached) {
    u64 words[2];  // size, link
    if (at % 16 != 0 || !memory_.Read(at - 8, words, sizeof words)) break;
    const u64 bytes = words[0] & ~kFlags;
    if (bytes < kLeastChunk || bytes % 16 != 0 || (list.size != 0 && bytes != list.size)) break;
    out->push_back({at - kHeader, bytes});
    const u64 link = list.masked ? words[1] ^ at >> 12 : words[1];
    at = link == 0 ? 0 : link + list.link_to_memory;
  }
  if (at == 0 && (list.count == kAnyCount || out->size() - before == list.count)) return true;
  out->resize(before);
  return false;
}

void GlibcHeap::TakeThreadCache(u64 chunk, std::vector<GlibcChunk>* out) {
  u8 bytes[0x300];
  const u64 size = memory_.Word(chunk + 8) & ~kFlags;
  for (const CacheLayout& layout : kCaches) {
    if (layout.chunk != size || !memory_.Read(chunk + kHeader, bytes, size - kHeader)) continue;
    for (bool masked : {true, false}) {
      std::vector<GlibcChunk> found;
      bool good = true;
      for (u32 i = 0; i < layout.lists && good; ++i) {
        std::uint16_t count;
        std::memcpy(&count, bytes + 2 * i, sizeof count);
        const u64 head = WordAt(bytes + 2 * layout.lists + 8 * i);
        const u64 exact = i < kSmallLists ? kLeastChunk + 16 * u64{i} : 0;
        good = TakeList({head, layout.slots ? kAnyCount : count, exact, masked, 0}, &found);
      }
      if (!good) continue;
      out->insert(out->end(), found.begin(), found.end());
      return;
    }
  }
}

GlibcHeap::Cached GlibcHeap::CachedChunks() {
  Cached cached;
  for (u64 chunk : maybe_caches_) TakeThreadCache(chunk, &cached.thread);
  for (const GlibcArena& arena : arenas_) {
    for (u32 i = 0; layout_->fast_bins != 0 && i < kFastBins; ++i) {
      const u64 head = memory_.Word(arena.address + layout_->fast_bins + 8 * i);  // of the chunk, as are its links
      FreeList list{head + kHeader, kAnyCount, kLeastChunk + 16 * u64{i}, true, kHeader};
      if (head == 0 || TakeList(list, &cached.fast)) continue;
      list.masked = false;
      TakeList(list, &cached.fast);
    }
  }
  return cached;
}

void GlibcHeap::FindMappedChunks(const std::vector<std::pair<u64, u64>>& taken) {
  for (const Mapping& map : maps_) {
    if (!map.readable || !map.writable || map.shared || (!map.path.empty() && !map.path.starts_with("[anon"))) continue;
    u64 from = map.start;
    const auto skip = [&](u64 start, u64 end) {
      if (end <= from || start >= map.end) return;
      if (start > from) FindMappedIn(from, std::min(start, map.end));
      from = std::max(from, end);
    };
    std::vector<std::pair<u64, u64>> inside;
    for (auto at =
             std::lower_bound(taken.begin(), taken.end(), map.start, [](const auto&t, u64 a) { return t.second <= a; });
         at != taken.end() && at->first < map.end; ++at)
      inside.push_back(*at);
    for (const GlibcRegion& region : regions_)
      if (region.start < map.end && region.end > map.start) inside.push_back({region.start, region.end});
    std::sort(inside.begin(), inside.end());
    for (const auto& [start, end] : inside) skip(start, end);
    if (from < map.end) FindMappedIn(from, map.end);
  }
}

// A mapped chunk starts a page, nothing of its page before it in use, and is whole pages. Mappings that lie next to
// each other are one in `maps`, so every page that is in memory may start one. From 2.43 on its size leaves out the
// header.
void GlibcHeap::FindMappedIn(u64 from, u64 to) {
  bool follows = true;  // at the start of a mapping, or right behind another chunk
  for (u64 at = AlignUp(from, kPage); at + kPage <= to;) {
    u64 words[2] = {1, 0};
    const bool read = residency_.IsResident(at) && memory_.Read(at, words, sizeof words);
    const u64 said = words[1] & ~kFlags, size = said % kPage == kPage - kHeader ? said + kHeader : said;
    const bool good = read && words[0] == 0 && (words[1] & kFlags) == kIsMapped && size % kPage == 0 && size > 0 &&
                      size <= to - at && (follows || size >= kLeastLoneMapped);
    if (good) mapped_.push_back({at, size});
    follows = good;
    at += good ? size : kPage;
  }
}

}  // namespace unleak::capture
