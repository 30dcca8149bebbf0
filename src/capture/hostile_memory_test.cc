// Memory of a process that forges the structures of allocators, images and objects: all that reads them ends after
// bounded work and tells nothing that lies outside of what it was asked to look at.
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "capture/assemble_index.h"
#include "capture/native_roots.h"
#include "capture/opaque_bodies.h"
#include "capture/pymalloc.h"
#include "pylayout/tables.h"

namespace unleak::capture {
namespace {

constexpr u32 kPython312 = 0x030c0100;
constexpr u64 kArena = 0x7f1000000000, kImage = 0x7f2000000000, kStack = 0x7f3000000000, kPool = 16 << 10;

// What each 8-aligned word holds is told by a function of its address; `readable` says where there is memory.
class Forged final : public Memory {
 public:
  std::function<u64(u64)> word = [](u64) { return u64{0}; };
  std::function<bool(u64)> readable = [](u64) { return true; };
  std::map<u64, u64> words;  // instead of what the function says
  u64 requests = 0, bytes = 0;

  void ReadMany(std::span<ReadRequest> asked) override {
    for (ReadRequest& r : asked) {
      ++requests;
      r.ok = readable(r.address);
      if (!r.ok) continue;
      bytes += r.size;
      for (u64 i = 0; i < r.size; ++i) static_cast<u8*>(r.buffer)[i] = Byte(r.address + i);
    }
  }

