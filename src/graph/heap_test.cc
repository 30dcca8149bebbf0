// Populations, paths, cycles and completeness of heaps written as text (tests/heaps/README.md).
#include "graph/heap.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/heap_text.h"

namespace unleak::graph {
namespace {

using testing::HeapLook;
using testing::HeapOf;

struct Built {
  explicit Built(const char* text) : Built(HeapOf(text)) {}
  explicit Built(HeapLook look) : names(std::move(look.nodes)), result(Heap::Build(std::move(look.columns))) {}
  u32 operator[](const std::string& name) const { return names.at(name); }
  const Heap& heap() const { return *result; }
  std::string PathOf(const std::string& name) const { return heap().PathText(heap().path_to(names.at(name))); }
  Population PopulationOf(const std::string& name) const { return heap().population(names.at(name)); }

  std::map<std::string, u32> names;
  Result<Heap> result;
};

TEST(Paths, NameModulesAttributesAndContainers) {
  const Built b(R"(
root module app.cache
app.cache: module { .ACTIVE -> active, .LOG -> log, .Service -> cls, .svc -> svc }
type app.cache.Service module=app.cache node=cls
cls: type { .pool -> pool }
pool: list { [0] -> p }
p: str
active: dict { ['a'] -> s, {*} -> t }
s: app.Session { .user -> u }
t: app.Session
u: str
log: list { [0..] -> e[1..3] }
e[1..3]: str
svc: app.cache.Service { .__dict__ -> d }
d: dict { ['jobs'] -> jobs }
jobs: set { [*] -> job }
job: str
)");
  EXPECT_EQ(b.PathOf("app.cache"), "app.cache");
  EXPECT_EQ(b.PathOf("active"), "app.cache.ACTIVE");
  EXPECT_EQ(b.PathOf("u"), "app.cache.ACTIVE['a'].user");
  EXPECT_EQ(b.PathOf("t"), "app.cache.ACTIVE{*}");
  EXPECT_EQ(b.PathOf("e[2]"), "app.cache.LOG[*]");
  EXPECT_EQ(b.PathOf("p"), "app.cache.Service.pool[*]");
  EXPECT_EQ(b.PathOf("job"), "app.cache.svc.jobs[*]");
  EXPECT_EQ(b.PathOf("d"), "app.cache.svc.__dict__");
  EXPECT_EQ(b.heap().roots()[b.heap().root_of(b["job"])].name, "module app.cache");
  EXPECT_EQ(b.PopulationOf("job"), Population::kRetained);
}

TEST(Paths, KeysOfLargeDictsStayPrivate) {
  const Built b(R"(
root module app
app: module { .big -> big }
big: dict { ['secret'] -> a, {*} -> s[1..64] }
a: str
s[1..64]: str
)");
  EXPECT_EQ(b.PathOf("a"), "app.big{*}");
}

TEST(Paths, ModuleBeatsFrameAndFunctionGlobals) {
  const Built b(R"(
root module app
thread main
code serve file=/srv/app.py
frame f thread=main code=serve
root frame f x -> data
root frame f only -> local
app: module { .holder -> holder }
holder: app.Holder { .a -> l1 }
l1: list { [0] -> l2 }
l2: list { [0] -> data }
data: list
local: list { [0] -> item }
item: str
)");
  EXPECT_EQ(b.PathOf("data"), "app.holder.a[*][*]");
  EXPECT_EQ(b.PathOf("item"), "thread 1 local only of serve[*]");
  EXPECT_EQ(b.heap().roots()[b.heap().root_of(b["item"])].rank, 4);
}

TEST(Paths, GlobalsOfAFunctionAreALateEdge) {
  const Built b(R"(
root module app
root interpreter "atexit callbacks" -> callbacks
callbacks: list { [0] -> fn }
fn: function { .__globals__ -> app.__dict__ }
app: module { .a -> a }
a: app.A { .b -> b }
b: app.B { .deep -> list }
list: list { [0] -> x }
x: str
)");
  EXPECT_EQ(b.PathOf("x"), "app.a.b.deep[*]");
}

TEST(Paths, HomeModuleNamesAnImportedClass) {
  const Built b(R"(
root module app.main
root module app.registry
app.main: module { .Registry -> cls }
app.registry: module { .Registry -> cls }
type app.registry.Registry module=app.registry node=cls
cls: type { .items -> items }
items: list
)");
  EXPECT_EQ(b.PathOf("items"), "app.registry.Registry.items");
}

TEST(Paths, BuiltinTypesBelongToBuiltins) {
  const Built far(R"(
root module __main__
root module builtins
type list node=list
__main__: module { .a -> a }
a: app.A { .b -> b }
b: app.B { .c -> c }
c: app.C { .d -> d }
d: app.D { .e -> e }
e: app.E { .f -> f }
f: app.F { .g -> list }
builtins: module { .list -> list }
list: type { .extra -> x }
x: str
)");
  EXPECT_EQ(far.PathOf("x"), "builtins.list.extra");
  const Built near(R"(
root module __main__
root module builtins
type list node=list
__main__: module { .List -> list }
builtins: module { .list -> list }
list: type { .extra -> x }
x: str
)");
  EXPECT_EQ(near.PathOf("x"), "__main__.List.extra") << "imported, but much closer";
}

TEST(Paths, ProgramModulesBeforeLibraries) {
  const Built b(R"(
root module lib.pool
root module app
code lc file=/usr/lib/python3.12/site-packages/lib/pool.py node=lcode
code ac file=/srv/app.py node=acode
lib.pool: module { .shared -> shared, .far -> far, .fn -> lfn }
lfn: function { .__globals__ -> lib.pool.__dict__, .__code__ -> lcode }
lcode: code
app: module { .mine -> mine, .fn -> afn }
afn: function { .__globals__ -> app.__dict__, .__code__ -> acode }
acode: code
mine: app.A { .x -> shared, .b -> b }
b: app.B { .c -> c }
c: app.C { .d -> d }
d: app.D { .e -> e }
e: app.E { .f -> far }
shared: list
far: list
)");
  EXPECT_EQ(b.PathOf("shared"), "app.mine.x");
  EXPECT_EQ(b.PathOf("far"), "lib.pool.far") << "a much shorter path from a lesser root is better";
}

TEST(Paths, TypeEdgesHoldButNameNothing) {
  const Built b(R"(
root module app
type app.K node=K module=elsewhere
app: module { .k -> k }
k: app.K
K: type { .registry -> registry }
registry: list { [0] -> x }
x: str size=100
)");
  EXPECT_EQ(b.PopulationOf("x"), Population::kRetained);
  EXPECT_EQ(b.PathOf("registry"), "app.k.__class__.registry");
  EXPECT_EQ(b.heap().dominator(b["K"]), kNone) << "no instance retains its class";
  EXPECT_LT(b.heap().retained(b["k"]), 100u);
}

TEST(Populations, GarbageCycleAndWhatItDrags) {
  const Built b(R"(
root module app
app: module { .kept -> kept }
kept: list { [0] -> shared }
shared: str
a: app.Node { .next -> b }
b: app.Node { .next -> a, .text -> text, .shared -> shared }
text: str size=1000
loop: list size=72 { [0] -> loop }
)");
  for (const char* name : {"a", "b", "text", "loop"}) EXPECT_EQ(b.PopulationOf(name), Population::kGarbage) << name;
  EXPECT_EQ(b.PopulationOf("shared"), Population::kRetained);
  ASSERT_EQ(b.heap().cycles().size(), 2u);
  const Component& pair = b.heap().cycles()[0];
  EXPECT_EQ(pair.nodes, (std::vector<u32>{b["a"], b["b"]}));
  EXPECT_EQ(pair.bytes, 128u);
  EXPECT_EQ(pair.drags_bytes, 1128u);
  EXPECT_EQ(pair.drags_objects, 3u);
  EXPECT_TRUE(pair.outermost);
  EXPECT_EQ(b.heap().cycles()[1].nodes, std::vector<u32>{b["loop"]});
  EXPECT_EQ(b.heap().cycles()[1].drags_bytes, 72u);
  EXPECT_TRUE(b.heap().path_to(b["a"]).steps.empty());
  EXPECT_EQ(b.PathOf("a"), "");
}

TEST(Populations, CycleThatTheCollectorCannotSee) {
  const Built b(R"(
a: app.Node { .peer -> blind }
blind: ext.Handle untracked blind { .target -> a (omitted) }
dragged: list { [0] -> x }
x: str
add a { .more -> dragged, .other -> c }
c: app.Node { .self -> c }
)");
  for (const char* name : {"a", "blind", "dragged", "x", "c"})
    EXPECT_EQ(b.PopulationOf(name), Population::kUncollectable) << name;
  ASSERT_EQ(b.heap().cycles().size(), 2u);
  EXPECT_TRUE(b.heap().cycles()[0].outermost);
  EXPECT_FALSE(b.heap().cycles()[1].outermost);
}

TEST(Populations, EdgeThatTraverseLeavesOut) {
  const Built omitted("a: app.Node { .b -> b }\nb: app.Node { .a -> a (omitted) }");
  EXPECT_EQ(omitted.PopulationOf("a"), Population::kUncollectable);
  const Built seen("a: app.Node { .b -> b }\nb: app.Node { .a -> a }");
  EXPECT_EQ(seen.PopulationOf("a"), Population::kGarbage);
}

TEST(Populations, UntrackedObjectOnTheWayIsFreedWithItsHolder) {
  const Built b(R"(
a: app.Node { .self -> a, .when -> when }
when: datetime.datetime untracked { .tzinfo -> zone (omitted) }
zone: app.Zone
)");
  for (const char* name : {"a", "when", "zone"}) EXPECT_EQ(b.PopulationOf(name), Population::kGarbage) << name;
}

TEST(Populations, ConservativeEdgeInACycleIsNoProofButExplains) {
  const Built cycle(R"(
a: app.Node rc=1 { .array -> array }
array: numpy.ndarray untracked opaque { [*] -> a (conservative) }
)");
  EXPECT_EQ(cycle.PopulationOf("a"), Population::kUncollectable);
  const Built loose(R"(
a: app.Node rc=1 { .b -> b }
b: app.Node
old: ext.Stale opaque rc=1 { [*] -> a (conservative) }
)");
  EXPECT_EQ(loose.PopulationOf("a"), Population::kUnexplained);
  EXPECT_EQ(loose.PopulationOf("b"), Population::kUnexplained);
}

TEST(Populations, ConservativeRootHoldsOnlyWhatACountIsLeftFor) {
  const Built b(R"(
thread main
code f
frame top thread=main code=f
cache: dict rc=1 { ['x'] -> x }
x: str
a: app.Node { .b -> b }
b: app.Node { .a -> a }
root frame top slot -> cache (conservative)
root frame top slot -> a (conservative)
)");
  EXPECT_EQ(b.PopulationOf("cache"), Population::kRetained);
  EXPECT_EQ(b.PopulationOf("x"), Population::kRetained);
  EXPECT_EQ(b.heap().surplus(b["cache"]), 1);
  EXPECT_EQ(b.heap().unexplained(b["cache"]), 0);
  // A stale slot: all of the count is explained by the cycle itself.
  EXPECT_EQ(b.PopulationOf("a"), Population::kGarbage);
  EXPECT_EQ(b.heap().completeness().explained, 4u);
  EXPECT_EQ(b.heap().completeness().possible_objects, 1u);
}

TEST(Populations, ConservativeEdgeOfWhatIsRetainedHoldsOnlyIfItExplainsAllOfTheRest) {
  const Built b(R"(
root module app
app: module { .box -> box }
box: ext.Box opaque { [*] -> held (conservative), [*] -> lost (conservative) }
held: list rc=1 { [0] -> inner }
inner: str
lost: list rc=2
)");
  EXPECT_EQ(b.PopulationOf("held"), Population::kRetained);
  EXPECT_EQ(b.PopulationOf("inner"), Population::kRetained);
  EXPECT_EQ(b.heap().unexplained(b["held"]), 0);
  EXPECT_EQ(b.PopulationOf("lost"), Population::kUnexplained);
  EXPECT_EQ(b.heap().surplus(b["lost"]), 2);
  EXPECT_EQ(b.heap().unexplained(b["lost"]), 1);
  EXPECT_EQ(b.heap().completeness().surplus_references, 1u);
  // The path says how, and the box does not dominate what it may hold.
  EXPECT_EQ(b.heap().parent(b["held"]), b["box"]);
  EXPECT_FALSE(b.heap().dominates(b["box"], b["held"]));
}

TEST(Populations, LinkOfACallCacheIsOwnedByTheCache) {
  const Built b(R"(
type functools._lru_list_elem role=lru-link no-gc
root module app
app: module { .f -> f }
f: functools._lru_cache_wrapper { .cache -> d, [*] -> link (omitted) }
d: dict { {*} -> link }
link: functools._lru_list_elem rc=2
)");
  EXPECT_EQ(b.heap().surplus(b["link"]), 0);
}

TEST(Populations, UnexplainedReferencesHold) {
  const Built b(R"(
lost: app.Session rc=+1 { .data -> data, .cycle -> cycle }
data: list { [0] -> x }
x: str
cycle: app.Node { .self -> cycle }
)");
  for (const char* name : {"lost", "data", "x", "cycle"})
    EXPECT_EQ(b.PopulationOf(name), Population::kUnexplained) << name;
  EXPECT_EQ(b.heap().surplus(b["lost"]), 1);
  EXPECT_EQ(b.heap().surplus(b["data"]), 0);
  EXPECT_EQ(b.PathOf("x"), "unexplained app.Session.data[*]");
  EXPECT_TRUE(b.heap().cycles().empty());
  EXPECT_EQ(b.heap().completeness().surplus_objects, 1u);
  EXPECT_EQ(b.heap().completeness().mortal, 4u);
  EXPECT_EQ(b.heap().completeness().explained, 3u);
}

TEST(Populations, FrozenAndImmortal) {
  const Built b(R"(
meta python=3.12.1
a: app.Node frozen { .next -> b }
b: app.Node { .next -> a, .x -> x }
x: str
im: tuple immortal rc=7 { [0] -> held }
held: list
)");
  EXPECT_EQ(b.PopulationOf("a"), Population::kFrozen);
  EXPECT_EQ(b.PopulationOf("b"), Population::kFrozen);
  EXPECT_EQ(b.PopulationOf("x"), Population::kFrozen);
  EXPECT_EQ(b.PopulationOf("im"), Population::kImmortal);
  EXPECT_EQ(b.PopulationOf("held"), Population::kImmortal);
  EXPECT_EQ(b.heap().surplus(b["im"]), 0);
}

TEST(Populations, StaticObjectsHaveNoCountBefore312) {
  const char* text = "one: int static rc=50";
  const Built old_one((std::string("meta python=3.10.1\n") + text).c_str());
  EXPECT_EQ(old_one.PopulationOf("one"), Population::kImmortal);
  EXPECT_EQ(old_one.heap().completeness().mortal, 0u);
  const Built new_one((std::string("meta python=3.13.0\n") + text).c_str());
  EXPECT_EQ(new_one.PopulationOf("one"), Population::kUnexplained);
}

TEST(Populations, CycleHeldByACycle) {
  const Built b(R"(
a: app.Node { .self -> a, .b -> b }
b: app.Node { .self -> b, .big -> big }
big: bytes size=5000
)");
  ASSERT_EQ(b.heap().cycles().size(), 2u);
  EXPECT_EQ(b.heap().cycles()[0].nodes, std::vector<u32>{b["a"]});
  EXPECT_EQ(b.heap().cycles()[0].drags_bytes, 5128u);
  EXPECT_EQ(b.heap().cycles()[1].drags_bytes, 5064u);
  EXPECT_FALSE(b.heap().cycles()[1].outermost);
}

TEST(Retained, SharedIsNobodys) {
  const Built b(R"(
root module app
app: module { .a -> a, .b -> b }
a: list size=100 { [0] -> own, [1] -> shared }
b: list size=100 { [0] -> shared }
own: str size=10
shared: str size=1000
)");
  EXPECT_EQ(b.heap().retained(b["a"]), 110u);
  EXPECT_EQ(b.heap().retained(b["b"]), 100u);
  EXPECT_EQ(b.heap().retained_objects(b["a"]), 2u);
  EXPECT_EQ(b.heap().dominator_place(b["own"]), b.heap().dominator_place(b["a"]) + 1);
  EXPECT_TRUE(b.heap().dominates(b["a"], b["own"]));
  EXPECT_FALSE(b.heap().dominates(b["a"], b["shared"]));
  EXPECT_EQ(b.heap().dominator(b["shared"]), b["app.__dict__"]);
}

TEST(Retained, SizesBeyondFourGigabytes) {
  const Built b("root module app\napp: module { .a -> a }\na: bytes size=6G");
  EXPECT_EQ(b.heap().retained(b["a"]), 6ull << 30);
  EXPECT_GE(b.heap().retained(b["app"]), 6ull << 30);
}

TEST(Build, EmptyHeapAndBrokenColumns) {
  snapshot::Columns empty;
  empty.edge_row = {0};
  auto heap = Heap::Build(empty);
  ASSERT_TRUE(heap.ok()) << heap.status().message();
  EXPECT_EQ(heap->node_count(), 0u);
  EXPECT_EQ(heap->completeness().score(), 1.0);
  auto look = HeapOf("a: list { [0] -> b }\nb: str");
  look.columns.edge_target[0] = 17;
  const auto broken = Heap::Build(std::move(look.columns));
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.status().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace unleak::graph
