// The heap texts that other tests are written in.
#include "tests/support/heap_text.h"

#include <gtest/gtest.h>

namespace unleak::testing {
namespace {

using namespace snapshot;  // NOLINT(google-build-using-namespace): tests of these names

std::string Edges(const HeapLook& look, const std::string& name) {
  const Columns& c = look.columns;
  const u32 node = look.node(name);
  if (node == kNone) return "no such node";
  std::string text;
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
    const u32 label = c.edge_label[e];
    text += std::to_string(static_cast<int>(Label::Class(label))) + "/" + std::to_string(static_cast<int>(Label::Kind(label))) + ":";
    for (const auto& [other, id] : look.nodes)
      if (id == c.edge_target[e]) text += other + " ";
  }
  return text;
}

constexpr char kSessions[] = R"(
type app.Session size=48
root module app.cache
app.cache: module { .ACTIVE -> active }
active: dict { ['a'] -> s[1], {*} -> s[2..3] }
s[1..3]: app.Session size=96 { .user -> u, .next -> s[i+1] }
u: str length=5 rc=+2   # two references that nobody explains
)";

TEST(HeapText, NodesEdgesAndLabels) {
  HeapLook look = HeapOf(kSessions);
  EXPECT_EQ(Edges(look, "app.cache"), "0/2:app.cache.__dict__ ");
  EXPECT_EQ(Edges(look, "app.cache.__dict__"), "0/3:active ");
  EXPECT_EQ(Edges(look, "active"), "0/3:s[1] 0/5:active{s[2]} 0/4:s[2] 0/5:active{s[3]} 0/4:s[3] ");
  EXPECT_EQ(Edges(look, "s[1]"), "0/2:u 0/2:s[2] ");
  EXPECT_EQ(Edges(look, "s[3]"), "0/2:u ");
  EXPECT_EQ(Edges(look, "sys.modules"), "0/3:app.cache ");
}

TEST(HeapText, CountsSizesAndLengthsHaveDefaults) {
  HeapLook look = HeapOf(kSessions);
  const Columns& c = look.columns;
  EXPECT_EQ(c.refcount[look.node("u")], 5u);
  EXPECT_EQ(c.refcount[look.node("s[2]")], 2u);
  EXPECT_EQ(c.refcount[look.node("sys.modules")], 1u);
  EXPECT_EQ(c.size[look.node("s[1]")], 96u);
  EXPECT_EQ(c.size[look.node("active")], 64u);
  EXPECT_EQ(c.length[look.node("active")], 3u);
  EXPECT_EQ(c.length[look.node("u")], 5u);
  EXPECT_EQ(c.length[look.node("s[1]")], kNone);
  EXPECT_EQ(c.role_of(look.node("app.cache")), Role::kModule);
  EXPECT_EQ(c.type_name(look.node("s[1]")), "app.Session");
  EXPECT_EQ(c.strings.at(c.types[c.type[look.node("s[1]")]].module), "app");
}

TEST(HeapText, EdgeClassesFlagsAndInts) {
  HeapLook look = HeapOf(R"(
a: list untracked old { [0..] -> b[1..2], [7] -> c (omitted), key -> c, local x -> c (conservative), [*] -> c }
b[1..2]: int int=-5
c: str immortal rc=4294967295
)");
  const Columns& c = look.columns;
  EXPECT_EQ(Edges(look, "a"), "0/1:b[1] 0/1:b[2] 1/1:c 0/5:c 2/6:c 0/0:c ");
  EXPECT_EQ(c.flags[look.node("a")], kOld);
  EXPECT_EQ(c.flags[look.node("c")], kImmortal);
  EXPECT_EQ(c.ints.size(), 2u);
  EXPECT_EQ(c.ints[0].second, -5);
  EXPECT_EQ(Label::Value(c.edge_label[c.edge_row[look.node("a")] + 1]), 1u);
}

