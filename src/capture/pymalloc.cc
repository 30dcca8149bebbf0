#include "capture/pymalloc.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace unleak::capture {
namespace {

constexpr u32 kPython310 = 0x030a0000;
constexpr u64 kAlignment = 16, kMostBlockBytes = 512;
constexpr size_t kBatch = 512;                 // headers or pools read at once
constexpr u64 kMostProbes = u64{1} << 23;      // places where a pool may start: 128 GiB of mappings
constexpr u64 kMostTableWords = u64{1} << 24;  // words of data that are searched for the arenas' table
constexpr u32 kMostArenas = 1u << 22;

// struct pool_header
struct PoolHeader {
  u32 count, padding;
  u64 free_block, next, previous;
  u32 arena_index, size_class, next_offset, most_offset;
};
static_assert(sizeof(PoolHeader) == PymallocHeap::kPoolHeader);

// struct arena_object
struct ArenaObject {
  u64 address, pool_address;
  u32 free_pools, pools;
  u64 free_list, next, previous;
};
static_assert(sizeof(ArenaObject) == 48);

// Arenas come from mmap: anonymous, private. They may have got a name (prctl PR_SET_VMA), never one of a file.
bool MayHoldPools(const Mapping& m) {
  return m.readable && m.writable && !m.shared && (m.path.empty() || m.path.starts_with("[anon"));
}

bool IsData(const Mapping& m) { return m.readable && m.writable && !m.shared && !m.path.empty() && m.path[0] == '/'; }

// What can be told by the header alone.
std::optional<PymallocPool> ParseHeader(const PymallocHeap& heap, u64 address, const PoolHeader& h) {
  if (h.size_class >= kMostBlockBytes / kAlignment || h.count == 0) return std::nullopt;
  const u64 bytes = (h.size_class + 1) * kAlignment;
  if (h.most_offset != heap.pool_bytes - bytes || h.next_offset > heap.pool_bytes) return std::nullopt;
  if (h.next_offset < PymallocHeap::kPoolHeader || (h.next_offset - PymallocHeap::kPoolHeader) % bytes != 0)
    return std::nullopt;
  PymallocPool pool;
  pool.address = address;
  pool.block_bytes = static_cast<u32>(bytes);
  pool.used = h.count;
  pool.carved = static_cast<u32>((h.next_offset - PymallocHeap::kPoolHeader) / bytes);
  pool.arena_index = h.arena_index;
  if (pool.used > pool.carved || (pool.used == pool.carved) != (h.free_block == 0)) return std::nullopt;
  return pool;
}

// Collects the blocks of the free list; false if it leaves the pool or has not as many blocks as the header says.
bool TakeFreeList(const PymallocPool& pool, u64 pool_bytes, u64 block, const u8* bytes, std::vector<u16>* out) {
  const u64 first = pool.address + PymallocHeap::kPoolHeader, want = pool.carved - pool.used;
  const size_t before = out->size();
  for (u64 n = 0; block != 0; ++n) {
    if (n == want || block < first || block >= pool.address + pool_bytes) return false;
    const u64 number = (block - first) / pool.block_bytes;
    if ((block - first) % pool.block_bytes != 0 || number >= pool.carved) return false;
    out->push_back(static_cast<u16>(number));
    std::memcpy(&block, bytes + (block - pool.address), sizeof block);
  }
  if (out->size() - before != want) return false;
  std::sort(out->begin() + static_cast<std::ptrdiff_t>(before), out->end());
  // A block that is twice in the list: a loop, or a double free.
  return std::adjacent_find(out->begin() + static_cast<std::ptrdiff_t>(before), out->end()) == out->end();
}

class PoolSearch {
 public:
  PoolSearch(Memory& memory, PymallocHeap* heap)
      : memory_(memory), heap_(*heap), bytes_(kBatch / 8 * heap->pool_bytes) {}

  void Mapping(u64 start, u64 end) {
    const u64 step = heap_.pool_bytes;
    for (u64 at = (start + step - 1) & ~(step - 1); at + step <= end; at += step) {
      if (++probes_ > kMostProbes) {
        heap_.complete = false;
        return;
      }
      places_.push_back(at);
      if (places_.size() == kBatch) Probe();
    }
  }

  void Finish() {
    Probe();
    TakeOpen();
    std::sort(heap_.pools.begin(), heap_.pools.end(),
              [](const PymallocPool& a, const PymallocPool& b) { return a.address < b.address; });
  }

