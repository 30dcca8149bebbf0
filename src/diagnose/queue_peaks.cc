#include "diagnose/queue_peaks.h"

#include <algorithm>

#include "diagnose/look.h"
#include "diagnose/peaks.h"
#include "diagnose/place.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::Role;

constexpr size_t kMostQueues = 4;
constexpr size_t kMostTypes = 12;
constexpr size_t kMostSources = 64;

// The container inside a queue with its entries, or the queue itself where it keeps them in its own body.
u32 Inside(const Heap& heap, u32 queue) {
  const Columns& c = heap.columns();
  u32 best = queue;
  std::vector<u32> level = Members(c, queue);
  for (u32 member : std::vector<u32>(level))
    if (c.role_of(member) == Role::kDict && DictOwner(heap, member) == queue)
      for (u32 value : Members(c, member)) level.push_back(value);
  for (u32 member : level)
    if (IsGrowable(c.role_of(member)) && DictOwner(heap, member) == kNone && heap.dominator(member) != kNone &&
        (best == queue || heap.retained(member) > heap.retained(best)))
      best = member;
  return best;
}

// Queues of the library say their bound as `maxsize`, or `_maxsize`; 0 is none.
bool IsBounded(const Columns& c, u32 queue) {
  u32 dict = Member(c, queue, "__dict__");
  for (const char* name : {"maxsize", "_maxsize"}) {
    u32 value = Member(c, queue, name);
    if (value == kNone && dict != kNone) value = Member(c, dict, name);
    if (KnownInt(c, value) > 0) return true;
  }
  return false;
}

// The attribute of an instance that holds the queue says more than a thread's argument on a shorter path.
Holder HolderOf(const Heap& heap, u32 queue, u32 inside) {
  const Columns& c = heap.columns();
  const auto sources = heap.in_sources(queue);
  const auto edges = heap.in_edges(queue);
  for (size_t i = 0; i < sources.size() && i < kMostSources; ++i) {
    const auto kind = snapshot::Label::Kind(c.edge_label[edges[i]]);
    if (kind != snapshot::LabelKind::kName && kind != snapshot::LabelKind::kKeyName) continue;
    const u32 dict_owner = DictOwner(heap, sources[i]), owner = dict_owner == kNone ? sources[i] : dict_owner;
    if (c.role_of(owner) != Role::kInstance || heap.population(owner) != graph::Population::kRetained) continue;
    Holder holder = DescribeHolder(heap, owner);
    const auto& type = c.types[c.type[owner]];
    holder.kind = "instance-attribute";
    holder.name = c.strings.at(snapshot::Label::Value(c.edge_label[edges[i]]));
    holder.module = c.strings.at(type.module);
    const std::string name(c.strings.at(type.name));
    holder.owner_class = name.rfind(holder.module + ".", 0) == 0 ? name.substr(holder.module.size() + 1) : name;
    holder.inner.clear();
    holder.text += "." + holder.name;
    holder.path.push_back({{"edge", "." + holder.name}, {"type", c.type_name(queue)}});
    return holder;
  }
  return DescribeHolder(heap, inside);
}

QueuePeak Describe(const Heap& heap, u32 queue) {
  const Columns& c = heap.columns();
  QueuePeak peak;
  peak.bytes = heap.retained(queue);
  peak.bounded = IsBounded(c, queue);
  const u32 inside = Inside(heap, queue);
  const std::vector<u32> elements = Elements(c, inside);
  peak.entries = std::max<u64>(elements.size(), c.length_of(inside));
  peak.container = c.type_name(queue);
  peak.holder = HolderOf(heap, queue, inside);
  peak.holder.owner = kNone;  // of this heap only
  TypeCounter held(heap);
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (n != queue && heap.dominates(queue, n)) held.Add(n);
  peak.types = held.Counts();
  const auto types = CountTypes(heap, elements);
  for (size_t i = 0; i < types.size() && i < kMostTypes; ++i) peak.element_types.push_back(types[i].type);
  return peak;
}

}  // namespace

std::vector<QueuePeak> FindQueuePeaks(const Heap& heap) {
  std::vector<u32> queues;
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (heap.columns().role_of(n) == Role::kQueue && heap.retained(n) >= kLeastPeak) queues.push_back(n);
  std::stable_sort(queues.begin(), queues.end(), [&](u32 a, u32 b) { return heap.retained(a) > heap.retained(b); });
  std::vector<QueuePeak> out;
  for (size_t i = 0; i < queues.size() && i < kMostQueues; ++i) out.push_back(Describe(heap, queues[i]));
  return out;
}

}  // namespace unleak::diagnose
