#include "diagnose/peaks.h"

#include <algorithm>
#include <optional>

#include "diagnose/frame_holdings.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;

constexpr size_t kMostHolders = 8, kMostCallers = 6;
constexpr double kMoreTogether = 1.25;  // times what one variable keeps
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

// Of a frame: everything but what it holds.
PeakHolder OfFrame(const Columns& c, u32 frame) {
  PeakHolder holder;
  if (const u32 code = c.frames[frame].code; code < c.codes.size()) {
    holder.file = c.strings.at(c.codes[code].file);
    holder.function = c.strings.at(c.codes[code].qualname);
  }
  holder.line = c.frames[frame].line;
  holder.callers = Callers(c, frame);
  holder.root = "frame " + holder.function;
  return holder;
}

void CountMembers(const Heap& heap, const std::vector<u32>& members, PeakHolder& holder) {
  holder.types = CountTypes(heap, members);
  // The thing itself is named first.
  std::stable_partition(holder.types.begin(), holder.types.end(),
                        [&](const TypeCount& t) { return t.type == holder.type; });
}

// Locals by what they keep alive; of one object first the outermost frame that holds it: it holds it longest.
std::vector<u32> BigLocals(const Heap& heap) {
  const Columns& c = heap.columns();
  std::vector<u32> held;
  for (u32 i = 0; i < c.roots.size(); ++i) {
    const auto& root = c.roots[i];
    if (root.kind != snapshot::RootKind::kFrame || root.conservative || root.node >= c.node_count()) continue;
    if (root.frame < c.frames.size() && heap.retained(root.node) >= kLeastPeak) held.push_back(i);
  }
  std::stable_sort(held.begin(), held.end(), [&](u32 a, u32 b) {
    const u64 ra = heap.retained(c.roots[a].node), rb = heap.retained(c.roots[b].node);
    return ra != rb ? ra > rb : c.frames[c.roots[a].frame].depth > c.frames[c.roots[b].frame].depth;
  });
  return held;
}

struct Variable {
  u32 node;
  std::string name;
};

// What a root of a frame holds. Before 3.11 a running frame is an object and its variables are references of it: then the one that has
// most of what it keeps.
Variable VariableOf(const Heap& heap, u32 root) {
  const Columns& c = heap.columns();
  Variable variable{c.roots[root].node, std::string(c.strings.at(c.roots[root].name))};
  const u32 frame = variable.node;
  if (c.role_of(frame) != snapshot::Role::kFrame) return variable;
  for (u32 e = c.edge_row[frame]; e < c.edge_row[frame + 1]; ++e) {
    const u32 to = c.edge_target[e];
    if (heap.dominator(to) != frame || (variable.node != frame && heap.retained(to) <= heap.retained(variable.node))) continue;
    if (static_cast<double>(heap.retained(to)) < kSameThing * static_cast<double>(heap.retained(frame))) continue;
    const std::string step = heap.StepText(frame, c.edge_label[e]);
    variable = {to, step.substr(std::min(step.find_first_not_of(". "), step.size()))};
  }
  return variable;
}

PeakHolder OfLocal(const Heap& heap, u32 root) {
  const Columns& c = heap.columns();
  const auto [node, name] = VariableOf(heap, root);
  PeakHolder holder = OfFrame(c, c.roots[root].frame);
  holder.variable = name;
  holder.type = c.type_name(Accumulator(heap, node));
  holder.bytes = heap.retained(node);
  const auto members = Dominated(heap, node);
  holder.objects = members.size();
  CountMembers(heap, members, holder);
  return holder;
}

// Variables of one frame that lead to the same objects: more than the biggest of them keeps alone.
std::optional<PeakHolder> Together(const Heap& heap, const FrameHolding& holding) {
  const Columns& c = heap.columns();
  u64 biggest = 0;
  PeakHolder holder = OfFrame(c, holding.frame);
  for (u32 root : holding.roots) {
    biggest = std::max(biggest, heap.retained(c.roots[root].node));
    const std::string name(c.strings.at(c.roots[root].name));
    if (!name.empty()) holder.together.push_back(name);
  }
  if (holder.together.size() < 2 || static_cast<double>(holding.bytes) < kMoreTogether * static_cast<double>(biggest))
    return std::nullopt;
  holder.variable = holder.together[0];
  holder.type = c.type_name(Accumulator(heap, c.roots[holding.roots[0]].node));
  holder.bytes = holding.bytes;
  holder.objects = holding.objects;
  CountMembers(heap, holding.members, holder);
  return holder;
}

}  // namespace

std::vector<PeakHolder> FindPeakHolders(const Heap& heap) {
  const Columns& c = heap.columns();
  std::vector<PeakHolder> out;
  std::vector<u32> told;  // frames
  for (const FrameHolding& holding : FrameHoldings(heap, kLeastPeak))
    if (auto together = Together(heap, holding); together && out.size() < kMostHolders) {
      out.push_back(std::move(*together));
      told.push_back(holding.frame);
    }
  std::vector<u32> seen;
  for (u32 root : BigLocals(heap)) {
    if (out.size() == kMostHolders) break;
    const u32 node = c.roots[root].node;
    if (std::find(seen.begin(), seen.end(), node) != seen.end()) continue;
    seen.push_back(node);
    if (std::find(told.begin(), told.end(), c.roots[root].frame) == told.end()) out.push_back(OfLocal(heap, root));
  }
  return out;
}

}  // namespace unleak::diagnose
