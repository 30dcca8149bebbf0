#include "capture/ledger.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string_view>

#include "capture/glibc_heap.h"
#include "capture/ledger_owners.h"
#include "capture/ledger_pointers.h"
#include "capture/proc_files.h"

namespace unleak::capture {
namespace {

using snapshot::Allocator;
using snapshot::MemoryKind;
using snapshot::MemoryPart;

constexpr u64 kPage = 4096;
constexpr u64 kExactSizes = 64 << 10;
constexpr u64 kContent = 256;
constexpr u64 kControlBlock = 64 << 10;  // of a thread's stack, from its end, in which its control block lies

// Blocks of a size that lies in the same class: exact below 64 KiB, then sixteenths of an octave.
u64 SizeClass(u64 bytes) {
  if (bytes < kExactSizes) return bytes;
  const int shift = 63 - __builtin_clzll(bytes) - 4;
  return bytes >> shift << shift;
}

bool IsAnonymous(const Mapping& map) {
  return map.path.empty() || map.path.starts_with("[anon") || map.path == "[heap]";
}

// Mappings of the kernel's shared memory look like files.
bool IsShared(const Mapping& map) {
  const std::string_view path = map.path;
  return map.shared && (path.starts_with("/dev/") || path.starts_with("/memfd:") || path.starts_with("/SYSV") ||
                        path.starts_with("[anon_shmem"));
}

class Ledger {
 public:
  Ledger(const LedgerInput& input, snapshot::Columns* columns)
      : input_(input),
        columns_(*columns),
        taken_(PymallocRanges(input.pymalloc)),
        owners_(*columns, taken_),
        pointers_(input.maps) {
    for (const snapshot::Thread& thread : columns_.threads) idents_.push_back(thread.ident);
    std::sort(idents_.begin(), idents_.end());
  }

  bool Run() {
    const std::vector<MapUse> uses = ReadSmaps(input_.pid, input_.proc_root);
    if (uses.empty() || !input_.residency.loaded()) return false;
    CountPymalloc();
    CountMalloc();
    CountRest();
    CountFiles(uses);
    CountFacts(uses);
    Fill();
    return true;
  }

 private:
  MemoryPart& Part(MemoryKind kind) {
    MemoryPart& part = parts_[{kind, 0}];
    part.kind = kind;
    return part;
  }

  void Add(MemoryKind kind, u64 bytes, u64 resident, u64 blocks) {
    MemoryPart& part = Part(kind);
    part.bytes += bytes;
    part.resident += resident;
    part.blocks += blocks;
  }

  u64 Resident(u64 from, u64 to) const { return input_.residency.ResidentBytes(from, to); }

  void CountPymalloc() {
    const PymallocHeap& heap = input_.pymalloc;
    auto pool = heap.pools.begin();
    for (const auto& [start, end] : taken_) {
      snapshot::MemoryRegion region{Allocator::kPymalloc, start, end, 0, 0, Resident(start, end), 0};
      u64 pools_resident = 0, pools_bytes = 0;
      for (; pool != heap.pools.end() && pool->address < end; ++pool) {
        const u64 used = u64{pool->used} * pool->block_bytes;
        const u64 resident = Resident(pool->address, pool->address + heap.pool_bytes);
        const u64 used_resident = std::min(resident, used);
        Add(MemoryKind::kPymallocUsed, used, used_resident, pool->used);
        Add(MemoryKind::kPymallocFree, heap.pool_bytes - used, resident - used_resident, pool->carved - pool->used);
        region.used += used;
        pools_resident += resident;
        pools_bytes += heap.pool_bytes;
      }
      region.free = end - start - region.used;
      Add(MemoryKind::kPymallocFreePools, end - start - std::min(end - start, pools_bytes),
          region.resident - std::min(region.resident, pools_resident),
          (end - start - std::min(end - start, pools_bytes)) / heap.pool_bytes);
      columns_.memory_regions.push_back(region);
    }
    claimed_ = taken_;
  }

