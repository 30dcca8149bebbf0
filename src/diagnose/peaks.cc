#include "diagnose/peaks.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;

constexpr size_t kMostHolders = 8, kMostCallers = 6;
constexpr double kSameThing = 0.7;  // a child with this share of its parent is the thing itself (MAT's drop rule)

// From a local down to where the bytes are: while one dominated child has most of them.
u32 Accumulator(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  for (int depth = 0; depth < 32; ++depth) {
    u32 biggest = kNone;
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 to = c.edge_target[e];
      if (heap.dominator(to) == node && (biggest == kNone || heap.retained(to) > heap.retained(biggest))) biggest = to;
    }
    if (biggest == kNone || static_cast<double>(heap.retained(biggest)) < kSameThing * static_cast<double>(heap.retained(node))) break;
    node = biggest;
  }
  return node;
}

// The frames that called `frame`, nearest first: while a library reads, the line that asked for it is one of theirs.
Json Callers(const Columns& c, u32 frame) {
  Json out = Json::array();
  for (u32 f = frame + 1; f < c.frames.size() && out.size() < kMostCallers && c.frames[f].thread == c.frames[frame].thread; ++f)
    if (const u32 code = c.frames[f].code; code < c.codes.size())
      out.push_back({{"file", c.strings.at(c.codes[code].file)}, {"line", c.frames[f].line},
                     {"function", c.strings.at(c.codes[code].qualname)}});
  return out;
}

std::vector<u32> Dominated(const Heap& heap, u32 node) {
  std::vector<u32> out;
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (heap.dominates(node, n)) out.push_back(n);
  return out;
}

}  // namespace

std::vector<PeakHolder> FindPeakHolders(const Heap& heap) {
  const Columns& c = heap.columns();
  std::vector<PeakHolder> out;
  std::vector<std::pair<u32, u32>> held;  // node, index of its root
  for (u32 i = 0; i < c.roots.size(); ++i) {
    const auto& root = c.roots[i];
    if (root.kind != snapshot::RootKind::kFrame || root.conservative || root.node >= c.node_count()) continue;
    if (heap.retained(root.node) >= kLeastPeak) held.push_back({root.node, i});
  }
  // The outermost frame that holds an object first: it holds it longest.
  std::stable_sort(held.begin(), held.end(), [&](auto a, auto b) {
    if (heap.retained(a.first) != heap.retained(b.first)) return heap.retained(a.first) > heap.retained(b.first);
    const u32 fa = c.roots[a.second].frame, fb = c.roots[b.second].frame;
    return fa < c.frames.size() && fb < c.frames.size() && c.frames[fa].depth > c.frames[fb].depth;
  });
  std::vector<u32> seen;
  for (auto [node, index] : held) {
    if (out.size() == kMostHolders) break;
    const u32 frame = c.roots[index].frame;
    if (std::find(seen.begin(), seen.end(), node) != seen.end() || frame >= c.frames.size()) continue;
    seen.push_back(node);
    PeakHolder holder;
    if (const u32 code = c.frames[frame].code; code < c.codes.size()) {
      holder.file = c.strings.at(c.codes[code].file);
      holder.function = c.strings.at(c.codes[code].qualname);
    }
    holder.line = c.frames[frame].line;
    holder.callers = Callers(c, frame);
    holder.variable = c.strings.at(c.roots[index].name);
    const u32 thing = Accumulator(heap, node);
    holder.type = c.type_name(thing);
    holder.bytes = heap.retained(node);
    const auto members = Dominated(heap, node);
    holder.objects = members.size();
    holder.types = CountTypes(heap, members);
    // The thing itself is named first.
    std::stable_partition(holder.types.begin(), holder.types.end(), [&](const TypeCount& t) { return t.type == holder.type; });
    holder.root = "frame " + holder.function;
    out.push_back(std::move(holder));
  }
  return out;
}

}  // namespace unleak::diagnose
