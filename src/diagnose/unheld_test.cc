#include "diagnose/unheld.h"

#include <gtest/gtest.h>

namespace unleak::diagnose {
namespace {

Series Every2s(std::vector<u64> values) {
  Series s;
  s.value = std::move(values);
  for (size_t i = 0; i < s.value.size(); ++i) s.at_s.push_back(2.0 * static_cast<double>(i));
  return s;
}

TEST(WithoutSpikes, LooksThatCaughtACopyAreLeftOut) {
  const Series s = WithoutSpikes(Every2s({100, 110, 190, 130, 140, 150}));
  EXPECT_EQ(s.value, (std::vector<u64>{100, 110, 130, 140, 150}));
  EXPECT_EQ(s.at_s, (std::vector<double>{0, 2, 6, 8, 10}));
  EXPECT_TRUE(RisesEvenly(s));
}

TEST(WithoutSpikes, FewLooksAreLeftAsTheyAre) {
  const std::vector<u64> values = {100, 190, 120, 130, 140};
  EXPECT_EQ(WithoutSpikes(Every2s(values)).value, values);
}

TEST(WithoutSpikes, WhatGoesUpAndDownStaysSo) {
  const std::vector<u64> values = {100, 150, 110, 160, 105, 155, 115, 150};
  EXPECT_EQ(WithoutSpikes(Every2s(values)).value, values);
}

}  // namespace
}  // namespace unleak::diagnose
