#include "capture/glibc_heap.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <map>

namespace unleak::capture {
namespace {

struct Figures {
  u64 system, mapped, free;
};

// What numpy does with every large array: the kernel keeps the pages apart that were advised.
void Advise(void* block, size_t offset, size_t bytes) {
  constexpr size_t kPage = 4096;
  const size_t start = (reinterpret_cast<size_t>(block) + offset + kPage - 1) & ~(kPage - 1);
  if (madvise(reinterpret_cast<void*>(start), bytes, MADV_NOHUGEPAGE) != 0) _exit(2);
}

// Makes holes of many sizes, tells what malloc says, and waits to be killed. `advise`: with a heap and a chunk in several mappings.
[[noreturn]] void Child(int out, bool advise) {
  void* kept[400];
  for (size_t i = 0; i < 400; ++i) kept[i] = malloc(16 + 40 * i);
  for (size_t i = 0; i < 400; i += 3) free(kept[i]);
  void* big = malloc(3 << 20);
  *static_cast<volatile char*>(big) = 1;
  if (advise) {
    Advise(kept[1], 0, 4096);
    void* last = malloc(100'000);
    Advise(last, 4096, 20 * 4096);
    free(last);  // the rest of the heap begins in the middle of what was advised
    Advise(big, 1, 2 << 20);
  }
  const struct mallinfo2 info = mallinfo2();
  const Figures figures{info.arena, info.hblkhd, info.fordblks};
  if (write(out, &figures, sizeof figures) != sizeof figures) _exit(1);
  for (;;) pause();
}

void ExpectSumsOfMalloc(bool advise) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) Child(pipes[1], advise);
  Figures figures{};
  ASSERT_EQ(read(pipes[0], &figures, sizeof figures), static_cast<ssize_t>(sizeof figures));
  const u32 pid = static_cast<u32>(child);
  const auto maps = ReadMaps(pid);
  Residency residency;
  RemoteMemory memory(pid);
  ASSERT_TRUE(maps.ok());
  ASSERT_TRUE(residency.Load(pid, *maps, "/proc"));
  GlibcHeap heap(memory, *maps, residency);
  const bool found = heap.FindArenas();
  u64 system = 0, free_bytes = 0, lost = 0, mapped = 0, used = 0;
  heap.Walk(
      [&](const GlibcChunk& chunk) { (chunk.state == GlibcChunk::State::kUsed ? used : free_bytes) += chunk.size; });
  for (const auto& chunk : heap.CachedChunks().fast) free_bytes += chunk.size;
  heap.FindMappedChunks({});
  for (const auto& arena : heap.arenas()) system += arena.system_bytes;
  for (const auto& region : heap.regions()) lost += region.lost;
  for (const auto& chunk : heap.mapped_chunks()) mapped += chunk.size;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(pipes[0]);
  close(pipes[1]);
  if (!found) GTEST_SKIP() << "this program's malloc is not glibc's";
  EXPECT_EQ(system, figures.system);
  EXPECT_EQ(free_bytes, figures.free);
  EXPECT_EQ(mapped, figures.mapped);
  EXPECT_EQ(lost, 0u);
  EXPECT_GT(used, 0u);
}

TEST(GlibcHeapTest, SumsAreThoseOfMalloc) { ExpectSumsOfMalloc(false); }

TEST(GlibcHeapTest, AHeapInSeveralMappingsIsOne) { ExpectSumsOfMalloc(true); }

// Memory of a hostile process: words by address, everything else is zero.
class Forged final : public Memory {
 public:
  std::map<u64, u64> words;
  u64 reads = 0;
  void ReadMany(std::span<ReadRequest> requests) override {
    for (ReadRequest& r : requests) {
      ++reads;
      std::memset(r.buffer, 0, r.size);
      for (auto at = words.lower_bound(r.address); at != words.end() && at->first + 8 <= r.address + r.size; ++at)
        std::memcpy(static_cast<u8*>(r.buffer) + (at->first - r.address), &at->second, 8);
      r.ok = true;
    }
  }
};

constexpr u64 kData = 0x7f0000000000, kHeapAt = 0x10000000;

std::vector<Mapping> ForgedMaps() {
  std::vector<Mapping> maps(2);
  maps[0] = {kHeapAt, kHeapAt + (1 << 20), 0, true, true, false, false, "[heap]"};
  maps[1] = {kData, kData + 0x4000, 0, true, true, false, false, "/lib/libc.so.6"};
  return maps;
}

// An arena as 2.26 to 2.42 have it, whose bins are empty.
void ForgeArena(Forged& memory, u64 at, u64 top, u64 next) {
  memory.words[at + 96] = top;
  for (u64 bin = at + 112; bin < at + 112 + 16 * 127; bin += 16) memory.words[bin] = memory.words[bin + 8] = bin - 16;
  const u64 tail = at + 112 + 16 * 127 + 16;
  memory.words[tail] = next;
  memory.words[tail + 24] = memory.words[tail + 32] = 1 << 20;
}

TEST(GlibcHeapTest, ForgedHeapsEnd) {
  for (const u64 size : {u64{0}, u64{8}, u64{0x21}, u64{0x100001}, ~u64{7}, u64{0x31}}) {
    Forged memory;
    ForgeArena(memory, kData + 0x100, kHeapAt + (1 << 20) - 0x100, kData + 0x1100);
    memory.words[kHeapAt + (1 << 20) - 0x100 + 8] = 0x101;
    ForgeArena(memory, kData + 0x1100, kHeapAt, kData + 0x1100);  // a ring that never comes back
    for (u64 at = kHeapAt + 8; at < kHeapAt + 0x8000; at += 0x20) memory.words[at] = size;
    const auto maps = ForgedMaps();
    Residency residency;
    GlibcHeap heap(memory, maps, residency);
    heap.FindArenas();
    u64 bytes = 0;
    heap.Walk([&](const GlibcChunk& chunk) {
      EXPECT_GE(chunk.address, kHeapAt);
      EXPECT_LE(chunk.address + chunk.size, kHeapAt + (1 << 20));
      bytes += chunk.size;
    });
    heap.CachedChunks();
    heap.FindMappedChunks({});
    EXPECT_LE(bytes, u64{1} << 20);
    EXPECT_LT(memory.reads, 20'000'000u);
  }
}

TEST(ResidencyTest, CountsBytesOfPages) {
  const u64 page = 4096;
  char* area = static_cast<char*>(aligned_alloc(page, 64 * page));
  malloc_trim(0);
  std::memset(area, 1, 3 * page);
  Mapping map{reinterpret_cast<u64>(area), reinterpret_cast<u64>(area) + 3 * page, 0, true, true, false, false, ""};
  Residency residency;
  ASSERT_TRUE(residency.Load(static_cast<u32>(getpid()), {map}, "/proc"));
  EXPECT_EQ(residency.ResidentBytes(map.start, map.end), 3 * page);
  EXPECT_EQ(residency.ResidentBytes(map.start + 10, map.start + 20), 10u);
  EXPECT_EQ(residency.ResidentBytes(map.start + 10, map.start + 2 * page + 7), 2 * page - 3);
  EXPECT_EQ(residency.ResidentBytes(map.start - page, map.end + page), 3 * page);
  EXPECT_EQ(residency.ResidentBytes(map.end, map.end + page), 0u);
  free(area);
}

TEST(ResidencyTest, ReadsSmaps) {
  const auto uses = ParseSmaps(
      "7f0000000000-7f0000010000 rw-p 00000000 00:00 0 \nSize: 64 kB\nRss:                  12 kB\nAnonymous: 8 kB\n"
      "Swap:  4 kB\nVmFlags: rd wr\nffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\nRss: 0 "
      "kB\nnonsense\n");
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].resident, 12u << 10);
  EXPECT_EQ(uses[0].anonymous, 8u << 10);
  EXPECT_EQ(uses[0].swapped, 4u << 10);
  EXPECT_EQ(uses[1].map.path, "[vsyscall]");
  EXPECT_TRUE(ParseSmaps("").empty());
}

}  // namespace
}  // namespace unleak::capture
