#include "capture/growth_edges.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096, kPages = 1024;

class GrowthEdgesTest : public testing::Test {
 protected:
  GrowthEdges Find() const { return {*memory_, static_cast<u32>(getpid()), "/proc", maps_, columns_}; }

  // Touches pages [from, to) of the block.
  void Touch(u64 from, u64 to) {
    for (u64 page = from; page < to; ++page) block_[page * kPage] = 1;
  }

  void SetUp() override {
    void* block = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(block, MAP_FAILED);
    madvise(block, kPages * kPage, MADV_NOHUGEPAGE);
    block_ = static_cast<volatile char*>(block);
    at_ = reinterpret_cast<u64>(block);
    Touch(0, 100);
    maps_ = ReadMaps(static_cast<u32>(getpid())).Take();
  }
  void TearDown() override { munmap(const_cast<char*>(block_), kPages * kPage); }

  bool Has(const std::vector<u64>& pages, u64 page) const {
    return std::count(pages.begin(), pages.end(), at_ + page * kPage) != 0;
  }

  volatile char* block_ = nullptr;
  u64 at_ = 0;
  std::unique_ptr<Memory> memory_ = std::make_unique<RemoteMemory>(static_cast<u32>(getpid()));
  std::vector<Mapping> maps_;
  snapshot::Columns columns_;
};

TEST_F(GrowthEdgesTest, ABlockThatIsFilledGrowsAtItsFirstUntouchedPage) {
  const GrowthEdges edges = Find();
  EXPECT_FALSE(Has(edges.GrownPages(1000), 100));
  Touch(100, 105);
  EXPECT_TRUE(Has(edges.GrownPages(1000), 105));
  EXPECT_LE(edges.GrownPages(1).size(), 1u);
  EXPECT_EQ(edges.NextPage(at_ + 105 * kPage), at_ + 105 * kPage);
  Touch(105, 110);
  EXPECT_EQ(edges.NextPage(at_ + 105 * kPage), at_ + 110 * kPage);
}

TEST_F(GrowthEdgesTest, ArenasOfPythonAreLeftOut) {
  columns_.memory_regions.push_back(
      {.allocator = snapshot::Allocator::kPymalloc, .start = at_, .end = at_ + kPages * kPage});
  const GrowthEdges edges = Find();
  Touch(100, 105);
  EXPECT_FALSE(Has(edges.GrownPages(1000), 105));
}

TEST_F(GrowthEdgesTest, ABlockThatIsCutFromTheTopIsFound) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has its own malloc";
#endif
  const GrowthEdges edges = Find();
  std::vector<void*> kept;
  for (int i = 0; i < 400 && edges.GrownTops().empty(); ++i) kept.push_back(std::malloc(3000));
  const std::vector<u64> fields = edges.GrownTops();
  ASSERT_FALSE(fields.empty());
  const u64 top = memory_->Word(fields[0]);
  EXPECT_EQ(edges.CutFrom(top, fields[0]), 0u);  // nothing was cut since
  kept.push_back(std::malloc(5000));
  EXPECT_EQ(edges.CutFrom(top, fields[0]), 5008u);
  for (void* block : kept) std::free(block);
}

}  // namespace
}  // namespace unleak::capture
