#include "diagnose/finished.h"

#include <algorithm>

#include "diagnose/names.h"
#include "diagnose/place.h"

namespace unleak::diagnose {
namespace {

using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr int kMostBases = 16;
constexpr size_t kMostSources = 64;

// An attribute of an instance, in its body or in its dict.
u32 Attribute(const Columns& c, u32 node, std::string_view name) {
  const u32 member = Member(c, node, name);
  const u32 dict = member == kNone ? Member(c, node, "__dict__") : kNone;
  return dict == kNone ? member : Member(c, dict, name);
}

bool IsThread(const Columns& c, u32 node) {
  u32 type = c.type[node];
  for (int hops = 0; type < c.types.size() && hops < kMostBases; ++hops, type = c.types[type].base)
    if (c.types[type].role == Role::kThread) return true;
  return false;
}

bool IsValue(const Columns& c, u32 node) { return node != kNone && c.role_of(node) != Role::kNone; }

}  // namespace

WorkState::WorkState(const graph::Heap& heap) : heap_(heap) {
  for (const auto& root : heap.columns().roots)
    if (root.kind == snapshot::RootKind::kFrame && root.node < heap.node_count()) in_frames_.push_back(root.node);
  std::sort(in_frames_.begin(), in_frames_.end());
}

bool WorkState::IsUnderWay(u32 node) const {
  switch (heap_.columns().role_of(node)) {
    case Role::kThread:
      return ThreadRuns(node);
    case Role::kTimer:
      return !IsThread(heap_.columns(), node) || ThreadRuns(node);
    case Role::kTask:
      return TaskOpen(node);
    case Role::kFuture:
      return FutureOpen(node);
    case Role::kCoroutine:
      return CoroutineOpen(node);
    default:
      return false;
  }
}

bool WorkState::ThreadRuns(u32 thread) const {
  return std::binary_search(in_frames_.begin(), in_frames_.end(), thread);
}

bool WorkState::CoroutineOpen(u32 coroutine) const {
  const Columns& c = heap_.columns();
  const std::vector<u32> members = Members(c, coroutine);  // of an ended one: its code and names
  return std::any_of(members.begin(), members.end(), [&](u32 m) {
    const Role role = c.role_of(m);
    return role != Role::kCode && role != Role::kStr && role != Role::kNone;
  });
}

bool WorkState::TaskOpen(u32 task) const {
  const u32 coroutine = Attribute(heap_.columns(), task, "_coro");
  if (coroutine == kNone) return FutureOpen(task);
  return heap_.columns().role_of(coroutine) != Role::kCoroutine || CoroutineOpen(coroutine);
}

bool WorkState::FutureOpen(u32 future) const {
  const Columns& c = heap_.columns();
  for (const char* name : {"_result", "_exception"})
    if (IsValue(c, Attribute(c, future, name))) return false;
  if (IsValue(c, Attribute(c, future, "callback"))) return true;
  for (const char* name : {"_callbacks", "_done_callbacks", "_waiters"}) {
    const u32 list = Attribute(c, future, name);
    if (IsValue(c, list) && c.length_of(list) != 0) return true;
  }
  size_t keepers = 0;  // beside what the future itself keeps
  const auto sources = heap_.in_sources(future);
  const auto edges = heap_.in_edges(future);
  for (size_t i = 0; i < sources.size() && i < kMostSources; ++i)
    keepers += Label::Class(c.edge_label[edges[i]]) != EdgeClass::kConservative && !heap_.dominates(future, sources[i]);
  return keepers > 1 || std::binary_search(in_frames_.begin(), in_frames_.end(), future);
}

}  // namespace unleak::diagnose
