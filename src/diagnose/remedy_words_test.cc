// The advice fits the shape of what holds the objects, not just the kind.
#include "diagnose/remedy_words.h"

#include <gtest/gtest.h>

#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

graph::Heap HeapOf(const std::string& text) {
  auto looks = testing::ParseHeapText("meta pid=7 python=3.12.1 start=1s at=12s\nroot module app\n" + text);
  EXPECT_TRUE(looks.ok()) << looks.status().message();
  auto heap = graph::Heap::Build(std::move(looks->at(0).columns));
  EXPECT_TRUE(heap.ok()) << heap.status().message();
  return heap.Take();
}

struct Given {
  std::string kind = "growing-container", type = "app.Session", holder = "app.ACTIVE{*}", pattern, remover;
  bool in_bytes = false;
  Family family = Family::kContainer;
};

Advice Advise(const Given& given) {
  static const graph::Heap heap = HeapOf("app: module { .X -> x }\nx: app.Prototype\n");
  Candidate c;
  c.family = given.family;
  c.holder.text = given.holder;
  c.in_bytes = given.in_bytes;
  c.main_type = given.type;
  const Json finding = {
      {"kind", given.kind},
      {"what", Json::array({{{"type", given.type}}})},
      {"sites", {{"allocated", Json::array()}, {"stored", Json::array()}, {"suspect", Json::array()}}},
      {"evidence", {{"pattern", given.pattern}}}};
  return AdviseKind({heap.columns(), c, finding, " (app.py:7)", given.remover});
}

bool Says(const Advice& advice, const char* words) { return advice.text.find(words) != std::string::npos; }

TEST(AdviseKind, EntriesAreRemovedOrBounded) {
  const Advice advice = Advise({});
  EXPECT_EQ(advice.action, "remove-entry");
  EXPECT_TRUE(Says(advice, "bound app.ACTIVE{*} (app.py:7)"));
}

TEST(AdviseKind, ARemoverThatSomeWaysOutForgetIsNamed) {
  EXPECT_TRUE(Says(Advise({.remover = "app.py:20"}), "entries are taken out at app.py:20, but these stay"));
}

TEST(AdviseKind, AClassThatIsCalledLikeATypeIsNone) {
  EXPECT_EQ(Advise({.type = "app.Prototype"}).action, "remove-entry");
  EXPECT_EQ(Advise({.type = "app.DocumentType"}).action, "remove-entry");
}

TEST(AdviseKind, WhatOnlyGetsLongerIsWrittenOut) {
  const Advice advice = Advise({.type = "bytearray", .holder = "app.LOG", .in_bytes = true});
  EXPECT_EQ(advice.action, "bound");
  EXPECT_TRUE(Says(advice, "app.LOG only gets longer"));
}

TEST(AdviseKind, ADefaultValueIsMadeInTheFunction) {
  EXPECT_TRUE(Says(Advise({.holder = "app.keep.__defaults__[*][*]"}), "use None as the default"));
  EXPECT_TRUE(Says(Advise({.holder = "app.keep.__kwdefaults__['seen'][*]"}), "use None as the default"));
}

TEST(AdviseKind, AChainIsCut) {
  EXPECT_TRUE(Says(Advise({.holder = "app.EDITOR.last.before+", .family = Family::kPopulation}), "cut the chain"));
  EXPECT_TRUE(Says(Advise({.kind = "pinned-frame", .type = "app.Late", .holder = "app.last.__cause__+"}), "from None"));
}

TEST(AdviseKind, RegistriesOfPythonHaveWordsOfTheirOwn) {
  EXPECT_EQ(Advise({.pattern = "loggers"}).action, "hoist");
  EXPECT_TRUE(Says(Advise({.pattern = "modules"}), "del sys.modules[name]"));
  EXPECT_TRUE(Says(Advise({.kind = "listener", .pattern = "handlers or filters of a logger"}), "removeHandler()"));
  EXPECT_TRUE(Says(Advise({.kind = "listener", .pattern = "hooks of the interpreter"}), "atexit.unregister"));
}

TEST(AdviseKind, ACacheOnAMethodKeepsItsObjects) {
  EXPECT_TRUE(Says(Advise({.kind = "unbounded-cache", .pattern = "call cache on a method"}), "cached_property"));
  EXPECT_TRUE(Says(Advise({.kind = "unbounded-cache", .pattern = "call cache"}), "give the cache a maxsize"));
}

TEST(AdviseKind, AQueueWithoutReaderIsBounded) {
  EXPECT_EQ(Advise({.kind = "unfinished-task", .pattern = "a queue that only fills"}).action, "bound");
  EXPECT_EQ(Advise({.kind = "unfinished-task"}).action, "cancel");
}

}  // namespace
}  // namespace unleak::diagnose
