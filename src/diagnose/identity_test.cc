// Golden answers of survival: is what lies in a container at a later look what lay there before?
#include "diagnose/identity.h"

#include <gtest/gtest.h>

#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

// The share of the first look's elements of `box` that the last look still has.
double Survival(const std::string& text) {
  auto looks = testing::ParseHeapText(text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  std::vector<Fingerprint> first;
  double survival = -1;
  for (auto& look : *looks) {
    const u32 box = look.node("box");
    auto heap = graph::Heap::Build(std::move(look.columns));
    EXPECT_TRUE(heap.ok()) << heap.status().message();
    const graph::Heap built = heap.Take();
    if (first.empty()) first = SketchOf(built, box, 64);
    survival = ElementsNow(built, box).Survival(first);
  }
  return survival;
}

const std::string kList =
    "root module app\napp: module { .BOX -> box }\nbox: list { [*] -> s[1..10] }\ns[1..10]: app.Job { .name -> n[i] "
    "}\nn[1..10]: str\n";

TEST(Identity, WhatStaysSurvives) {
  EXPECT_EQ(Survival(kList + "look 2\ns[11..20]: app.Job\nadd box { [*] -> s[11..20] }\n"), 1.0);
}

TEST(Identity, WhatLeavesDoesNot) {
  EXPECT_NEAR(Survival(kList + "look 2\ndrop s[1]\ndrop s[2]\ndrop s[3]\n"), 0.7, 1e-9);
}

TEST(Identity, AnotherObjectAtAnOldPlaceIsToldByWhatItHolds) {
  // One bit of 32 for each object that it holds: two may have the same by chance.
  EXPECT_LE(Survival(kList + "look 2\nm[1..10]: str\ns[1..10]: app.Job { .name -> m[i] }\n"), 0.2);
}

TEST(Identity, ObjectsAtOldPlacesInAnotherOrderLeftAndCameBack) {
  const std::string text = "root module app\napp: module { .BOX -> box }\ns[1..10]: app.Job\n";
  EXPECT_NEAR(Survival(text + "box: collections.deque { [*] -> s[1..10] }\nlook 2\nbox: collections.deque { [*] -> "
                              "s[6..10], [*] -> s[1..5] }\n"),
              0.5, 1e-9);
}

TEST(Identity, ASetHasNoOrder) {
  const std::string text = "root module app\napp: module { .BOX -> box }\ns[1..10]: app.Job\n";
  EXPECT_EQ(Survival(text + "box: set { key -> s[1..10] }\nlook 2\nbox: set { key -> s[6..10], key -> s[1..5] }\n"),
            1.0);
}

TEST(Identity, SamplesOfManyAreComparedAsFarAsBothReach) {
  std::vector<Fingerprint> first, now;
  for (u64 i = 1; i <= 4; ++i) first.push_back(i << 32);
  now = {1ull << 32, 2ull << 32, 3ull << 32};
  EXPECT_EQ(SampleSurvival(first, now, 3), 1.0);    // the sample is full: nothing is known of the fourth
  EXPECT_EQ(SampleSurvival(first, now, 64), 0.75);  // it is not: the fourth is gone
}

}  // namespace
}  // namespace unleak::diagnose