 private:
  struct Open {
    PymallocPool pool;
    u64 free_block;
  };

  void Probe() {
    std::vector<PoolHeader> headers(places_.size());
    std::vector<ReadRequest> requests;
    for (size_t i = 0; i < places_.size(); ++i)
      requests.push_back({places_[i], &headers[i], sizeof(PoolHeader), false});
    memory_.ReadMany(requests);
    for (size_t i = 0; i < places_.size(); ++i) {
      auto pool = requests[i].ok ? ParseHeader(heap_, places_[i], headers[i]) : std::nullopt;
      if (!pool) continue;
      if (pool->used == pool->carved) {
        pool->first_free = static_cast<u32>(heap_.free_blocks.size());
        heap_.pools.push_back(*pool);
        continue;
      }
      open_.push_back({*pool, headers[i].free_block});
      if (open_.size() == kBatch / 8) TakeOpen();
    }
    places_.clear();
  }

  // Pools with free blocks: the list lies in their memory.
  void TakeOpen() {
    std::vector<ReadRequest> requests;
    for (size_t i = 0; i < open_.size(); ++i)
      requests.push_back({open_[i].pool.address, bytes_.data() + i * heap_.pool_bytes, heap_.pool_bytes, false});
    memory_.ReadMany(requests);
    for (size_t i = 0; i < open_.size(); ++i) {
      Open& open = open_[i];
      const size_t first = heap_.free_blocks.size();
      open.pool.first_free = static_cast<u32>(first);
      if (requests[i].ok && TakeFreeList(open.pool, heap_.pool_bytes, open.free_block,
                                         bytes_.data() + i * heap_.pool_bytes, &heap_.free_blocks))
        heap_.pools.push_back(open.pool);
      else
        heap_.free_blocks.resize(first);
    }
    open_.clear();
  }

  Memory& memory_;
  PymallocHeap& heap_;
  std::vector<u8> bytes_;
  std::vector<u64> places_;
  std::vector<Open> open_;
  u64 probes_ = 0;
};

bool Holds(const PymallocHeap& heap, const ArenaObject& arena, const PymallocPool& pool) {
  const u64 most = heap.arena_bytes / heap.pool_bytes;
  return arena.address != 0 && arena.address <= pool.address &&
         pool.address + heap.pool_bytes <= arena.address + heap.arena_bytes &&
         (arena.pools == most || arena.pools + 1 == most) && arena.free_pools < arena.pools;
}

// True if the table at `table` has the arenas of `samples`.
bool IsTable(Memory& memory, const PymallocHeap& heap, u64 table, std::span<const PymallocPool> samples) {
  std::vector<ArenaObject> arenas(samples.size());
  std::vector<ReadRequest> requests;
  for (size_t i = 0; i < samples.size(); ++i)
    requests.push_back(
        {table + u64{samples[i].arena_index} * sizeof(ArenaObject), &arenas[i], sizeof(ArenaObject), false});
  memory.ReadMany(requests);
  for (size_t i = 0; i < samples.size(); ++i)
    if (!requests[i].ok || !Holds(heap, arenas[i], samples[i])) return false;
  return true;
}

// Some pools of different places: most of them are of the main interpreter's allocator, so the table must fit them.
std::vector<PymallocPool> Samples(const PymallocHeap& heap) {
  std::vector<PymallocPool> out;
  const size_t step = std::max<size_t>(heap.pools.size() / 8, 1);
  for (size_t i = 0; i < heap.pools.size() && out.size() < 8; i += step) out.push_back(heap.pools[i]);
  return out;
}

class TableSearch {
 public:
  TableSearch(Memory& memory, const std::vector<Mapping>& maps, const PymallocHeap& heap)
      : memory_(memory), maps_(maps), heap_(heap), samples_(Samples(heap)) {}

  // Address of the arenas' table, 0 if no word of the ELF images' data leads to one.
  u64 Find() {
    u64 end_of_data = 0, budget = kMostTableWords;
    for (const Mapping& m : maps_) {
      // Behind an image's data lies the rest of its .bss, which has no name.
      const bool rest = m.path.empty() && m.start == end_of_data && m.readable && m.writable;
      if (!IsData(m) && !rest) continue;
      end_of_data = m.end;
      const u64 words = std::min((m.end - m.start) / 8, budget);
      budget -= words;
      if (const u64 table = InWords(m.start, words)) return table;
    }
    return 0;
  }

