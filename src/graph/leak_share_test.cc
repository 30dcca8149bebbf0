#include "graph/leak_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/heap_text.h"

namespace unleak::graph {
namespace {

using testing::HeapOf;

TEST(LeakShare, SplitsWhatSeveralReachAndLeavesOutWhatOthersHold) {
  auto look = HeapOf(R"(
root module app
app: module { .one -> one, .two -> two, .config -> config }
one: list { [0] -> a, [1] -> shared }
two: dict { {*} -> b }
a: app.S size=100 { .c -> config, .mine -> mine }
b: app.S size=200 { .x -> shared }
mine: str size=30
shared: str size=1000
config: dict size=5000
)");
  auto nodes = look.nodes;
  const auto heap = Heap::Build(std::move(look.columns));
  ASSERT_TRUE(heap.ok());
  const std::vector<GrowingContainer> growing{{nodes["one"], {}}, {nodes["two"], {}}};
  const auto shares = LeakShares(*heap, growing);
  ASSERT_TRUE(shares.ok());
  const auto& one = (*shares)[0];
  const auto& two = (*shares)[1];
  EXPECT_DOUBLE_EQ(one.bytes, 100 + 30 + 500);
  EXPECT_EQ(one.exclusive_bytes, 130u);
  EXPECT_EQ(one.objects, 3u);
  EXPECT_EQ(one.exclusive_objects, 2u);
  const u64 key = heap->columns().size_of(nodes["two{b}"]);
  EXPECT_DOUBLE_EQ(two.bytes, 200 + 500 + static_cast<double>(key));
  EXPECT_EQ(two.exclusive_bytes, 200 + key);
  EXPECT_EQ(heap->columns().strings.at(heap->columns().types[one.types[0].type].name), "str");
  EXPECT_EQ(one.types[0].objects, 2u);
  EXPECT_DOUBLE_EQ(one.types[0].bytes, 530);
}

TEST(LeakShare, CountsOnlyTheElementsThatGrew) {
  auto look = HeapOf(R"(
root module app
app: module { .d -> d }
d: dict { {*} -> s[1..10] }
s[1..10]: app.S size=100
)");
  auto nodes = look.nodes;
  const auto heap = Heap::Build(std::move(look.columns));
  const u64 key = heap->columns().size_of(nodes["d{s[9]}"]);
  const auto by_value = LeakShares(*heap, std::vector<GrowingContainer>{{nodes["d"], {nodes["s[9]"], nodes["s[10]"]}}});
  EXPECT_EQ((*by_value)[0].exclusive_bytes, 200u);
  const auto by_key = LeakShares(*heap, std::vector<GrowingContainer>{{nodes["d"], {nodes["d{s[9]}"]}}});
  EXPECT_EQ((*by_key)[0].exclusive_bytes, 100 + key) << "the value goes with its key";
}

TEST(LeakShare, NestedContainers) {
  auto look = HeapOf(R"(
root module app
app: module { .outer -> outer }
outer: list { [0] -> inner }
inner: list size=72 { [0] -> x, [1] -> inner }
x: str size=1000
)");
  auto nodes = look.nodes;
  const auto heap = Heap::Build(std::move(look.columns));
  const auto shares = LeakShares(*heap, std::vector<GrowingContainer>{{nodes["outer"], {}}, {nodes["inner"], {}}});
  EXPECT_DOUBLE_EQ((*shares)[0].bytes, 536) << "inner is in a cycle through its own entry: both reach it";
  EXPECT_DOUBLE_EQ((*shares)[1].bytes, 536);
}

TEST(LeakShare, RefusesMoreThanItCanTellApart) {
  auto look = HeapOf("root module app\napp: module { .l -> l }\nl: list");
  const u32 node = look.nodes["l"];
  const auto heap = Heap::Build(std::move(look.columns));
  const auto many = LeakShares(*heap, std::vector<GrowingContainer>(65, {node, {}}));
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.status().code(), Code::kUsage);
  EXPECT_FALSE(LeakShares(*heap, std::vector<GrowingContainer>{{kNone, {}}}).ok());
  EXPECT_TRUE(LeakShares(*heap, {})->empty());
}

// By definition, on random heaps: an object counts if it is not reached with all growing entries taken away, for every
// container that reaches it (not by way of what stays anyway).
TEST(LeakShare, IsWhatTheDefinitionSays) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    constexpr u32 kNodes = 20;
    std::string text = "root module app\napp: module { .r -> n[0] }\n";
    for (u32 n = 0; n < kNodes; ++n) {
      text += "n[" + std::to_string(n) + "]: list size=" + std::to_string(64 + n) + " { ";
      for (u32 i = 0, m = static_cast<u32>(random() % 4); i < m; ++i)
        text += "[" + std::to_string(i) + "] -> n[" + std::to_string(random() % kNodes) + "], ";
      text += "}\n";
    }
    auto look = HeapOf(text);
    auto nodes = look.nodes;
    const auto heap = Heap::Build(std::move(look.columns));
    ASSERT_TRUE(heap.ok());
    const auto& c = heap->columns();
    std::vector<u32> grow;
    for (u32 k : {1u, 5u, 9u}) grow.push_back(nodes["n[" + std::to_string(k) + "]"]);
    const auto reach = [&](const std::vector<u32>& starts, bool through, std::vector<bool> seen) {
      std::vector<u32> stack;
      for (u32 n : starts) {
        if (!seen[n]) stack.push_back(n);
        seen[n] = true;
      }
      while (!stack.empty()) {
        const u32 n = stack.back();
        stack.pop_back();
        if (!through && std::find(grow.begin(), grow.end(), n) != grow.end()) continue;
        for (u32 e = c.edge_row[n]; e < c.edge_row[n + 1]; ++e)
          if (!seen[c.edge_target[e]]) seen[c.edge_target[e]] = true, stack.push_back(c.edge_target[e]);
      }
      return seen;
    };
    const std::vector<bool> none(c.node_count());
    const auto base = reach({nodes["app"]}, false, none), all = reach({nodes["app"]}, true, none);
    std::vector<std::vector<bool>> from;
    for (u32 g : grow) {
      std::vector<u32> elements(c.edge_target.begin() + c.edge_row[g], c.edge_target.begin() + c.edge_row[g + 1]);
      from.push_back(reach(elements, true, base));
    }
    std::vector<double> expected(grow.size(), 0);
    for (u32 n = 0; n < c.node_count(); ++n) {
      std::vector<size_t> holders;
      for (size_t i = 0; i < grow.size(); ++i)
        if (all[n] && !base[n] && all[grow[i]] && from[i][n]) holders.push_back(i);
      for (size_t i : holders) expected[i] += static_cast<double>(c.size_of(n)) / static_cast<double>(holders.size());
    }
    std::vector<GrowingContainer> growing;
    for (u32 g : grow)
      if (heap->population(g) == Population::kRetained) growing.push_back({g, {}});
    const auto shares = LeakShares(*heap, growing);
    for (size_t i = 0, k = 0; i < grow.size(); ++i)
      if (heap->population(grow[i]) == Population::kRetained) EXPECT_NEAR((*shares)[k++].bytes, expected[i], 1e-6);
  }
}

}  // namespace
}  // namespace unleak::graph
