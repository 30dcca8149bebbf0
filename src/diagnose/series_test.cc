#include "diagnose/series.h"

#include <gtest/gtest.h>

namespace unleak::diagnose {
namespace {

Series Every2s(std::vector<u64> values) {
  Series s;
  s.value = std::move(values);
  for (size_t i = 0; i < s.value.size(); ++i) s.at_s.push_back(2.0 * static_cast<double>(i));
  return s;
}

TEST(Series, SteadyRiseGrows) {
  const Growth g = Judge(Every2s({100, 120, 140, 160}), Unit::kCount, 1.0);
  EXPECT_TRUE(g.grows);
  EXPECT_TRUE(g.every_interval);
  EXPECT_TRUE(g.steady);
  EXPECT_FALSE(g.levelling);
  EXPECT_EQ(g.total, 60u);
  EXPECT_DOUBLE_EQ(g.per_s, 10.0);
}

TEST(Series, AnyFallIsNotGrowth) { EXPECT_FALSE(Judge(Every2s({100, 160, 159, 300}), Unit::kCount, 1.0).grows); }

TEST(Series, OneRiseIsNotGrowth) { EXPECT_FALSE(Judge(Every2s({100, 200, 200, 200}), Unit::kCount, 1.0).grows); }

TEST(Series, FewerThanEightEntriesAreNotGrowth) {
  EXPECT_FALSE(Judge(Every2s({1, 3, 5, 8}), Unit::kCount, 1.0).grows);
  EXPECT_TRUE(Judge(Every2s({1, 3, 5, 9}), Unit::kCount, 1.0).grows);
}

TEST(Series, OnePercentIsAskedUnlessEverythingSurvives) {
  const Series slow = Every2s({100000, 100003, 100006, 100010});
  EXPECT_FALSE(Judge(slow, Unit::kCount, 0.96).grows);
  EXPECT_TRUE(Judge(slow, Unit::kCount, 0.995).grows);
}

TEST(Series, BytesNeed64KiBAndOnePercent) {
  EXPECT_FALSE(Judge(Every2s({0, 20 << 10, 40 << 10, 60 << 10}), Unit::kBytes, 1.0).grows);
  EXPECT_TRUE(Judge(Every2s({0, 20 << 10, 40 << 10, 64 << 10}), Unit::kBytes, 1.0).grows);
  EXPECT_FALSE(Judge(Every2s({100 << 20, 100 << 20, (100 << 20) + (60 << 10), (100 << 20) + (70 << 10)}), Unit::kBytes, 1.0).grows);
}

TEST(Series, AStarvedTargetDoesNotLevelOff) {
  Series starved = Every2s({519, 896, 1208, 1463, 1500});  // it ran less and less
  EXPECT_TRUE(Judge(starved, Unit::kCount, 1.0).fading);
  EXPECT_TRUE(Judge(starved, Unit::kCount, 1.0).levelling);
  starved.able_s = {0, 1.88, 3.44, 4.72, 4.9};
  const Growth g = Judge(starved, Unit::kCount, 1.0);
  EXPECT_FALSE(g.fading || g.levelling);
  EXPECT_TRUE(g.steady && g.even);
  EXPECT_DOUBLE_EQ(g.per_s, 981.0 / 8);
}

TEST(Series, AStarvedTargetMayLevelOffAllTheSame) {
  Series both = Every2s({0, 100, 150, 175, 187});
  both.able_s = {0, 1.8, 3.6, 5.4, 7.2};
  EXPECT_TRUE(Judge(both, Unit::kCount, 1.0).fading);
}

TEST(Series, FillingUpLevelsOff) {
  const Growth g = Judge(Every2s({0, 100, 120, 125}), Unit::kCount, 1.0);
  EXPECT_TRUE(g.grows);
  EXPECT_TRUE(g.levelling);
  EXPECT_FALSE(g.steady);
}

TEST(Series, LessInEachThirdFades) {
  EXPECT_TRUE(Judge(Every2s({65, 424, 639, 777}), Unit::kCount, 1.0).fading);
  EXPECT_TRUE(Judge(Every2s({0, 100, 180, 244}), Unit::kCount, 1.0).fading);   // each 0.8 of the one before
  EXPECT_TRUE(Judge(Every2s({0, 100, 190, 240}), Unit::kCount, 1.0).fading);   // half of the first in the end
  EXPECT_TRUE(Judge(Every2s({0, 90, 190, 240, 290, 310, 330}), Unit::kCount, 1.0).fading);  // one odd interval
}

TEST(Series, ASteadyOrUnevenRiseDoesNotFade) {
  EXPECT_FALSE(Judge(Every2s({100, 120, 140, 160}), Unit::kCount, 1.0).fading);
  EXPECT_FALSE(Judge(Every2s({0, 100, 190, 270}), Unit::kCount, 1.0).fading);  // a little less each time
  EXPECT_FALSE(Judge(Every2s({0, 100, 130, 200}), Unit::kCount, 1.0).fading);  // comes back
  EXPECT_FALSE(Judge(Every2s({0, 100, 150}), Unit::kCount, 1.0).fading);       // two intervals cannot tell
}

TEST(Series, FadingIsMeasuredByTime) {
  Series longer_waits{{0, 2, 4, 10}, {0, 40, 80, 200}};
  EXPECT_FALSE(Judge(longer_waits, Unit::kCount, 1.0).fading);
}

TEST(Series, AnIntervalWithLittleIsUneven) {
  EXPECT_TRUE(Judge(Every2s({0, 100, 180, 290}), Unit::kCount, 1.0).even);
  EXPECT_FALSE(Judge(Every2s({257, 287, 419, 457}), Unit::kCount, 1.0).even);
}

TEST(Series, OneLookSaysNothing) { EXPECT_FALSE(Judge(Every2s({5}), Unit::kCount, 1.0).grows); }

}  // namespace
}  // namespace unleak::diagnose
