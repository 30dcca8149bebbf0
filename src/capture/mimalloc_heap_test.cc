// Segments and pages as mimalloc makes them are read to the block, and forged ones cost bounded work and are no pages.
#include "capture/mimalloc_heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <vector>

namespace unleak::capture {
namespace {

constexpr u64 kSegment = 0x20002000000, kSegmentBytes = u64{32} << 20, kSlice = 64 << 10, kSecret = 0x5e4c2e7;
constexpr u64 kSlices = 264, kSliceHead = 96, kBlock = 48, kFirst = kSegment + kSlice + 3 * kBlock;

// Words that were set; all others are 0, unreadable outside of [start, end).
class Words final : public Memory {
 public:
  u64 start = 0, end = ~u64{0}, requests = 0;
  void Set(u64 address, u64 word) { words_[address] = word; }
  void ReadMany(std::span<ReadRequest> asked) override {
    for (ReadRequest& r : asked) {
      ++requests;
      r.ok = r.address >= start && r.address + r.size <= end;
      if (!r.ok) continue;
      std::memset(r.buffer, 0, r.size);
      for (auto it = words_.lower_bound(r.address); it != words_.end() && it->first + 8 <= r.address + r.size; ++it)
        std::memcpy(static_cast<u8*>(r.buffer) + (it->first - r.address), &it->second, 8);
    }
  }

