#include "capture/maps.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace unleak::capture {
namespace {

TEST(MapsTest, ReadsAddressesRightsAndPaths) {
  auto maps = ParseMaps(
      "55d0c0a00000-55d0c0a21000 r-xp 00002000 fd:01 1234   /usr/bin/python 3 (deleted)\n"
      "7f0000000000-7f0000001000 rw-s 00000000 00:01 99 /dev/zero\n"
      "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 \n"
      "7ffc10000000-7ffc10021000 ---p 00000000 00:00 0                          [stack]\n");
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_EQ(maps[0].start, 0x55d0c0a00000u);
  EXPECT_EQ(maps[0].end, 0x55d0c0a21000u);
  EXPECT_EQ(maps[0].offset, 0x2000u);
  EXPECT_TRUE(maps[0].readable && maps[0].executable && !maps[0].writable && !maps[0].shared);
  EXPECT_EQ(maps[0].path, "/usr/bin/python 3 (deleted)");
  EXPECT_TRUE(maps[1].shared && maps[1].writable);
  EXPECT_EQ(maps[2].path, "");
  EXPECT_FALSE(maps[3].readable || maps[3].writable || maps[3].executable);
  EXPECT_EQ(maps[3].path, "[stack]");
}

TEST(MapsTest, LeavesOutWhatMakesNoSense) {
  EXPECT_TRUE(ParseMaps("").empty());
  EXPECT_TRUE(ParseMaps("\n\nnonsense\n1000\n1000-\n1000-2000\n1000-2000 rw\n3000-2000 rw-p 0 0 0\n").empty());
  EXPECT_EQ(ParseMaps("1000-2000 rw-p 00000000 00:00 0").size(), 1u);
}

TEST(MapsTest, JoinsWhatTouchesAndIsAlike) {
  const auto maps = JoinTouching(ParseMaps(
      "1000-2000 rw-p 0 0 0 [heap]\n2000-3000 rw-p 0 0 0 [heap]\n3000-4000 rw-p 0 0 0 \n4000-5000 rw-p 0 0 0 \n"
      "5000-6000 r--p 0 0 0 \n6000-7000 rw-s 0 0 0 \n7000-8000 rw-p 0 0 0 \n9000-a000 rw-p 0 0 0 \n"
      "a000-b000 rw-p 0 0 0 /lib/x\nb000-c000 rw-p 0 0 0 /lib/x\n"));
  ASSERT_EQ(maps.size(), 8u);
  EXPECT_EQ(maps[0].end, 0x3000u);
  EXPECT_EQ(maps[1].start, 0x3000u);
  EXPECT_EQ(maps[1].end, 0x5000u);
}

TEST(MapsTest, FindsTheMappingOfAnAddress) {
  auto maps = ParseMaps("1000-2000 rw-p 0 0 0\n4000-5000 rw-p 0 0 0\n");
  EXPECT_EQ(FindMapping(maps, 0xfff), nullptr);
  EXPECT_EQ(FindMapping(maps, 0x1000), &maps[0]);
  EXPECT_EQ(FindMapping(maps, 0x1fff), &maps[0]);
  EXPECT_EQ(FindMapping(maps, 0x2000), nullptr);
  EXPECT_EQ(FindMapping(maps, 0x4abc), &maps[1]);
  EXPECT_EQ(FindMapping(maps, ~u64{0}), nullptr);
}

TEST(MapsTest, KnowsThisProcessAndNoOther) {
  auto maps = ReadMaps(static_cast<u32>(getpid()));
  ASSERT_TRUE(maps.ok());
  int here = 0;
  EXPECT_NE(FindMapping(*maps, reinterpret_cast<u64>(&here)), nullptr);
  auto none = ReadMaps(0x7ffffff0);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace unleak::capture