TEST(HeapText, RootsThreadsAndFrames) {
  HeapLook look = HeapOf(R"(
meta pid=7 python=3.12.1 rss=10M at=3s
collector threshold=700,10,10 collections=1,2,3
thread main tid=7 gil cpu=5ms
code serve qualname=Server.serve file=/srv/app.py line=10
frame f thread=main code=serve line=12
root frame f x -> a
root frame f y -> a (conservative)
root interpreter "atexit callbacks" -> a
root thread main context -> a
root native -> a
a: list
)");
  const Columns& c = look.columns;
  ASSERT_EQ(c.roots.size(), 5u);
  EXPECT_EQ(c.strings.at(c.roots[0].name), "x");
  EXPECT_EQ(c.roots[0].thread, 0u);
  EXPECT_EQ(c.roots[1].conservative, 1);
  EXPECT_EQ(c.strings.at(c.roots[2].name), "atexit callbacks");
  EXPECT_EQ(c.roots[4].kind, RootKind::kCaller);
  EXPECT_EQ(c.refcount[look.node("a")], 4u);
  EXPECT_EQ(c.meta.python_hex, 0x030c01f0u);
  EXPECT_EQ(c.meta.rss_bytes, u64{10} << 20);
  EXPECT_EQ(c.meta.boot_ns, 3'000'000'000u);
  EXPECT_EQ(c.frames[0].line, 12u);
  EXPECT_EQ(c.threads[0].cpu_ns, 5'000'000u);
  EXPECT_EQ(c.collectors[0].collections[2], 3u);
}

TEST(HeapText, LaterLooksAreDifferences) {
  Result<std::vector<HeapLook>> looks = ParseHeapText(R"(
look 1
root module m
m: module { .L -> l }
l: list { [0..] -> a[1..2] }
a[1..2]: dict
look 2
drop a[1]
a[3..4]: dict
add l { [2..] -> a[3..4] }
look 3 empty
l: list
)");
  ASSERT_TRUE(looks.ok()) << looks.status().message();
  ASSERT_EQ(looks->size(), 3u);
  const HeapLook& first = (*looks)[0];
  const HeapLook& second = (*looks)[1];
  EXPECT_EQ(Edges(first, "l"), "0/1:a[1] 0/1:a[2] ");
  EXPECT_EQ(Edges(second, "l"), "0/1:a[2] 0/1:a[3] 0/1:a[4] ");
  EXPECT_EQ(first.columns.address[first.node("a[2]")], second.columns.address[second.node("a[2]")]);
  EXPECT_EQ((*looks)[2].nodes.size(), 1u);
}

TEST(HeapText, TypeNodesAreReferredToByTheirInstances) {
  HeapLook look = HeapOf("type app.A node=A\nA: type { .items -> x }\nx: list\na: app.A\n");
  EXPECT_EQ(Edges(look, "a"), "0/7:A ");
  EXPECT_EQ(look.columns.types[look.columns.type[look.node("a")]].node, look.node("A"));
}

TEST(HeapText, MistakesAreNamedWithTheirLine) {
  auto message = [](std::string_view text) { return ParseHeapText(text, "t").status().message(); };
  EXPECT_EQ(message("a: dict\nb: dict color=red\n"), "t:2: 'color' is not known here");
  EXPECT_EQ(message("a: dict { .x -> \n}"), "t:1: a word is missing");
  EXPECT_EQ(message("a: dict { .x -> nowhere }"), "t: look 1: an edge of a leads to 'nowhere', which is no node");
  EXPECT_EQ(message("\nblub a"), "t:2: 'blub' is neither a statement nor a node (NAME: TYPE)");
  EXPECT_EQ(message("root frame f x -> a"), "t:1: no frame 'f'");
  EXPECT_EQ(message("a: dict address=0x10\nb: dict address=0x10"), "t: look 1: node.address row 1: addresses do not ascend");
}

}  // namespace
}  // namespace unleak::testing