  // Of the small-object allocator only the blocks without owner are told by size.
  void FillPymallocSizes() {
    for (size_t i = 1; i < input_.unowned.size(); ++i)
      if (const u64 blocks = input_.unowned[i])
        columns_.memory_sizes.push_back({Allocator::kPymalloc, i * 16, blocks, 0, blocks * i * 16, 0});
  }

  void CountMalloc() {
    GlibcHeap heap(input_.memory, input_.maps, input_.residency);
    if (!heap.FindArenas()) {
      notes_.push_back("malloc is not a glibc that is known: its memory is in the ledger as other anonymous memory");
      return;
    }
    StartRegions(heap);
    heap.Walk([&](const GlibcChunk& chunk) { CountChunk(chunk); });
    for (const snapshot::MemoryRegion& region : regions_) FinishRegion(region);
    for (const GlibcArena& arena : heap.arenas()) Add(MemoryKind::kMallocSystem, arena.system_bytes, 0, 1);
    const GlibcHeap::Cached cached = heap.CachedChunks();
    for (const auto* list : {&cached.thread, &cached.fast})
      for (const GlibcChunk& chunk : *list) CountCached(chunk);
    Add(MemoryKind::kArenas, cached.fast.size(), 0, heap.arenas().size());
    Part(MemoryKind::kArenas).bytes = 0;
    for (const GlibcChunk& chunk : cached.fast) Part(MemoryKind::kArenas).bytes += chunk.size;
    heap.FindMappedChunks(taken_);
    for (const GlibcChunk& chunk : heap.mapped_chunks()) CountMapped(chunk);
  }

  void StartRegions(const GlibcHeap& heap) {
    for (const GlibcRegion& region : heap.regions()) {
      regions_.push_back({Allocator::kMalloc, region.start, region.end, 0, 0, Resident(region.start, region.end), 0});
      claimed_.emplace_back(region.start, region.end);
    }
  }

  // The walk goes from region to region in order.
  void CountChunk(const GlibcChunk& chunk) {
    while (region_ + 1 < regions_.size() && chunk.address >= regions_[region_].end) ++region_;
    snapshot::MemoryRegion& region = regions_[region_];
    const u64 end = chunk.address + chunk.size, resident = Resident(chunk.address, end);
    counted_resident_ += resident;
    switch (chunk.state) {
      case GlibcChunk::State::kUsed:
        region.used += chunk.size;
        CountUsed(chunk, resident);
        return;
      case GlibcChunk::State::kFree: {
        const u64 first = (chunk.address + 48 + kPage - 1) & ~(kPage - 1),
                  last = end & ~(kPage - 1);  // malloc.c, mtrim()
        if (first < last) region.returnable += Resident(first, last);
        Add(MemoryKind::kMallocFree, chunk.size, resident, 1);
        break;
      }
      case GlibcChunk::State::kTop:
        Add(MemoryKind::kMallocTop, chunk.size, resident, 1);
        break;
    }
    region.free += chunk.size;
  }

  void CountUsed(const GlibcChunk& chunk, u64 resident) {
    const bool owned = owners_.Owns(chunk.address + 16, chunk.address + chunk.size);
    Add(owned ? MemoryKind::kMallocPython : MemoryKind::kMallocNative, chunk.size, resident, 1);
    const u64 size_class = SizeClass(chunk.size);
    snapshot::MemorySize& size = size_class < kExactSizes ? exact_[size_class / 16] : large_[size_class];
    ++size.used;
    size.total += chunk.size;
    if (owned) ++size.owned, size.total_owned += chunk.size;
    if (!owned && chunk.content) pointers_.Add(size_class, chunk.address, chunk.content, chunk.content_bytes);
  }

