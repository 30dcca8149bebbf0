#include "capture/reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "capture/page_cache.h"
#include "pylayout/tables.h"

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;

// Pages at addresses of the test's choice.
class FakeMemory : public Memory {
 public:
  void Set(u64 address, u64 word) {
    for (u64 i = 0; i < 8; ++i) PageOf(address + i)[(address + i) % kPage] = static_cast<u8>(word >> 8 * i);
  }
  void ReadMany(std::span<ReadRequest> requests) override {
    for (ReadRequest& request : requests) {
      request.ok = true;
      for (u64 i = 0; i < request.size && request.ok; ++i) {
        auto page = pages_.find((request.address + i) / kPage);
        if (page == pages_.end()) request.ok = false;
        else static_cast<u8*>(request.buffer)[i] = page->second[(request.address + i) % kPage];
      }
    }
  }
  std::vector<u8>& PageOf(u64 address) {
    std::vector<u8>& page = pages_[address / kPage];
    page.resize(kPage);
    return page;
  }

 private:
  std::map<u64, std::vector<u8>> pages_;
};

class NoSink : public StreamSink {
 public:
  void Words(const u64*, std::size_t count) override { words += count; }
  void Restart() override {}
  u64 words = 0;
};

const unleak_layout& Layout12() { return *pylayout::FindLayout(0x030c0000, false); }
constexpr u64 kRuntime = 0x10000, kInterpreter = 0x200000;

// An interpreter with four empty lists.
void AddInterpreter(FakeMemory& memory) {
  const unleak_layout& l = Layout12();
  memory.Set(kRuntime + static_cast<u64>(l.runtime.interpreters_head), kInterpreter);
  for (i32 i = 0; i < 4; ++i) {
    u64 head = kInterpreter + static_cast<u64>(i < 3 ? l.interpreter.generation0 + i * l.interpreter.generation_size : l.interpreter.permanent);
    memory.Set(head, head);
    memory.Set(head + 8, head);
  }
}

TEST(PageCache, ReadsAcrossPagesAndChunksAndGivesZeroForHoles) {
  FakeMemory memory;
  memory.Set(0x8ffc, 0x1122334455667788);
  memory.Set(0x1fffc, 0x99);  // across a chunk of 32 KiB; nothing else of the next chunk's pages exists
  PageCache cache(memory);
  EXPECT_EQ(cache.Word(0x8ffc), 0x1122334455667788u);
  EXPECT_EQ(cache.Word(0x1fffc), 0x99u);
  EXPECT_EQ(cache.Word(0x40000), 0u);
  EXPECT_EQ(cache.Word(0xaffc), 0u) << "half of the word is not there";
  EXPECT_TRUE(cache.Has(0x8000));
  EXPECT_FALSE(cache.Has(0xa000));
}

TEST(Reader, SaysWhatIsMissing) {
  FakeMemory memory;
  NoSink sink;
  EXPECT_EQ(ReadHeap(Layout12(), memory, kRuntime, sink, {}).status().code(), Code::kCorrupt);
  AddInterpreter(memory);
  auto read = ReadHeap(Layout12(), memory, kRuntime, sink, {});
  EXPECT_EQ(read.status().code(), Code::kCorrupt);
  EXPECT_NE(read.status().message().find("no class"), std::string::npos);
}

// Their objects are in no lists, but in pages.
TEST(Reader, RefusesFreeThreadedBuildsWithoutPages) {
  FakeMemory memory;
  NoSink sink;
  const unleak_layout& layout = *pylayout::FindLayout(0x030d0000, true);
  memory.Set(kRuntime + static_cast<u64>(layout.runtime.interpreters_head), kInterpreter);
  EXPECT_EQ(ReadHeap(layout, memory, kRuntime, sink, {}).status().code(), Code::kCorrupt);
}

// A list whose links go round without the head, and one into nowhere.
TEST(Reader, ListsThatNeverComeBackEnd) {
  const unleak_layout& l = Layout12();
  FakeMemory memory;
  AddInterpreter(memory);
  u64 head = kInterpreter + static_cast<u64>(l.interpreter.generation0);
  memory.Set(head, 0x300000);
  for (u64 i = 0; i < 100; ++i) {
    u64 at = 0x300000 + i * 32, next = 0x300000 + (i == 99 ? 50 : i + 1) * 32;
    memory.Set(at, next);
    memory.Set(at + 8, at);
  }
  memory.Set(head + static_cast<u64>(l.interpreter.generation_size), 0x7000000000);
  NoSink sink;
  EXPECT_FALSE(ReadHeap(l, memory, kRuntime, sink, {}).ok());
}

// Heaps of random words that look like pointers: whatever is read, reading ends.
TEST(Reader, RandomMemoryEnds) {
  u64 seed = 7;
  auto next = [&seed] { return seed = seed * 6364136223846793005ull + 1442695040888963407ull, seed >> 20; };
  for (const unleak_layout* layout : pylayout::AllLayouts()) {
    for (int round = 0; round < 5; ++round) {
      FakeMemory memory;
      for (u64 at = 0; at < 64 * kPage; at += 8) {
        u64 word = next() % 4 == 0 ? next() << 20 ^ next() : 0x10000 + next() % (64 * kPage) / 8 * 8;
        memory.Set(0x10000 + at, word);
      }
      NoSink sink;
      auto read = ReadHeap(*layout, memory, 0x10000, sink, {.max_nodes = 100000});
      EXPECT_TRUE(read.ok() || !read.status().message().empty());
    }
  }
}

}  // namespace
}  // namespace unleak::capture
