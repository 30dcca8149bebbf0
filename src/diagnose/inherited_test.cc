#include "diagnose/inherited.h"

#include <gtest/gtest.h>

#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

// The two looks of the text, as parent and child.
nlohmann::json Compare(const std::string& text, size_t limit = 10) {
  auto looks = testing::ParseHeapText(text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  EXPECT_EQ(looks->size(), 2u);
  return Inherited((*looks)[0].columns, (*looks)[1].columns, limit);
}

const char* kParent = R"(
meta pid=7 python=3.12.1 start=1s at=12s
type app.Job size=100
type app.Row size=10
root module app
app: module { .JOBS -> jobs }
jobs: list size=50 { [*] -> j[1..4] }
j[1..4]: app.Job
look 2
meta pid=8
)";

TEST(Inherited, AChildThatDidNothingSharesAll) {
  const auto d = Compare(kParent);
  EXPECT_GE(d["shared"]["objects"], 5);
  EXPECT_EQ(d["added"]["objects"], 0);
  EXPECT_EQ(d["freed"]["objects"], 0);
  EXPECT_EQ(d["grown_bytes"], 0);
}

TEST(Inherited, WhatItMadeIsAddedByTypeMostBytesFirst) {
  const auto d =
      Compare(std::string(kParent) + "k[1..3]: app.Row\nm: app.Job\nadd jobs { [*] -> k[1..3], [*] -> m }\n");
  EXPECT_EQ(d["added"]["objects"], 4);
  EXPECT_EQ(d["added"]["bytes"], 130);
  ASSERT_EQ(d["added"]["types"].size(), 2u);
  EXPECT_EQ(d["added"]["types"][0], (nlohmann::json{{"type", "app.Job"}, {"objects", 1}, {"bytes", 100}}));
  EXPECT_EQ(d["added"]["types"][1], (nlohmann::json{{"type", "app.Row"}, {"objects", 3}, {"bytes", 30}}));
}

TEST(Inherited, WhatItGaveBackIsFreedAndTypesAreLimited) {
  const auto d =
      Compare(std::string(kParent) + "drop j[4]\nk: app.Row\nm: app.Job\nadd jobs { [*] -> k, [*] -> m }\n", 1);
  EXPECT_EQ(d["freed"]["objects"], 1);
  EXPECT_EQ(d["freed"]["bytes"], 100);
  EXPECT_EQ(d["added"]["types"].size(), 1u);
}

TEST(Inherited, AnInheritedObjectThatGrewIsCountedByItsGrowth) {
  const auto d = Compare(std::string(kParent) + "jobs: list size=90 { [*] -> j[1..4] }\n");
  EXPECT_EQ(d["added"]["objects"], 0);
  EXPECT_EQ(d["grown_bytes"], 40);
}

TEST(Inherited, AnotherTypeAtTheSameAddressIsNotTheSameObject) {
  const auto d = Compare(std::string(kParent) + "j[4]: app.Row\n");
  EXPECT_EQ(d["added"]["objects"], 1);
  EXPECT_EQ(d["freed"]["objects"], 1);
}

}  // namespace
}  // namespace unleak::diagnose