 private:
  u8 Byte(u64 address) {
    const u64 at = address & ~u64{7};
    if (at != cached_at_) {
      const auto said = words.find(at);
      cached_at_ = at;
      cached_ = said == words.end() ? word(at) : said->second;
    }
    return static_cast<u8>(cached_ >> (address & 7) * 8);
  }
  u64 cached_at_ = ~u64{0}, cached_ = 0;
};

u64 Noise(u64 x) {
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
  return (x ^ x >> 29) * 0xbf58476d1ce4e5b9;
}

Mapping Area(u64 start, u64 end, const char* path = "") { return {start, end, 0, true, true, false, false, path}; }

// A pool's header as three pairs of words: count, free block; next, previous; arena and class, offsets.
void ForgePool(Forged& memory, u64 at, u32 used, u64 free_block, u32 size_class, u32 next_offset, u32 most_offset) {
  memory.words[at] = used;
  memory.words[at + 8] = free_block;
  memory.words[at + 32] = u64{size_class} << 32;
  memory.words[at + 40] = u64{most_offset} << 32 | next_offset;
}

PymallocHeap PoolAt(Forged& memory, u64 address) {
  return ReadPymalloc(kPython312, false, memory, {Area(address, address + kPool)});
}

TEST(HostilePoolsTest, AFreeListThatAgreesIsTaken) {
  Forged memory;
  ForgePool(memory, kArena, 1, kArena + 48 + 32, 1, 48 + 3 * 32, kPool - 32);
  memory.words[kArena + 48 + 32] = kArena + 48 + 64;
  const PymallocHeap heap = PoolAt(memory, kArena);
  ASSERT_EQ(heap.pools.size(), 1u);
  EXPECT_EQ(heap.pools[0].carved, 3u);
  EXPECT_EQ(std::vector<u16>(heap.free_of(heap.pools[0]).begin(), heap.free_of(heap.pools[0]).end()),
            (std::vector<u16>{1, 2}));
}

TEST(HostilePoolsTest, FreeListsThatLieMakeNoPool) {
  const u64 first = kArena + 48;
  const auto with_link = [&](u64 head, u64 link) {
    Forged memory;
    ForgePool(memory, kArena, 1, head, 1, 48 + 3 * 32, kPool - 32);
    memory.words[first + 32] = link;
    return PoolAt(memory, kArena).pools.size();
  };
  EXPECT_EQ(with_link(first + 32, first + 32), 0u) << "a block that is its own successor";
  EXPECT_EQ(with_link(first + 32, 0), 0u) << "shorter than the header says";
  EXPECT_EQ(with_link(first + 32, first + 3 * 32), 0u) << "a block that was never handed out";
  EXPECT_EQ(with_link(first + 32, first + 65), 0u) << "beside the grid";
  EXPECT_EQ(with_link(first + 32, ~u64{0}), 0u);
  EXPECT_EQ(with_link(kArena, 0), 0u) << "the header itself";
  EXPECT_EQ(with_link(kArena + kPool, 0), 0u) << "another pool";
}

TEST(HostilePoolsTest, HeadersThatMakeNoSenseAreNone) {
  const auto with = [](u32 used, u32 size_class, u32 next_offset, u32 most_offset) {
    Forged memory;
    ForgePool(memory, kArena, used, 0, size_class, next_offset, most_offset);
    return PoolAt(memory, kArena).pools.size();
  };
  ASSERT_EQ(with(3, 1, 48 + 3 * 32, kPool - 32), 1u);
  EXPECT_EQ(with(4, 1, 48 + 3 * 32, kPool - 32), 0u) << "more in use than were handed out";
  EXPECT_EQ(with(~0u, 1, 48 + 3 * 32, kPool - 32), 0u);
  EXPECT_EQ(with(3, ~0u, 48 + 3 * 32, kPool - 32), 0u);
  EXPECT_EQ(with(3, 32, 48 + 3 * 32, kPool - 528), 0u) << "larger than the allocator's blocks";
  EXPECT_EQ(with(3, 1, 48 + 3 * 32 + 8, kPool - 32), 0u);
  EXPECT_EQ(with(3, 1, 16, kPool - 32), 0u) << "inside the header";
  EXPECT_EQ(with(3, 1, ~0u - 15, kPool - 32), 0u);
}

TEST(HostilePoolsTest, AMappingOfAnySizeIsBoundedWork) {
  Forged memory;
  memory.readable = [](u64) { return false; };
  const PymallocHeap heap = ReadPymalloc(kPython312, false, memory, {Area(1 << 20, u64{1} << 46)});
  EXPECT_FALSE(heap.complete);
  EXPECT_TRUE(heap.pools.empty());
  EXPECT_LE(memory.requests, u64{1} << 23);
}

TEST(HostilePoolsTest, NoiseGivesConsistentPools) {
  Forged memory;
  // Half of the headers are good, all else is noise.
  memory.word = [](u64 at) {
    const u64 in = at % kPool, pool = at - in;
    if (in >= 48 || Noise(pool) & 1) return Noise(at);
    if (in == 0) return u64{2};
    if (in == 8) return u64{0};
    return in == 32 ? Noise(at) & 0xffffffff : u64{kPool - 16} << 32 | (48 + 2 * 16);
  };
  PymallocHeap heap = ReadPymalloc(kPython312, false, memory, {Area(kArena, kArena + 64 * kPool)});
  EXPECT_FALSE(heap.pools.empty());
  for (const PymallocPool& pool : heap.pools) {
    EXPECT_GE(pool.address, kArena);
    EXPECT_LE(pool.address + kPool, kArena + 64 * kPool);
    EXPECT_LE(pool.used, pool.carved);
    EXPECT_LE(pool.carved, heap.blocks_of(pool));
    EXPECT_EQ(heap.free_of(pool).size(), pool.carved - pool.used);
  }
  // A word of the data that leads to noise is no table of arenas, whatever index the pools' headers give.
  memory.words[kImage] = kArena;
  FindArenas(memory, {Area(kArena, kArena + 64 * kPool), Area(kImage, kImage + 4096, "/bin/x")}, &heap);
  EXPECT_TRUE(heap.arenas.empty());
  EXPECT_EQ(heap.pools_outside, heap.pools.size());
}

// The header of an image with `segments` writable segments, each of all address space.
std::vector<u8> ForgeImage(u16 segments) {
  std::vector<u8> image(sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr));
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = segments;
  std::memcpy(image.data(), &header, sizeof header);
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_W;
  segment.p_memsz = u64{1} << 46;
  for (u16 i = 0; i < segments; ++i)
    std::memcpy(image.data() + sizeof header + i * sizeof segment, &segment, sizeof segment);
  return image;
}

void PutImage(Forged& memory, u64 at, std::vector<u8> image) {
  image.resize((image.size() + 7) & ~size_t{7});
  for (size_t i = 0; i < image.size(); i += 8) std::memcpy(&memory.words[at + i], image.data() + i, 8);
}

TEST(HostileImagesTest, SegmentsOfEverythingGiveBoundedRangesWithinMappings) {
  Forged memory;
  PutImage(memory, kImage, ForgeImage(512));
  std::vector<Mapping> maps{Area(kImage, kImage + (1 << 16), "/lib/forged.so")};
  for (u64 i = 1; i < 20'000; ++i) maps.push_back(Area(kImage + (i << 20), kImage + (i << 20) + 4096));
  const auto ranges = FindDataRanges(memory, maps);
  EXPECT_FALSE(ranges.empty());
  EXPECT_LE(ranges.size(), size_t{1} << 16);
  for (const NativeRange& range : ranges) {
    const Mapping* map = FindMapping(maps, range.start);
    ASSERT_NE(map, nullptr);
    ASSERT_LE(range.end, map->end);
  }
}

TEST(HostileStacksTest, RangesStayInTheMappingOfThePointer) {
  const std::vector<Mapping> maps{Area(4096, 8192), Area(kStack, kStack + (u64{1} << 40))};
  const std::vector<u64> idents{0, 1, ~u64{0}, kStack + 5000, u64{1} << 62};
  const auto ranges = FindStackRanges({{1, 0, {}},
                                       {2, 1, {}},
                                       {3, ~u64{0}, {}},
                                       {4, 4096, {}},
                                       {5, kStack + 8, {}},
                                       {6, kStack + 6000, {}},
                                       {7, kStack + (u64{1} << 40) - 1, {}}},
                                      maps, idents);
  EXPECT_FALSE(ranges.empty());
  for (const NativeRange& range : ranges) {
    EXPECT_LE(range.start, range.end);
    const Mapping* map = FindMapping(maps, range.start);
    ASSERT_NE(map, nullptr) << "of thread " << range.tid;
    EXPECT_LE(range.end, map->end) << "of thread " << range.tid;
    EXPECT_LE(range.end - range.start, u64{64} << 20);
  }
}

// A small heap whose objects are real and whose memory is noise that often looks like their addresses.
class HostileBodiesTest : public testing::Test {
 protected:
  static constexpr u32 kNodes = 200;

  HostileBodiesTest() {
    columns_.types.resize(2);
    for (u32 t = 0; t < 2; ++t) {
      columns_.types[t].address = kImage + 0x10000 + t * 0x1000;
      columns_.types[t].gc = true;
      columns_.types[t].heap = t == 1;
      columns_.types[t].basic_size = t == 0 ? 512 : 1 << 20;  // the second claims more than a body can be
      columns_.types[t].base = t;                             // its own base
      columns_.types[t].role = snapshot::Role::kOther;
    }
    for (u32 i = 0; i < kNodes; ++i) {
      columns_.address.push_back(kArena + i * 1024);
      columns_.type.push_back(i % 2);
      columns_.size.push_back(~0u);
      columns_.refcount.push_back(i % 7);
      columns_.flags.push_back(0);
      columns_.length.push_back(kNone);
      EXPECT_TRUE(index_.Add(columns_.address.back()));
    }
    columns_.edge_row.assign(kNodes + 1, 0);
    index_.Seal();
    memory_.word = [](u64 at) {
      const u64 noise = Noise(at);
      return noise & 1 ? kArena + (noise >> 8) % (2 * kNodes) * 1024 : noise;
    };
    PutImage(memory_, kImage, ForgeImage(4));
  }

  void ExpectSane() const {
    ASSERT_EQ(columns_.edge_row.size(), kNodes + 1);
    EXPECT_TRUE(std::is_sorted(columns_.edge_row.begin(), columns_.edge_row.end()));
    EXPECT_EQ(columns_.edge_row.back(), columns_.edge_target.size());
    EXPECT_EQ(columns_.edge_label.size(), columns_.edge_target.size());
    for (u32 target : columns_.edge_target) ASSERT_LT(target, kNodes);
    for (u32 label : columns_.edge_label) EXPECT_EQ(snapshot::Label::Class(label), snapshot::EdgeClass::kConservative);
    for (const snapshot::Root& root : columns_.roots) {
      ASSERT_LT(root.node, kNodes);
      EXPECT_TRUE(root.conservative);
    }
  }

  const unleak_layout& layout_ = *pylayout::FindLayout(kPython312, false);
  Forged memory_;
  AddressIndex index_;
  snapshot::Columns columns_;
  const std::vector<Mapping> maps_{Area(kArena, kArena + (1 << 20)), Area(kImage, kImage + (1 << 20), "/lib/forged.so"),
                                   Area(kStack, kStack + (1 << 16))};
  const std::vector<ThreadStack> stacks_{{1, kStack + 64, {kArena, ~u64{0}}}};
  const std::vector<u64> interpreters_{kImage + 0x20000, ~u64{0} << 3}, threads_{kImage + 0x30000, 8};
  const NativeInput input_{layout_, memory_, index_, maps_, stacks_, interpreters_, threads_};
};

TEST_F(HostileBodiesTest, BodiesOfNoiseGiveConservativeEdgesOnly) {
  AddOpaqueEdges(input_, &columns_);
  ExpectSane();
  EXPECT_GT(columns_.edge_target.size(), 0u);
  EXPECT_LE(memory_.bytes, u64{256} << 20);
}

TEST_F(HostileBodiesTest, NativeMemoryOfNoiseGivesConservativeRootsOnly) {
  AddNativeRoots(input_, &columns_);
  ExpectSane();
  EXPECT_GT(columns_.roots.size(), 0u);
  EXPECT_LE(memory_.bytes, u64{2} << 30);
}

TEST_F(HostileBodiesTest, MemoryThatGoesAwayGivesNothing) {
  memory_.readable = [](u64) { return false; };
  AddOpaqueEdges(input_, &columns_);
  AddNativeRoots(input_, &columns_);
  ExpectSane();
  EXPECT_EQ(columns_.edge_target.size(), 0u);
}

}  // namespace
}  // namespace unleak::capture
