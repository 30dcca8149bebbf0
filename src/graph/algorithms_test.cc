// The algorithms on plain arrays against naive ones by definition, on random graphs and on shapes that hurt.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "graph/components.h"
#include "graph/dominators.h"

namespace unleak::graph {
namespace {

struct RandomGraph {
  Csr csr;
  Reverse reverse;
  std::vector<u32> label;

  u32 nodes() const { return static_cast<u32>(csr.row.size() - 1); }
  GraphView view(EdgeSet edges = {}) const {
    return {csr.row, csr.target, label, reverse.row, reverse.source, reverse.edge, edges};
  }
};

RandomGraph MakeRandom(std::mt19937& random, u32 nodes, u32 edges, bool labels) {
  RandomGraph g;
  std::vector<std::vector<u32>> out(nodes);
  for (u32 i = 0; i < edges; ++i) out[random() % nodes].push_back(static_cast<u32>(random() % nodes));
  for (const auto& list : out) {
    g.csr.target.insert(g.csr.target.end(), list.begin(), list.end());
    g.csr.row.push_back(static_cast<u32>(g.csr.target.size()));
  }
  if (labels)
    for (u32 i = 0; i < edges; ++i) g.label.push_back(static_cast<u32>(random()));
  g.reverse = MakeReverse(g.csr.row, g.csr.target);
  return g;
}

RandomGraph FromLists(const std::vector<std::vector<u32>>& out) {
  RandomGraph g;
  for (const auto& list : out) {
    g.csr.target.insert(g.csr.target.end(), list.begin(), list.end());
    g.csr.row.push_back(static_cast<u32>(g.csr.target.size()));
  }
  g.reverse = MakeReverse(g.csr.row, g.csr.target);
  return g;
}

// Nodes reached from `starts` without passing `removed`.
std::vector<bool> Reached(const GraphView& g, const std::vector<u32>& starts, u32 removed) {
  std::vector<bool> seen(g.nodes());
  std::vector<u32> stack;
  const auto visit = [&](u32 n) {
    if (n == removed || seen[n]) return;
    seen[n] = true;
    stack.push_back(n);
  };
  for (u32 n : starts) visit(n);
  while (!stack.empty()) {
    const u32 n = stack.back();
    stack.pop_back();
    for (u32 e = g.row[n]; e < g.row[n + 1]; ++e)
      if (g.follows(e)) visit(g.target[e]);
  }
  return seen;
}

TEST(Reverse, HasEveryEdgeOnceInOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    const u32 nodes = 1 + static_cast<u32>(random() % 30);
    const RandomGraph g = MakeRandom(random, nodes, static_cast<u32>(random() % 90), false);
    std::vector<bool> seen(g.csr.target.size());
    for (u32 n = 0; n < nodes; ++n)
      for (u32 i = g.reverse.row[n]; i < g.reverse.row[n + 1]; ++i) {
        const u32 e = g.reverse.edge[i], source = g.reverse.source[i];
        EXPECT_EQ(g.csr.target[e], n);
        EXPECT_TRUE(g.csr.row[source] <= e && e < g.csr.row[source + 1]);
        EXPECT_FALSE(seen[e]);
        seen[e] = true;
        if (i > g.reverse.row[n]) EXPECT_LT(g.reverse.edge[i - 1], e);
      }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::ptrdiff_t>(seen.size()));
  }
}

TEST(Components, AreMutualReachability) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const u32 nodes = 1 + static_cast<u32>(random() % 24);
    const RandomGraph g = MakeRandom(random, nodes, static_cast<u32>(random() % (nodes * 3)), false);
    const Components components = StronglyConnected(g.csr.row, g.csr.target);
    std::vector<std::vector<bool>> reach;
    for (u32 n = 0; n < nodes; ++n) reach.push_back(Reached(g.view(), {n}, kNone));
    u32 most = 0;
    for (u32 a = 0; a < nodes; ++a) {
      most = std::max(most, components.of[a] + 1);
      for (u32 b = 0; b < nodes; ++b) {
        EXPECT_EQ(components.of[a] == components.of[b], reach[a][b] && reach[b][a]);
        if (reach[a][b]) EXPECT_GE(components.of[a], components.of[b]);
      }
    }
    EXPECT_EQ(most, components.count);
  }
}

TEST(Components, OfNothing) { EXPECT_EQ(StronglyConnected(Csr{}.row, {}).count, 0u); }

