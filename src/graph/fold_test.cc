#include "graph/fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/heap_text.h"

namespace unleak::graph {
namespace {

using testing::HeapLook;
using testing::HeapOf;

struct Folded {
  explicit Folded(const std::string& text, const FoldOptions& options = {}) {
    HeapLook look = HeapOf(text);
    for (const auto& [name, node] : look.nodes) address[name] = look.columns.address[node];
    auto heap = Heap::Build(std::move(look.columns));
    EXPECT_TRUE(heap.ok());
    fold = Fold::Make(*heap, options);
    for (u32 n = 0; n < fold.nodes().size(); ++n) by_text[fold.PathText(n)] = fold.nodes()[n];
  }
  const FoldedNode& at(const std::string& path) const {
    static const FoldedNode kMissing;
    const auto found = by_text.find(path);
    EXPECT_NE(found, by_text.end()) << path;
    return found == by_text.end() ? kMissing : found->second;
  }
  const FoldedContainer* container(const std::string& name) const {
    for (const auto& c : fold.containers())
      if (c.address == address.at(name)) return &c;
    return nullptr;
  }

  Fold fold;
  std::map<std::string, FoldedNode> by_text;
  std::map<std::string, u64> address;
};

constexpr const char* kService = R"(
root module app
app: module { .ACTIVE -> active, .svc -> svc }
active: dict { {*} -> s[1..100] }
s[1..100]: app.Session { .items -> l[i] }
l[1..100]: list { [0] -> x[i], [1] -> y[i] }
x[1..100]: str size=50
y[1..100]: str size=60
svc: app.Service { .__dict__ -> d }
d: dict { ['jobs'] -> jobs }
jobs: list { [0..] -> j[1..10] }
j[1..10]: app.Job
)";

TEST(Fold, SiblingsAreOneNodeWithTheirSums) {
  const Folded f(kService);
  EXPECT_EQ(f.at("app.ACTIVE{*}").objects, 100u);
  EXPECT_EQ(f.at("app.ACTIVE{*}.items[*]").objects, 200u);
  EXPECT_EQ(f.at("app.ACTIVE{*}.items[*]").bytes, 11'000u);
  EXPECT_EQ(f.fold.text(f.at("app.ACTIVE{*}").type), "app.Session");
  EXPECT_LT(f.fold.nodes().size(), 20u);
  u64 objects = 0;
  for (const auto& node : f.fold.nodes()) objects += node.objects;
  u64 reached = 0;
  for (const auto& type : f.fold.types()) reached += type.objects[0];
  EXPECT_EQ(objects, reached);
}

TEST(Fold, ContainersKnowLengthPathAndOwner) {
  const Folded f(kService);
  const FoldedContainer* active = f.container("active");
  ASSERT_NE(active, nullptr);
  EXPECT_EQ(active->length, 100u);
  EXPECT_EQ(f.fold.PathText(active->node), "app.ACTIVE");
  EXPECT_EQ(active->owner, f.address.at("app"));
  const FoldedContainer* jobs = f.container("jobs");
  ASSERT_NE(jobs, nullptr);
  EXPECT_EQ(f.fold.PathText(jobs->node), "app.svc.jobs");
  EXPECT_EQ(jobs->owner, f.address.at("svc"));
  EXPECT_EQ(f.container("l[3]"), nullptr) << "two entries are too few";
}

TEST(Fold, AttributesFoldAlikeInlineAndInADict) {
  const Folded inside("root module app\napp: module { .o -> o }\no: app.O { .jobs -> jobs }\njobs: list");
  const Folded dict(
      "root module app\napp: module { .o -> o }\no: app.O { .__dict__ -> d }\nd: dict { ['jobs'] -> jobs }\njobs: "
      "list");
  EXPECT_EQ(inside.at("app.o.jobs").hash, dict.at("app.o.jobs").hash);
}

TEST(Fold, HashesHoldNoAddressCountOrThread) {
  const std::string text =
      "thread t tid=%\ncode f file=/a.py\nframe f1 thread=t code=f\nroot frame f1 x -> l\nl: list address=% { [0] -> a "
      "}\na: str";
  std::string one = text, two = text;
  for (auto [s, digits] : {std::pair{&one, "17"}, std::pair{&two, "91840"}})
    for (size_t at; (at = s->find('%')) != std::string::npos;)
      s->replace(at, 1, std::string(digits) + (s->find("address=%") + 8 == at ? "0000" : ""));
  const Folded a(one), b(two);
  EXPECT_EQ(a.at("thread local x of f[*]").hash, b.at("thread local x of f[*]").hash);
  EXPECT_NE(a.at("thread local x of f[*]").hash, a.at("thread local x of f").hash);
}

TEST(Fold, RunsAreOneNode) {
  const Folded f(
      "root module app\napp: module { .head -> n[1] }\nn[1..1000]: app.Node { .next -> n[i+1], .v -> v[i] "
      "}\nv[1..1000]: str");
  EXPECT_EQ(f.at("app.head").objects, 1u);
  EXPECT_EQ(f.at("app.head.next+").objects, 999u);
  EXPECT_EQ(f.at("app.head.next+.v").objects, 999u);
}

TEST(Fold, KeysOfSmallMapsAreStepsThoseOfLargeOnesAreNot) {
  std::string small = "root module app\napp: module { .d -> d }\nd: dict { ";
  for (int i = 0; i < 64; ++i) small += "['k" + std::to_string(i) + "'] -> l" + std::to_string(i) + ", ";
  std::string lists;
  for (int i = 0; i <= 64; ++i) lists += "l" + std::to_string(i) + ": list\n";
  const Folded f(small + "}\n" + lists), g(small + "['k64'] -> l64 }\n" + lists);
  EXPECT_EQ(f.at("app.d['k63']").objects, 1u);
  EXPECT_EQ(g.at("app.d{*}").objects, 65u);
}

TEST(Fold, BoundsAreKept) {
  std::string text = "root module app\napp: module { .d -> d }\nd: dict { ";
  for (int i = 0; i < 60; ++i) text += "['k" + std::to_string(i) + "'] -> l" + std::to_string(i) + ", ";
  text += "}\n";
  for (int i = 0; i < 60; ++i) text += "l" + std::to_string(i) + ": list length=" + std::to_string(i) + "\n";
  FoldOptions options;
  options.most_nodes = 20;
  options.most_containers = 30;
  const Folded f(text, options);
  EXPECT_LE(f.fold.nodes().size(), 21u);
  EXPECT_GT(f.fold.merged_objects(), 0u);
  EXPECT_LE(f.fold.containers().size(), 30u);
  EXPECT_NE(f.container("l59"), nullptr) << "the longest are kept";
  EXPECT_GE(f.fold.shortest(), 32u);
  EXPECT_TRUE(std::is_sorted(f.fold.containers().begin(), f.fold.containers().end(),
                             [](const auto& a, const auto& b) { return a.address < b.address; }));
}

TEST(Fold, TotalsByPopulation) {
  const Folded f("a: app.N size=70 { .n -> a }\nb: app.N rc=+1 size=80\nc: str rc=+1");
  ASSERT_EQ(f.fold.types().size(), 2u);
  const auto node = std::find_if(f.fold.types().begin(), f.fold.types().end(),
                                 [&](const TypeTotal& t) { return f.fold.text(t.name) == "app.N"; });
  ASSERT_NE(node, f.fold.types().end());
  EXPECT_EQ(node->objects[static_cast<size_t>(Population::kGarbage)], 1u);
  EXPECT_EQ(node->bytes[static_cast<size_t>(Population::kGarbage)], 70u);
  EXPECT_EQ(node->bytes[static_cast<size_t>(Population::kUnexplained)], 80u);
  EXPECT_EQ(f.at("unexplained app.N").objects, 1u);
}

TEST(Fold, AMillionLinksDeepAndAMillionEntriesWide) {
  const Folded f(R"(
root module app
app: module { .head -> n[1], .wide -> wide }
n[1..1000000]: app.Node { .next -> n[i+1] }
wide: list { [0..] -> w[1..1000000] }
w[1..1000000]: str
)");
  EXPECT_EQ(f.at("app.head.next+").objects, 999'999u);
  EXPECT_EQ(f.at("app.wide[*]").objects, 1'000'000u);
}

}  // namespace
}  // namespace unleak::graph
