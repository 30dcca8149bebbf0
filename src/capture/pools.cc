#include "capture/pools.h"

#include <algorithm>
#include <unordered_map>

#include "capture/mimalloc_heap.h"
#include "capture/pymalloc.h"
#include "capture/reader.h"
#include "capture/reader_state.h"

namespace unleak::capture {
namespace {

constexpr u64 kGranule = 16, kMostPresize = 32;
constexpr u64 kLeastObject = 32;      // bytes of the smallest object of a free-threaded build
constexpr u32 kMostCount = 1u << 28;  // a larger count is that of an immortal object, or of none

// The stream of the orphans, kept until its types have got their numbers.
class Kept final : public StreamSink {
 public:
  void Words(const u64* words, std::size_t count) override { words_.insert(words_.end(), words, words + count); }
  void Restart() override { words_.clear(); }

  // Rewrites the type numbers of all nodes and hands the records on.
  void Forward(const std::vector<u32>& number, StreamSink* sink) {
    for (size_t i = 0; i < words_.size();) {
      if ((words_[i] & 7) <= UNLEAK_BLOCK) {
        i += 2;
        continue;
      }
      u64& type_size = words_[i + 1];
      type_size = u64{number[type_size >> 32]} << 32 | (type_size & 0xffffffff);
      i += 4;
    }
    sink->Words(words_.data(), words_.size());
  }

 private:
  std::vector<u64> words_;
};

struct Asked {
  u64 address, bytes;
};

// Is the block that of an object? Decides by its first words.
class Recognizer {
 public:
  Recognizer(const unleak_layout& layout, Memory& memory, const Assembler& assembler, u64 subtype_traverse)
      : cache_(memory),
        view_{layout, cache_},
        assembler_(assembler),
        extents_(view_),
        types_(view_, subtype_traverse) {}

  // What was asked for in a block: all of it, or under the debug hooks (PYTHONMALLOC=debug; Objects/obmalloc.c,
  // _PyMem_DebugRawAlloc) what lies behind their header: the size, highest byte first, the domain's letter, seven bytes 0xfd.
  Asked Inside(u64 block, u64 bytes) {
    constexpr u64 kHeader = 16, kForbidden = 0xfdfdfdfdfdfdfd;
    const u64 mark = cache_.Word(block + 8), letter = mark & 0xff;
    if (mark >> 8 != kForbidden || (letter != 'o' && letter != 'm' && letter != 'r')) return {block, bytes};
    const u64 asked = __builtin_bswap64(cache_.Word(block));
    if (asked == 0 || asked + kHeader > bytes) return {block, bytes};
    return {block + kHeader, (asked + kGranule - 1) / kGranule * kGranule};
  }

  // Address of the object, 0 if it is none.
  u64 ObjectIn(u64 block, u64 bytes) {
    for (u64 presize = 0; presize <= kMostPresize && presize + kGranule <= bytes; presize += kGranule)
      if (IsObject(block + presize, presize, bytes, true)) return block + presize;
    return 0;
  }

  // A freed object that its type keeps for reuse: up to 2,000 tuples of each length (Objects/tupleobject.c), and more.
  bool IsKeptForReuse(u64 block, u64 bytes) {
    for (u64 presize = 0; presize <= kMostPresize && presize + kGranule <= bytes; presize += kGranule)
      if (IsObject(block + presize, presize, bytes, false)) return true;
    return false;
  }

 private:
  bool IsObject(u64 object, u64 presize, u64 bytes, bool alive) {
    const u64 type = view_.TypeOf(object);
    // The type itself must have been met: a word that looks like one is not enough.
    if (!pylayout::IsSane(type) || !assembler_.Knows(type)) return false;
    const ReaderType* t = types_.Find(type);
    if (t == nullptr || t->info.presize != presize || t->info.kind == UNLEAK_TYPE) return false;
    if (alive ? !HasCount(object, t->info) : !IsFreed(object)) return false;
    // A tracked one would be in a list of the collector; the words in front are those of a freed or foreign block.
    if (t->info.gc && MayBeTracked(object)) return false;
    return Fits(object, t->info, bytes);
  }

  bool MayBeTracked(u64 object) {
    constexpr u8 kTracked = 1;  // _PyGC_BITS_TRACKED
    return FreeThreaded() ? (view_.Byte(object, view_.layout.object.gc_bits) & kTracked) != 0
                          : cache_.Word(object - 16) != 0;
  }

  // Of freed blocks the first word is a link of the allocator's free list, of objects kept for reuse it is 0. An
  // immortal object that refers to others would make all that it leads to immortal too, on the word of one block: only
  // plain values are taken as such.
  bool HasCount(u64 object, const pylayout::TypeInfo& type) {
    const u32 count = extents_.RefCount(object);
    if (extents_.IsImmortal(count)) return type.leaf;
    if (count == 0 || count > kMostCount) return false;
    return FreeThreaded() || (cache_.Word(object) >> 32 & 0xffff) == 0;  // 3.14+: flags in the highest bits
  }