// dominates(a, b) by definition: without a, b is not reached.
void ExpectDominators(const GraphView& g, std::vector<u32> entries) {
  DominatorTree tree = Dominators(g, &entries);
  const std::vector<bool> all = Reached(g, entries, kNone);
  ASSERT_EQ(std::count(all.begin(), all.end(), true), g.nodes()) << "orphans become entries";
  std::vector<u64> weight, expected(g.nodes(), 0);
  for (u32 n = 0; n < g.nodes(); ++n) weight.push_back(1 + n * 7);
  for (u32 a = 0; a < g.nodes(); ++a) {
    const std::vector<bool> without = Reached(g, entries, a);
    for (u32 b = 0; b < g.nodes(); ++b) {
      const bool dominates = !without[b];
      EXPECT_EQ(tree.in[a] <= tree.in[b] && tree.out[b] <= tree.out[a], dominates) << a << " over " << b;
      if (dominates) expected[a] += weight[b];
    }
    EXPECT_EQ(tree.out[a] - tree.in[a] + 1, static_cast<u32>(std::count(without.begin(), without.end(), false)));
    if (tree.parent[a] != kNone) {  // the immediate one: dominates, and is dominated by every other that does
      const u32 p = tree.parent[a];
      EXPECT_TRUE(tree.in[p] < tree.in[a] && tree.out[a] <= tree.out[p]);
      for (u32 d = 0; d < g.nodes(); ++d)
        if (d != a && !Reached(g, entries, d)[a]) EXPECT_TRUE(tree.in[d] <= tree.in[p] && tree.out[p] <= tree.out[d]);
    }
  }
  EXPECT_EQ(SubtreeSums(tree, weight), expected);
}

TEST(Dominators, AreThoseByDefinition) {
  std::mt19937 random(3);
  for (int round = 0; round < 400; ++round) {
    const u32 nodes = 1 + static_cast<u32>(random() % 16);
    const bool labels = round % 2 == 1;
    const RandomGraph g = MakeRandom(random, nodes, static_cast<u32>(random() % (nodes * 3)), labels);
    std::vector<u32> entries;
    for (u32 i = 0, n = 1 + static_cast<u32>(random() % 3); i < n; ++i) {
      const u32 entry = static_cast<u32>(random() % nodes);
      if (std::find(entries.begin(), entries.end(), entry) == entries.end()) entries.push_back(entry);
    }
    ExpectDominators(g.view(labels ? kHoldingEdges : EdgeSet{}), entries);
  }
}

TEST(Dominators, SparseAndDeepGraphs) {
  std::mt19937 random(4);
  for (int round = 0; round < 100; ++round) {
    const u32 nodes = 30;
    std::vector<std::vector<u32>> out(nodes);
    for (u32 n = 0; n + 1 < nodes; ++n) out[n].push_back(n + 1);
    for (int extra = 0; extra < 6; ++extra) out[random() % nodes].push_back(static_cast<u32>(random() % nodes));
    const RandomGraph g = FromLists(out);
    ExpectDominators(g.view(), {0});
  }
}

TEST(Dominators, FollowOnlyTheirEdges) {
  using snapshot::EdgeClass;
  using snapshot::Label;
  using snapshot::LabelKind;
  RandomGraph g = FromLists({{1, 2}, {3}, {3}, {}});
  g.label = {
      Label::Pack(EdgeClass::kTraverse, LabelKind::kIndex, 0), Label::Pack(EdgeClass::kTraverse, LabelKind::kIndex, 1),
      Label::Pack(EdgeClass::kOmitted, LabelKind::kName, 1), Label::Pack(EdgeClass::kTraverse, LabelKind::kType, 0)};
  std::vector<u32> entries{0};
  EXPECT_EQ(Dominators(g.view(kCountedEdges), &entries).parent[3], 0u);
  EXPECT_EQ(Dominators(g.view(kHoldingEdges), &entries).parent[3], 1u);
}

// A chain of 4 million nodes whose every node also points at node 1, and at the end.
TEST(Algorithms, LongChain) {
  constexpr u32 kNodes = 4'000'000;
  RandomGraph g;
  for (u32 n = 0; n < kNodes; ++n) {
    if (n + 1 < kNodes) g.csr.target.push_back(n + 1);
    if (n > 1) g.csr.target.push_back(1);
    g.csr.row.push_back(static_cast<u32>(g.csr.target.size()));
  }
  g.reverse = MakeReverse(g.csr.row, g.csr.target);
  std::vector<u32> entries{0};
  const DominatorTree tree = Dominators(g.view(), &entries);
  EXPECT_EQ(tree.parent[0], kNone);
  for (u32 n = 1; n < kNodes; ++n) ASSERT_EQ(tree.parent[n], n - 1);
  EXPECT_EQ(SubtreeSums(tree, std::vector<u64>(kNodes, 2))[1], 2u * (kNodes - 1));
  const Components components = StronglyConnected(g.csr.row, g.csr.target);
  EXPECT_EQ(components.count, 2u);
  EXPECT_NE(components.of[0], components.of[1]);
}

TEST(Dominators, WideMapWithSharedValues) {
  constexpr u32 kEntries = 1'000'000;
  std::vector<std::vector<u32>> out(kEntries + 2);
  for (u32 i = 0; i < kEntries; ++i) {
    out[0].push_back(2 + i);
    out[2 + i].push_back(1);
  }
  const RandomGraph g = FromLists(out);
  std::vector<u32> entries{0};
  const DominatorTree tree = Dominators(g.view(), &entries);
  EXPECT_EQ(tree.parent[1], 0u);
  EXPECT_EQ(tree.out[0] - tree.in[0], kEntries + 1);
}

}  // namespace
}  // namespace unleak::graph