 private:
  u64 InWords(u64 start, u64 words) {
    std::array<u64, 512> page;
    for (u64 at = start; at < start + words * 8; at += sizeof page) {
      if (!memory_.Read(at, page.data(), std::min<u64>(sizeof page, start + words * 8 - at))) continue;
      for (u64 i = 0; i < std::min<u64>(page.size(), (start + words * 8 - at) / 8); ++i)
        if (Promising(page[i]) && IsTable(memory_, heap_, page[i], {samples_.data(), 1}) &&
            IsTable(memory_, heap_, page[i], samples_))
          return page[i];
    }
    return 0;
  }

  // The table is malloc'ed: on a heap or in a mapping of its own.
  bool Promising(u64 word) {
    if (word == 0 || word % 16 != 0) return false;
    const Mapping* m = FindMapping(maps_, word);
    return m != nullptr && m->readable && m->writable && (m->path.empty() || m->path[0] == '[');
  }

  Memory& memory_;
  const std::vector<Mapping>& maps_;
  const PymallocHeap& heap_;
  const std::vector<PymallocPool> samples_;
};

// The table doubles from 16 entries on (new_arena); arenas that were given back have address 0.
void ReadTable(Memory& memory, u64 table, PymallocHeap* heap) {
  u32 highest = 0;
  for (const PymallocPool& pool : heap->pools)
    if (pool.arena_index < kMostArenas) highest = std::max(highest, pool.arena_index);
  u64 entries = 16;
  while (entries <= highest) entries *= 2;
  std::vector<ArenaObject> arenas(entries);
  if (!memory.Read(table, arenas.data(), entries * sizeof(ArenaObject))) return;
  const u64 most = heap->arena_bytes / heap->pool_bytes;
  for (const ArenaObject& a : arenas)
    if (a.address != 0 && a.address % 4096 == 0 && (a.pools == most || a.pools + 1 == most) && a.free_pools <= a.pools)
      heap->arenas.push_back({a.address, a.pools, a.free_pools});
  std::sort(heap->arenas.begin(), heap->arenas.end(),
            [](const PymallocArena& a, const PymallocArena& b) { return a.address < b.address; });
}

bool InArena(const PymallocHeap& heap, u64 address) {
  auto after = std::upper_bound(heap.arenas.begin(), heap.arenas.end(), address,
                                [](u64 a, const PymallocArena& b) { return a < b.address; });
  return after != heap.arenas.begin() && address < (after - 1)->address + heap.arena_bytes;
}

}  // namespace

PymallocHeap ReadPymalloc(u32 hex, bool free_threaded, Memory& memory, const std::vector<Mapping>& maps) {
  PymallocHeap heap;
  heap.pool_bytes = hex >= kPython310 ? 16 << 10 : 4 << 10;
  heap.arena_bytes = hex >= kPython310 ? 1 << 20 : 256 << 10;
  if (free_threaded) return heap;
  PoolSearch search(memory, &heap);
  for (const Mapping& m : maps)
    if (MayHoldPools(m)) search.Mapping(m.start, m.end);
  search.Finish();
  return heap;
}

void FindArenas(Memory& memory, const std::vector<Mapping>& maps, PymallocHeap* heap) {
  heap->arenas.clear();
  heap->pools_outside = heap->pools.size();
  if (heap->pools.empty()) return;
  const u64 table = TableSearch(memory, maps, *heap).Find();
  if (table == 0) return;
  ReadTable(memory, table, heap);
  heap->pools_outside = 0;
  for (const PymallocPool& pool : heap->pools) heap->pools_outside += !InArena(*heap, pool.address);
}

PymallocTotals Total(const PymallocHeap& heap) {
  PymallocTotals sum;
  for (const PymallocPool& pool : heap.pools) {
    sum.blocks += pool.used;
    sum.used += u64{pool.used} * pool.block_bytes;
    sum.available += u64{heap.blocks_of(pool) - pool.used} * pool.block_bytes;
    sum.headers += PymallocHeap::kPoolHeader;
    sum.quantization += (heap.pool_bytes - PymallocHeap::kPoolHeader) % pool.block_bytes;
  }
  for (const PymallocArena& arena : heap.arenas) {
    sum.free_pools += arena.free_pools * heap.pool_bytes;
    sum.alignment += heap.arena_bytes - arena.pools * heap.pool_bytes;
    sum.arenas += heap.arena_bytes;
  }
  return sum;
}

}  // namespace unleak::capture