 private:
  std::map<u64, u64> words_;
};

struct Page {
  u64 slices = 1, tag = 1, capacity = 5, reserved = 100, used = 2, block_bytes = kBlock;
  u64 free = kFirst + 4 * kBlock, local_free = kFirst, thread_free = 0;
};

void SetSegment(Words* memory, u64 at, u64 secret) {
  memory->Set(at + 208, 1);  // used
  memory->Set(at + 216, secret ^ at);
  memory->Set(at + 224, 512);  // segment_slices
  memory->Set(at + 232, 1);    // segment_info_slices
  memory->Set(at + 248, 512);  // slice_entries
  memory->Set(at + kSlices, 1);
}

void SetPage(Words* memory, u64 at, const Page& page) {
  const u64 slice = at + kSlices + kSliceHead;
  memory->Set(slice, page.slices);
  memory->Set(slice + 8, 1 | page.tag << 3 | page.capacity << 16 | page.reserved << 32);
  memory->Set(slice + 16, page.free);
  memory->Set(slice + 24, page.used | page.block_bytes << 32);
  memory->Set(slice + 32, page.local_free);
  memory->Set(slice + 40, page.thread_free);
}

// A segment with a page of five blocks: 0 and 1 are free in one list, 4 in another, 2 and 3 are in use.
Words OnePage(const Page& page = {}) {
  Words memory;
  SetSegment(&memory, kSegment, kSecret);
  SetPage(&memory, kSegment, page);
  memory.Set(kFirst, kFirst + kBlock);
  return memory;
}

std::vector<Mapping> Area(u64 start, u64 end) { return {{start, end, 0, true, true, false, false, ""}}; }

MimallocHeap Read(Words& memory) { return ReadMimalloc(memory, Area(kSegment, kSegment + kSegmentBytes)); }

size_t PagesOf(const Page& page) {
  Words memory = OnePage(page);
  const MimallocHeap heap = Read(memory);
  EXPECT_LE(heap.pages.size(), 1u);
  return heap.pages.size();
}

TEST(MimallocHeapTest, APageAndItsFreeLists) {
  Words memory = OnePage();
  const MimallocHeap heap = Read(memory);
  ASSERT_EQ(heap.pages.size(), 1u);
  const MimallocPage& page = heap.pages[0];
  EXPECT_EQ(page.address, kFirst);
  EXPECT_EQ(page.block_bytes, kBlock);
  EXPECT_EQ(page.carved, 5u);
  EXPECT_EQ(page.tag, MimallocTag::kObjects);
  EXPECT_EQ(std::vector<u16>(heap.free_of(page).begin(), heap.free_of(page).end()), (std::vector<u16>{0, 1, 4}));
  EXPECT_TRUE(heap.complete);
}

TEST(MimallocHeapTest, WhatOtherThreadsFreedIsFree) {
  Words memory = OnePage({.used = 3, .free = 0, .thread_free = (kFirst + 2 * kBlock) | 2});
  const MimallocHeap heap = Read(memory);
  ASSERT_EQ(heap.pages.size(), 1u);
  EXPECT_EQ(heap.pages[0].free, 3u);
}

TEST(MimallocHeapTest, LargeBlocksAreFollowedOneByOne) {
  const u64 first = kSegment + kSlice, bytes = 4096;
  Words memory = OnePage({.capacity = 4, .reserved = 16, .block_bytes = bytes, .free = first + bytes, .local_free = 0});
  memory.Set(first + bytes, first + 3 * bytes);
  const MimallocHeap heap = Read(memory);
  ASSERT_EQ(heap.pages.size(), 1u);
  EXPECT_EQ(heap.pages[0].address, first);
  EXPECT_EQ(heap.pages[0].free, 2u);
}

TEST(MimallocHeapTest, PagesThatLieAreRefused) {
  ASSERT_EQ(PagesOf({}), 1u);
  EXPECT_EQ(PagesOf({.capacity = 101}), 0u) << "more blocks than there is room for";
  EXPECT_EQ(PagesOf({.reserved = 0xffff}), 0u);
  EXPECT_EQ(PagesOf({.used = 6}), 0u);
  EXPECT_EQ(PagesOf({.block_bytes = 44}), 0u);
  EXPECT_EQ(PagesOf({.block_bytes = 0xfffffff8}), 0u);
  EXPECT_EQ(PagesOf({.tag = 4}), 0u);
  EXPECT_EQ(PagesOf({.free = kFirst + 5 * kBlock}), 0u) << "a block that was never handed out";
  EXPECT_EQ(PagesOf({.free = kFirst + 4 * kBlock + 8}), 0u) << "beside the grid";
  EXPECT_EQ(PagesOf({.free = kFirst - kBlock}), 0u);
  EXPECT_EQ(PagesOf({.free = ~u64{0}}), 0u);
  EXPECT_EQ(PagesOf({.free = kFirst + kBlock}), 0u) << "twice free";
}

TEST(MimallocHeapTest, AListThatLoopsEnds) {
  Words memory = OnePage();
  memory.Set(kFirst + kBlock, kFirst);
  EXPECT_TRUE(Read(memory).pages.empty());
}

TEST(MimallocHeapTest, SegmentsWithAnotherSecretAreNone) {
  Words memory = OnePage();
  for (u64 i = 1; i <= 3; ++i) {
    SetSegment(&memory, kSegment + i * kSegmentBytes, i == 1 ? kSecret : kSecret + i);
    SetPage(&memory, kSegment + i * kSegmentBytes, {.used = 5, .free = 0, .local_free = 0});
  }
  EXPECT_EQ(ReadMimalloc(memory, Area(kSegment, kSegment + 4 * kSegmentBytes)).pages.size(), 2u);
}

TEST(MimallocHeapTest, SegmentsWithoutGoodPagesHideNone) {
  Words memory = OnePage();
  for (u64 i = 1; i <= 3; ++i) {
    SetSegment(&memory, kSegment + i * kSegmentBytes, kSecret + 1);
    SetPage(&memory, kSegment + i * kSegmentBytes, {.used = 6});
  }
  const MimallocHeap heap = ReadMimalloc(memory, Area(kSegment, kSegment + 4 * kSegmentBytes));
  EXPECT_EQ(heap.pages.size(), 1u);
  EXPECT_EQ(heap.pages_refused, 0u);
}

TEST(MimallocHeapTest, SlicesThatLeadNowhereEnd) {
  for (u64 count : {u64{0}, u64{511}, u64{512}, u64{0xffffffff}}) {
    Words memory = OnePage({.slices = count});
    EXPECT_LE(Read(memory).pages.size(), 1u);
    EXPECT_LE(memory.requests, 8u);
  }
}

TEST(MimallocHeapTest, AMappingOfAnySizeIsBoundedWork) {
  Words memory;
  memory.end = 0;
  const MimallocHeap heap = ReadMimalloc(memory, Area(1 << 20, u64{1} << 46));
  EXPECT_FALSE(heap.complete);
  EXPECT_TRUE(heap.pages.empty());
  EXPECT_LE(memory.requests, u64{1} << 17);
}

TEST(MimallocHeapTest, SlackIsTheStepToTheSizeBelow) {
  EXPECT_EQ(MimallocSlack(48), 16u);
  EXPECT_EQ(MimallocSlack(80), 16u);
  EXPECT_EQ(MimallocSlack(160), 32u);
  EXPECT_EQ(MimallocSlack(1024), 128u);
}

}  // namespace
}  // namespace unleak::capture
