// Golden answers of the classifiers: what kind of leak a container or object is, by roles and structure alone.
#include "diagnose/classify.h"

#include <gtest/gtest.h>

#include "tests/support/heap_text.h"

namespace unleak::diagnose {
namespace {

graph::Heap Build(testing::HeapLook& look) {
  auto heap = graph::Heap::Build(std::move(look.columns));
  EXPECT_TRUE(heap.ok()) << heap.status().message();
  return heap.Take();
}

// The class of the container called `name`.
Class Of(const std::string& text, const std::string& name = "box") {
  testing::HeapLook look = testing::HeapOf(text);
  const u32 node = look.node(name);
  const graph::Heap heap = Build(look);
  const Holder holder = DescribeHolder(heap, node);
  return Classify(MakePlace(heap, holder, node));
}

std::string KindOf(const std::string& text, const std::string& name = "box") { return Of(text, name).kind; }

const std::string kModule = "root module app\napp: module { .BOX -> box }\n";

TEST(Classify, PlainEntriesAreAGrowingContainer) {
  EXPECT_EQ(KindOf(kModule + "box: list { [*] -> s[1..9] }\ns[1..9]: app.Session\n"), "growing-container");
}

TEST(Classify, FunctionsInAListAreListenersInADictOnlyIfTheyAreOfOneDef) {
  EXPECT_EQ(KindOf(kModule + "box: list { [*] -> f[1..9] }\nf[1..9]: function\n"), "listener");
  EXPECT_EQ(KindOf(kModule + "box: dict { {*} -> f[1..9] }\nf[1..9]: function\n"), "growing-container");
}

TEST(Classify, FinalizersWhoseObjectStays) {
  const Class found = Of(kModule + R"(
box: dict { {*} -> i[1..9] }
i[1..9]: app.Info { .weakref -> w[i], .func -> f[i] }
w[1..9]: weakref.ReferenceType
f[1..9]: function
)");
  EXPECT_EQ(found.kind, "weakref-misuse");
  EXPECT_EQ(found.pattern, kFinalizers);
}

TEST(Classify, ExceptionsWithTracebacksPinFrames) {
  EXPECT_EQ(KindOf(kModule + R"(
type app.Error role=exception
box: list { [*] -> e[1..9] }
e[1..9]: app.Error { .__traceback__ -> t[i] }
t[1..9]: traceback
)"),
            "pinned-frame");
}

// -- work --

const std::string kThreads = kModule + "box: list { [*] -> t[1..9] }\nt[1..9]: threading.Thread\n";

TEST(Classify, ThreadsThatRunAreUnfinishedWork) {
  std::string text = kThreads + "code run qualname=Thread.run file=threading.py line=1\n";
  for (int i = 1; i <= 9; ++i) {
    const std::string n = std::to_string(i);
    text += "thread th" + n + "\nframe f" + n + " thread=th" + n + " code=run\nroot frame f" + n + " self -> t[" + n +
            "]\n";
  }
  EXPECT_EQ(KindOf(text), "unfinished-task");
}

TEST(Classify, ThreadsThatEndedAreOnlyKept) { EXPECT_EQ(KindOf(kThreads), "growing-container"); }

TEST(Classify, FuturesWithAResultAreOnlyKept) {
  const std::string text =
      kModule + "box: list { [*] -> f[1..9] }\nr[1..9]: str\nf[1..9]: _asyncio.Future { ._result -> r[i] }\n";
  EXPECT_EQ(KindOf(text), "growing-container");
}

TEST(Classify, FuturesThatSomebodyWaitsForAreUnfinishedWork) {
  EXPECT_EQ(KindOf(kModule + R"(
box: list { [*] -> f[1..9] }
f[1..9]: _asyncio.Future { .callback -> w[i] }
w[1..9]: builtin_function_or_method
)"),
            "unfinished-task");
  EXPECT_EQ(KindOf(R"(
root module app
app: module { .BOX -> box, .JOBS -> jobs }
box: list { [*] -> f[1..9] }
jobs: list { [*] -> j[1..9] }
j[1..9]: app.Job { .future -> f[i] }
f[1..9]: _asyncio.Future
)"),
            "unfinished-task");
}

TEST(Classify, TasksWhoseCoroutineHasAFrameAreUnfinishedWork) {
  const std::string tasks =
      kModule + "box: set { key -> t[1..9] }\nt[1..9]: _asyncio.Task { ._coro -> c[i] }\nq: code\n";
  EXPECT_EQ(KindOf(tasks + "c[1..9]: coroutine { .cr_code -> q, local self -> s[i] }\ns[1..9]: app.Session\n"),
            "unfinished-task");
  EXPECT_EQ(KindOf(tasks + "c[1..9]: coroutine { .cr_code -> q }\n"), "growing-container");
}

// -- contexts --

const std::string kThread = "thread main\n";

TEST(Classify, AValueOfAThreadsDictIsItsOwn) {
  EXPECT_EQ(KindOf(kThread + R"(
root thread main "thread dict" -> d
d: dict { ['spans'] -> box }
box: list { [*] -> s[1..9] }
s[1..9]: app.Span
)"),
            "context");
}

TEST(Classify, WhatTheRunningLoopLeadsToIsNoThreadLocal) {
  EXPECT_EQ(KindOf(kThread + R"(
root thread main "thread dict" -> d
d: dict { ['loop'] -> loop }
loop: app.Loop { .ready -> r }
r: list { [*] -> h }
h: app.Handle { .chat -> chat }
chat: app.Chat { .writers -> box }
box: set { key -> s[1..9] }
s[1..9]: app.Writer
)"),
            "growing-container");
}

TEST(Classify, AValueOfAContextIsContextButNotWhatItsTaskLeadsTo) {
  const std::string context = kThread +
                              "root thread main context -> c\nc: _contextvars.Context { .variables -> n }\nn: hamt { "
                              "[*] -> v }\nbox: list { [*] -> s[1..9] }\ns[1..9]: app.Span\n";
  EXPECT_EQ(KindOf(context + "v: app.Trace { .spans -> box }\n"), "context");
  EXPECT_EQ(KindOf(context + "v: _asyncio.Task { ._coro -> coro }\ncoro: coroutine { local spans -> box }\n"),
            "growing-container");
}

}  // namespace
}  // namespace unleak::diagnose