  void CountCached(const GlibcChunk& chunk) {
    const u64 resident = Resident(chunk.address, chunk.address + chunk.size), size_class = SizeClass(chunk.size);
    MemoryPart& native = Part(MemoryKind::kMallocNative);
    snapshot::MemorySize& size = size_class < kExactSizes ? exact_[size_class / 16] : large_[size_class];
    if (native.blocks == 0 || native.bytes < chunk.size || native.resident < resident || size.used <= size.owned)
      return;
    --native.blocks;
    native.bytes -= chunk.size;
    native.resident -= resident;
    --size.used;
    size.total -= chunk.size;
    Add(MemoryKind::kMallocCached, chunk.size, resident, 1);
  }

  void CountMapped(GlibcChunk chunk) {
    claimed_.emplace_back(chunk.address, chunk.address + chunk.size);
    u8 content[kContent];
    if (input_.memory.Read(chunk.address + 16, content, sizeof content))
      chunk.content = content, chunk.content_bytes = sizeof content;
    CountUsed(chunk, Resident(chunk.address, chunk.address + chunk.size));
    Add(MemoryKind::kMallocMapped, chunk.size, 0, 1);
  }

  void FinishRegion(const snapshot::MemoryRegion& region) {
    Add(MemoryKind::kReturnable, region.returnable, region.returnable, 0);
    columns_.memory_regions.push_back(region);
    malloc_resident_ += region.resident;
  }

  // What no allocator has claimed of the anonymous mappings.
  void CountRest() {
    if (malloc_resident_ > counted_resident_)
      Add(MemoryKind::kMallocOverhead, malloc_resident_ - counted_resident_, malloc_resident_ - counted_resident_, 0);
    std::sort(claimed_.begin(), claimed_.end());
    const Mapping* before = nullptr;
    for (const Mapping& map : input_.maps) {
      if (map.path == "[stack]") Add(MemoryKind::kStacks, map.end - map.start, Resident(map.start, map.end), 1);
      if (IsAnonymous(map) && map.readable && map.writable && !map.shared) CountUnclaimed(map, before);
      before = &map;
    }
  }

  void CountUnclaimed(const Mapping& map, const Mapping* before) {
    u64 bytes = map.end - map.start, resident = Resident(map.start, map.end);
    bool malloc_inside = map.path == "[heap]" && !regions_.empty();  // other allocators use that memory too
    auto at = std::lower_bound(claimed_.begin(), claimed_.end(), map.start,
                               [](const auto& c, u64 a) { return c.second <= a; });
    for (; at != claimed_.end() && at->first < map.end; ++at) {
      const u64 from = std::max(map.start, at->first), to = std::min(map.end, at->second);
      bytes -= std::min(bytes, to - from);
      resident -= std::min(resident, Resident(from, to));
      malloc_inside |=
          std::any_of(regions_.begin(), regions_.end(), [&](const auto& r) { return r.start == at->first; });
    }
    if (bytes == 0) return;
    if (malloc_inside) return Add(MemoryKind::kMallocOverhead, bytes, resident, 0);
    if (before && before->end == map.start && before->path.starts_with('/') && before->writable && !before->shared)
      return Add(MemoryKind::kFiles, bytes, resident, 1);  // data of the image that starts as zeros
    if (IsStack(map)) return Add(MemoryKind::kStacks, bytes, resident, 1);
    if (HoldsObjects(map)) return Add(MemoryKind::kOtherAllocator, bytes, resident, 1);
    if (map.path.empty() || map.path == "[heap]") return Add(MemoryKind::kOther, bytes, resident, 1);
    const u32 name = columns_.strings.Intern(map.path);
    MemoryPart& part = parts_[{MemoryKind::kNamed, name}];
    part.kind = MemoryKind::kNamed;
    part.name = name;
    part.bytes += bytes;
    part.resident += resident;
    ++part.blocks;
  }