  // No count is left, or from 3.14 on the link of its free list in its place (pycore_freelist.h).
  bool IsFreed(u64 object) {
    if (FreeThreaded()) return extents_.RefCount(object) == 0;
    const u64 word = cache_.Word(object);
    return word == 0 || (word > kMostCount && pylayout::IsSane(word) && (word & (kGranule - 1)) == 0);
  }

  // The body and what stands in front of it take the block: a smaller one would have got a smaller block. Only what is
  // cut to size after it was made may leave room (Objects/obmalloc.c, pymalloc_realloc; ints are normalized in place).
  bool Fits(u64 object, const pylayout::TypeInfo& type, u64 bytes) {
    u64 owned = 0;
    const u64 all = extents_.Size(object, type, [&](u64, u64 size) { owned += size; });
    const u64 body = all - owned;
    if (body > bytes) return false;
    const u64 left = bytes - body;
    if (left < (FreeThreaded() ? MimallocSlack(bytes) : kGranule)) return true;
    const bool cut =
        type.kind == UNLEAK_STR || type.kind == UNLEAK_BYTES || type.kind == UNLEAK_TUPLE || type.kind == UNLEAK_INT;
    return cut && left * 3 <= bytes + 3 * kGranule;
  }

  bool FreeThreaded() const { return view_.layout.free_threaded == 1; }

  PageCache cache_;
  const pylayout::View<PageCache> view_;
  const Assembler& assembler_;
  pylayout::Extents<PageCache> extents_;
  TypeTable types_;
};

// Blocks that no object owns, by the objects and owned blocks of the stream.
class Ownership {
 public:
  explicit Ownership(const Assembler& assembler) : assembler_(assembler) {
    assembler.EachBlock([&](u64 address) { blocks_.Add(address & ~(kGranule - 1)); });
  }
  bool Owned(u64 block, u64 bytes) const {
    for (u64 at = block; at < block + std::min(bytes, kMostPresize + kGranule); at += kGranule)
      if (assembler_.Knows(at) || blocks_.Has(at)) return true;
    return false;
  }
  // The granules of the KiB around `address` in which an object or an owned block starts.
  u64 OfKib(u64 address) const { return assembler_.ObjectsOfKib(address) | blocks_.GranulesOfKib(address); }

 private:
  const Assembler& assembler_;
  AddressIndex blocks_;
};

// The blocks of a pool, one pool after the other.
class PoolBlocks {
 public:
  PoolBlocks(const PymallocHeap& heap, const Ownership& ownership) : heap_(heap), ownership_(ownership) {}

  // Calls take(address) for the allocated blocks that nobody owns. Nearly all are owned, so this asks for a KiB at once.
  template <class Take>
  void EachUnowned(const PymallocPool& pool, const Take& take) {
    ReadStarts(pool.address);
    const auto free = heap_.free_of(pool);
    const u64 granules = std::min<u64>(pool.block_bytes, kMostPresize + kGranule) / kGranule;
    size_t next = 0;
    for (u32 k = 0; k < pool.carved; ++k) {
      if (next < free.size() && free[next] == k) {
        ++next;
        continue;
      }
      const u64 offset = PymallocHeap::kPoolHeader + u64{k} * pool.block_bytes;
      if (!Started(offset / kGranule, granules)) take(pool.address + offset);
    }
  }

 private:
  static constexpr u64 kKib = 1024;

  void ReadStarts(u64 pool) {
    starts_.resize(heap_.pool_bytes / kKib + 1);  // the last stays 0: what is asked of the last block may end there
    for (u64 i = 0; i + 1 < starts_.size(); ++i) starts_[i] = ownership_.OfKib(pool + i * kKib);
  }
  // Something starts in one of `count` granules (3 at most) from `granule` of the pool on.
  bool Started(u64 granule, u64 count) const {
    const u64 shift = granule % 64;
    u64 bits = starts_[granule / 64] >> shift;
    if (shift + count > 64) bits |= starts_[granule / 64 + 1] << (64 - shift);
    return (bits & ((u64{1} << count) - 1)) != 0;
  }

