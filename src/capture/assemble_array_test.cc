#include "capture/assemble_array.h"

#include <gtest/gtest.h>

#include <vector>

#include "capture/assemble.h"

namespace unleak::capture {
namespace {

Array<u32> Numbers(u32 count) {
  Array<u32> array;
  for (u32 i = 0; i < count; ++i) array.push_back(i);
  return array;
}

TEST(ArrayTest, PagesGivenAwayAreLostFromTheEndOnly) {
  Array<u32> array = Numbers(100'000);
  std::vector<u32> other(10'000, 7);
  array.GivePages(other.data(), other.size() * sizeof(u32));
  ASSERT_LT(array.size(), 100'000u);
  EXPECT_GE(array.size(), 100'000u - 10'000u - 1024u);
  for (u32 i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], i);
  std::fill(other.begin(), other.end(), 9);
  for (u32 i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], i) << "the page is still shared";
  for (u32 i = 0; i < 100'000; ++i) array.push_back(i);
  EXPECT_EQ(array.back(), 99'999u);
  EXPECT_EQ(other, std::vector<u32>(10'000, 9));
}

TEST(ArrayTest, AnArrayWithoutElementsGivesNothing) {
  Array<u32> array;
  std::vector<u32> other(10'000, 7);
  array.GivePages(other.data(), other.size() * sizeof(u32));
  EXPECT_EQ(other, std::vector<u32>(10'000, 7));
}

TEST(ArrayTest, GivesAllIfMoreIsAskedForThanThereIs) {
  Array<u32> array = Numbers(3000);
  std::vector<u32> other;
  other.reserve(1'000'000);
  array.GivePages(other.data(), 1'000'000 * sizeof(u32));
  EXPECT_TRUE(array.empty());
  other.assign(1'000'000, 5);
  EXPECT_EQ(other[999'999], 5u);
}

TEST(ArrivedEdgeTest, KeepsAddressesOffsetsAndIndexes) {
  const i64 before = -24;
  const u64 label = static_cast<u64>(before * 8) | UNLEAK_LABEL_BODY;
  const ArrivedEdge edge(0x7fffdeadbee8 | UNLEAK_OMITTED, label);
  EXPECT_EQ(edge.target(), 0x7fffdeadbee8u | UNLEAK_OMITTED);
  EXPECT_EQ(edge.label(), label);
  EXPECT_EQ(ArrivedEdge(0, u64{1} << 40 | UNLEAK_LABEL_INDEX).label(), u64{1} << 40 | UNLEAK_LABEL_INDEX);
}

TEST(ArrivedEdgeTest, WhatDoesNotFitStaysOutOfUserSpaceAndKeepsItsBits) {
  const ArrivedEdge edge(u64{1} << 60 | UNLEAK_TYPE_EDGE, u64{1} << 50 | UNLEAK_LABEL_INDEX);
  EXPECT_NE(edge.target() >> 47, 0u);
  EXPECT_EQ(edge.target() & 7, u64{UNLEAK_TYPE_EDGE});
  EXPECT_EQ(edge.label(), (u64{1} << 47) - 8 + UNLEAK_LABEL_INDEX);
}

}  // namespace
}  // namespace unleak::capture