  // The control block of a thread lies at the end of its stack and starts with its own address, twice (glibc,
  // sysdeps/x86_64/nptl/tls.h, tcbhead_t: tcb, dtv, self).
  bool IsStack(const Mapping& map) {
    const auto ident = std::lower_bound(idents_.begin(), idents_.end(), map.start);
    if (ident != idents_.end() && *ident < map.end) return true;
    const u64 from = map.end - std::min(map.end - map.start, kControlBlock);
    std::vector<u64> words((map.end - from) / sizeof(u64));
    if (!input_.memory.Read(from, words.data(), words.size() * sizeof(u64))) return false;
    for (size_t i = 0; i + 2 < words.size(); i += 8)
      if (words[i] == from + i * sizeof(u64) && words[i + 2] == words[i]) return true;
    return false;
  }

  bool HoldsObjects(const Mapping& map) const {
    const auto node = std::lower_bound(columns_.address.begin(), columns_.address.end(), map.start);
    return node != columns_.address.end() && *node < map.end;
  }

  // From the target itself: a clone has pages of files only where it has touched them.
  void CountFiles(const std::vector<MapUse>& uses) {
    for (const MapUse& use : uses) {
      const Mapping& map = use.map;
      if (map.path == "[stack]" || (IsAnonymous(map) && !map.shared)) continue;
      const MemoryKind kind = IsShared(map) || (map.shared && map.path.empty()) ? MemoryKind::kShared
                              : map.executable                                  ? MemoryKind::kCode
                                                                                : MemoryKind::kFiles;
      Add(kind, map.end - map.start, use.resident, 1);
    }
  }

  void CountFacts(const std::vector<MapUse>& uses) {
    u64 resident = 0;
    for (const auto& [key, part] : parts_)
      if (part.kind < MemoryKind::kFirstFact) resident += part.resident;
    Add(MemoryKind::kResident, resident, resident, 0);
    for (const MapUse& use : uses) {
      Add(MemoryKind::kHugePages, use.huge, use.huge, use.huge != 0);
      Add(MemoryKind::kSwapped, use.swapped, 0, use.swapped != 0);
    }
    if (const auto status = ReadStatus(input_.proc_root, input_.pid); status.ok())
      Add(MemoryKind::kPageTables, status->page_tables, status->page_tables, 0);
    if (input_.residency.incomplete())
      notes_.push_back("more than 64 GiB of mappings: the ledger leaves out some of them");
  }

  void Fill() {
    for (const auto& [key, part] : parts_) columns_.memory.push_back(part);
    for (size_t i = 0; i < exact_.size(); ++i) AddSize(i * 16, exact_[i]);
    for (const auto& [bytes, size] : large_) AddSize(bytes, size);
    FillPymallocSizes();
    pointers_.Fill(&columns_);
    std::sort(columns_.memory_regions.begin(), columns_.memory_regions.end(),
              [](const auto& a, const auto& b) { return a.start < b.start; });
    for (const std::string& note : notes_) columns_.meta.notes.push_back(columns_.strings.Intern(note));
  }

  void AddSize(u64 bytes, snapshot::MemorySize size) {
    if (size.used == 0) return;
    size.bytes = bytes;
    columns_.memory_sizes.push_back(size);
  }

  const LedgerInput& input_;
  snapshot::Columns& columns_;
  const Ranges taken_;
  const LedgerOwners owners_;
  LedgerPointers pointers_;
  Ranges claimed_;
  std::vector<snapshot::MemoryRegion> regions_;  // of malloc
  std::vector<u64> idents_;                      // of the threads: addresses of their control blocks, ascending
  size_t region_ = 0;
  u64 counted_resident_ = 0, malloc_resident_ = 0;
  std::array<snapshot::MemorySize, kExactSizes / 16> exact_{};
  std::map<u64, snapshot::MemorySize> large_;
  std::map<std::pair<MemoryKind, u32>, MemoryPart> parts_;
  std::vector<std::string> notes_;
};

}  // namespace

void AddLedger(const LedgerInput& input, snapshot::Columns* columns) {
  if (Ledger(input, columns).Run()) return;
  columns->meta.notes.push_back(
      columns->strings.Intern("the page table or smaps of the process cannot be read: no memory ledger"));
}

}  // namespace unleak::capture
