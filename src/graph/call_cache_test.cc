// functools.lru_cache: its links are owned by C pointers and reported by the cache's own traverse.
#include <gtest/gtest.h>

#include "graph/heap.h"
#include "tests/support/heap_text.h"

namespace unleak::graph {
namespace {

TEST(CallCache, ACacheInACycleWithItsOwnerIsGarbage) {
  auto look = testing::HeapOf(R"(
root module app
app: module
type functools._lru_list_elem role=lru-link no-gc
type functools._lru_cache_wrapper role=lru-cache
r: app.Resolver { .cached -> w }
w: functools._lru_cache_wrapper { .cache -> d, .func -> m, [*] -> k, [*] -> v, [*] -> l (omitted) }
m: method { .__self__ -> r }
d: dict { {*} -> l }
l: functools._lru_list_elem untracked
k: str
v: app.Result { .owner -> r }
)");
  const u32 resolver = look.node("r"), link = look.node("l");
  auto heap = Heap::Build(std::move(look.columns));
  ASSERT_TRUE(heap.ok());
  EXPECT_EQ(heap->surplus(link), 0);
  EXPECT_EQ(heap->population(resolver), Population::kGarbage);
  EXPECT_EQ(heap->population(link), Population::kGarbage);
}

}  // namespace
}  // namespace unleak::graph