  const PymallocHeap& heap_;
  const Ownership& ownership_;
  std::vector<u64> starts_;
};

// The traverse that class statements give their types: no other is that frequent among heap types.
u64 SubtypeTraverse(const std::vector<unleak_type_entry>& types) {
  std::unordered_map<u64, u64> votes;
  for (const unleak_type_entry& type : types)
    if (type.heap && type.traverse) ++votes[type.traverse];
  u64 best = 0, most = 0;
  for (const auto& [traverse, count] : votes)
    if (count > most) best = traverse, most = count;
  return best;
}

// Numbers for the types of the orphans' stream: those of the walk's table, and new ones behind them.
std::vector<u32> NumberTypes(const std::vector<unleak_type_entry>& found, std::vector<unleak_type_entry>* types) {
  std::unordered_map<u64, u32> by_address;
  for (const unleak_type_entry& type : *types)
    if (type.address) by_address.emplace(type.address, static_cast<u32>(&type - types->data()));
  std::vector<u32> number;
  for (unleak_type_entry type : found) {
    auto [it, fresh] = by_address.emplace(type.address, static_cast<u32>(types->size()));
    if (fresh) {
      type.index = it->second;
      types->push_back(type);
    } else {
      (*types)[it->second].count += type.count;
    }
    number.push_back(it->second);
  }
  return number;
}

// Sorts the blocks that no object owns: objects, freed ones, and what C code has.
class Sorter {
 public:
  Sorter(const Ownership& ownership, Recognizer* recognizer, OrphanFacts* facts)
      : ownership_(ownership), recognizer_(*recognizer), facts_(*facts) {}

  void Take(u64 block, u64 bytes) {
    const Asked asked = recognizer_.Inside(block, bytes);
    if (asked.address != block && ownership_.Owned(asked.address, asked.bytes)) return;
    if (const u64 object = recognizer_.ObjectIn(asked.address, asked.bytes)) {
      seeds_.push_back(object);
    } else if (recognizer_.IsKeptForReuse(asked.address, asked.bytes)) {
      ++facts_.reusable;
    } else {
      ++facts_.unowned;
      facts_.unowned_bytes += bytes;
      if (bytes / kGranule < facts_.unowned_of_size.size()) ++facts_.unowned_of_size[bytes / kGranule];
    }
  }
  const std::vector<u64>& seeds() const { return seeds_; }

 private:
  const Ownership& ownership_;
  Recognizer& recognizer_;
  OrphanFacts& facts_;
  std::vector<u64> seeds_;
};

void SortPools(u32 hex, Memory& memory, const std::vector<Mapping>& maps, const Ownership& ownership, Sorter* sorter,
               OrphanFacts* facts) {
  facts->heap = ReadPymalloc(hex, false, memory, maps);
  facts->complete = facts->heap.complete;
  facts->pools = facts->heap.pools.size();
  PoolBlocks blocks(facts->heap, ownership);
  for (const PymallocPool& pool : facts->heap.pools) {
    facts->blocks += pool.used;
    blocks.EachUnowned(pool, [&](u64 block) { sorter->Take(block, pool.block_bytes); });
  }
}

// Free-threaded. Memory without a header of an object is not looked at: dict keys, lists' items, what C code allocates.
void SortMimallocPages(Memory& memory, const std::vector<Mapping>& maps, const Ownership& ownership, Sorter* sorter,
                       OrphanFacts* facts) {
  const MimallocHeap heap = ReadMimalloc(memory, maps);
  facts->complete = heap.complete;
  facts->pools = heap.pages.size();
  for (const MimallocPage& page : heap.pages) {
    if (page.tag == MimallocTag::kMemory || page.block_bytes < kLeastObject) continue;
    facts->blocks += page.carved - page.free;
    const std::span<const u16> free = heap.free_of(page);
    for (u32 k = 0, next = 0; k < page.carved; ++k) {
      if (next < free.size() && free[next] == k) {
        ++next;
        continue;
      }
      const u64 block = page.address + k * page.block_bytes;
      if (!ownership.Owned(block, page.block_bytes)) sorter->Take(block, page.block_bytes);
    }
  }
}

}  // namespace

OrphanFacts AddOrphans(const unleak_layout& layout, u32 hex, Memory& memory, const std::vector<Mapping>& maps,
                       Assembler* assembler, std::vector<unleak_type_entry>* types) {
  OrphanFacts facts;
  KnownHeap known;
  known.known = [&](u64 address) { return assembler->Knows(address); };
  known.facts.subtype_traverse = SubtypeTraverse(*types);
  Recognizer recognizer(layout, memory, *assembler, known.facts.subtype_traverse);
  const Ownership ownership(*assembler);
  Sorter sorter(ownership, &recognizer, &facts);
  if (layout.free_threaded == 1) SortMimallocPages(memory, maps, ownership, &sorter, &facts);
  else SortPools(hex, memory, maps, ownership, &sorter, &facts);
  Kept kept;
  const ReaderFacts read = ReadObjects(layout, memory, known, sorter.seeds(), kept);
  kept.Forward(NumberTypes(read.types, types), assembler);
  facts.orphans = read.nodes;
  return facts;
}

}  // namespace unleak::capture
