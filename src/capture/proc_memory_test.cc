#include "capture/proc_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "snapshot/columns.h"
#include "walker/flags.h"

namespace unleak::capture {
namespace {

// Two pages of which the second is not there.
class RemoteMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    void* pages = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    ASSERT_EQ(munmap(static_cast<char*>(pages) + 4096, 4096), 0);
    page_ = static_cast<char*>(pages);
    address_ = reinterpret_cast<u64>(pages);
  }
  void TearDown() override { munmap(page_, 4096); }

  char* page_ = nullptr;
  u64 address_ = 0;
  RemoteMemory memory_{static_cast<u32>(getpid())};
};

TEST_F(RemoteMemoryTest, ReadsAllOrNothing) {
  u64 value = 0;
  std::memcpy(page_ + 4088, "abcdefgh", 8);
  EXPECT_TRUE(memory_.Read(address_ + 4088, &value, 8));
  EXPECT_EQ(std::memcmp(&value, "abcdefgh", 8), 0);
  EXPECT_FALSE(memory_.Read(address_ + 4089, &value, 8));
  EXPECT_FALSE(memory_.Read(0, &value, 8));
  EXPECT_EQ(memory_.Word(0), 0u);
}

TEST_F(RemoteMemoryTest, StringsEndAtTheirZeroAtTheLimitOrAtThePage) {
  std::memcpy(page_, "name\0more", 9);
  EXPECT_EQ(memory_.CString(address_, 256), "name");
  EXPECT_EQ(memory_.CString(address_, 2), "na");
  std::memset(page_ + 4092, 'x', 3);
  EXPECT_EQ(memory_.CString(address_ + 4092, 256), "xxx");
  EXPECT_EQ(memory_.CString(8, 256), "");
}

TEST_F(RemoteMemoryTest, OneBadRequestSpoilsNoOther) {
  u64 a = 0, b = 0, c = 0;
  page_[0] = 1;
  page_[8] = 2;
  ReadRequest requests[] = {{address_, &a, 8}, {16, &b, 8}, {address_ + 8, &c, 8}};
  memory_.ReadMany(requests);
  EXPECT_TRUE(requests[0].ok);
  EXPECT_FALSE(requests[1].ok);
  EXPECT_TRUE(requests[2].ok);
  EXPECT_EQ(a, 1u);
  EXPECT_EQ(c, 2u);
}

TEST(WalkerFlagsTest, AreThoseOfTheSnapshot) {
  using namespace snapshot;
  EXPECT_EQ(int{UNLEAK_NODE_TRACKED}, int{kTracked});
  EXPECT_EQ(int{UNLEAK_NODE_IMMORTAL}, int{kImmortal});
  EXPECT_EQ(int{UNLEAK_NODE_FROZEN}, int{kFrozen});
  EXPECT_EQ(int{UNLEAK_NODE_FAULTED}, int{kFaulted});
  EXPECT_EQ(int{UNLEAK_NODE_OPAQUE}, int{kOpaque});
  EXPECT_EQ(int{UNLEAK_NODE_FINALIZER}, int{kFinalizer});
  EXPECT_EQ(int{UNLEAK_NODE_INTERNED}, int{kInterned});
  EXPECT_EQ(int{UNLEAK_NODE_YOUNG}, int{kYoung});
  EXPECT_EQ(int{UNLEAK_NODE_OLD}, int{kOld});
  EXPECT_EQ(int{UNLEAK_NODE_BLIND}, int{kCollectorBlind});
}

}  // namespace
}  // namespace unleak::capture
