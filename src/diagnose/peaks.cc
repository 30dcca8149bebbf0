#include "diagnose/peaks.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "diagnose/frame_holdings.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;

constexpr size_t kMostHolders = 8, kMostCallers = 6;
constexpr double kMoreTogether = 1.25;  // times what one variable keeps
constexpr double kSameThing = 0.7;      // a child with this share of its parent is the thing itself (MAT's drop rule)

// From a local down to where the bytes are: while one dominated child has most of them.
u32 Accumulator(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  for (int depth = 0; depth < 32; ++depth) {
    u32 biggest = kNone;
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 to = c.edge_target[e];
      if (heap.dominator(to) == node && (biggest == kNone || heap.retained(to) > heap.retained(biggest))) biggest = to;
    }
    if (biggest == kNone ||
        static_cast<double>(heap.retained(biggest)) < kSameThing * static_cast<double>(heap.retained(node)))
      break;
    node = biggest;
  }
  return node;
}

// The frames that called `frame`, nearest first: while a library reads, the line that asked for it is one of theirs.
Json Callers(const Columns& c, u32 frame) {
  Json out = Json::array();
  for (u32 f = frame + 1;
       f < c.frames.size() && out.size() < kMostCallers && c.frames[f].thread == c.frames[frame].thread; ++f)
    if (const u32 code = c.frames[f].code; code < c.codes.size())
      out.push_back({{"file", c.strings.at(c.codes[code].file)},
                     {"line", c.frames[f].line},
                     {"function", c.strings.at(c.codes[code].qualname)}});
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

// The thing itself is named first.
void TakeTypes(std::vector<TypeCount> types, PeakHolder& holder) {
  holder.types = std::move(types);
  std::stable_partition(holder.types.begin(), holder.types.end(),
                        [&](const TypeCount& t) { return t.type == holder.type; });
}

struct Held {
  u32 node, frame;
  std::string name;  // "": a value on its way, on the evaluation stack or in native code
};

bool IsFrameObject(const Columns& c, u32 node) { return c.role_of(node) == snapshot::Role::kFrame; }

// The innermost frame of a thread: what its native code does, it was asked to do there. kNone if it runs no Python.
u32 RunningFrame(const Columns& c, u32 thread) {
  for (u32 f = 0; f < c.frames.size(); ++f)
    if (c.frames[f].thread == thread) return f;
  return kNone;
}

// A word that looks like a reference counts where nothing else explains the count of what it leads to: a slot of a
// frame that is running (before 3.12 nobody says how deep its stack is), a word on the C stack.
std::optional<Held> HeldBy(const Heap& heap, const snapshot::Root& root) {
  const Columns& c = heap.columns();
  if (root.node >= c.node_count() || heap.retained(root.node) < kLeastPeak) return std::nullopt;
  if (root.conservative && (heap.surplus(root.node) <= 0 || heap.dominator(root.node) != kNone)) return std::nullopt;
  u32 frame = kNone;
  if (root.kind == snapshot::RootKind::kFrame) frame = root.frame;
  if (root.kind == snapshot::RootKind::kThread && root.conservative) frame = RunningFrame(c, root.thread);
  if (frame >= c.frames.size()) return std::nullopt;
  return Held{root.node, frame, root.conservative ? std::string() : std::string(c.strings.at(root.name))};
}

// Locals by what they keep alive; of one object first variables before values without a name, then the outermost frame
// that holds it: it holds it longest.
std::vector<Held> BigLocals(const Heap& heap) {
  const Columns& c = heap.columns();
  std::vector<Held> held;
  for (const auto& root : c.roots)
    if (auto found = HeldBy(heap, root)) held.push_back(std::move(*found));
  std::stable_sort(held.begin(), held.end(), [&](const Held& a, const Held& b) {
    const auto key = [&](const Held& h) {
      return std::tuple(heap.retained(h.node), h.node, IsFrameObject(c, h.node) || !h.name.empty(),
                        c.frames[h.frame].depth);
    };
    return key(a) > key(b);
  });
  return held;
}

struct Variable {
  u32 node;
  std::string name;
};

// What a frame holds there. Before 3.11 a running frame is an object and its variables are references of it: then the
// one that has most of what it keeps.
Variable VariableOf(const Heap& heap, const Held& held) {
  const Columns& c = heap.columns();
  Variable variable{held.node, held.name};
  const u32 frame = variable.node;
  if (!IsFrameObject(c, frame)) return variable;
  for (u32 e = c.edge_row[frame]; e < c.edge_row[frame + 1]; ++e) {
    const u32 to = c.edge_target[e];
    if (heap.dominator(to) != frame || (variable.node != frame && heap.retained(to) <= heap.retained(variable.node)))
      continue;
    if (static_cast<double>(heap.retained(to)) < kSameThing * static_cast<double>(heap.retained(frame))) continue;
    const std::string step = heap.StepText(frame, c.edge_label[e]);
    variable = {to, step.substr(std::min(step.find_first_not_of(". "), step.size()))};
  }
  return variable;
}

PeakHolder OfLocal(const Heap& heap, const Held& held) {
  const Columns& c = heap.columns();
  const auto [node, name] = VariableOf(heap, held);
  PeakHolder holder = OfFrame(c, held.frame);
  holder.variable = name;
  holder.type = c.type_name(Accumulator(heap, node));
  holder.bytes = heap.retained(node);
  holder.objects = heap.retained_objects(node);
  TakeTypes(CountDominated(heap, node), holder);
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
  TakeTypes(holding.types, holder);
  return holder;
}

// All that no reference explains, where it is much: what native code is making, asked for by the line that the only
// thread with Python frames runs.
std::optional<PeakHolder> HeldByNobody(const Heap& heap) {
  const Columns& c = heap.columns();
  TypeCounter members(heap);
  u64 objects = 0, bytes = 0;
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (heap.population(n) == graph::Population::kUnexplained) {
      members.Add(n);
      ++objects;
      bytes += c.size_of(n);
    }
  const bool one_thread =
      std::all_of(c.frames.begin(), c.frames.end(), [&](const auto& f) { return f.thread == c.frames[0].thread; });
  if (bytes < kLeastPeak || c.frames.empty() || !one_thread) return std::nullopt;
  PeakHolder holder = OfFrame(c, 0);
  holder.bytes = bytes;
  holder.objects = objects;
  holder.types = members.Counts();
  holder.type = holder.types[0].type;
  return holder;
}

}  // namespace

std::vector<PeakHolder> FindPeakHolders(const Heap& heap) {
  std::vector<PeakHolder> out;
  std::vector<u32> told;  // frames
  for (const FrameHolding& holding : FrameHoldings(heap, kLeastPeak))
    if (auto together = Together(heap, holding); together && out.size() < kMostHolders) {
      out.push_back(std::move(*together));
      told.push_back(holding.frame);
    }
  std::vector<u32> seen;
  for (const Held& held : BigLocals(heap)) {
    if (out.size() == kMostHolders) break;
    if (std::find(seen.begin(), seen.end(), held.node) != seen.end()) continue;
    seen.push_back(held.node);
    if (std::find(told.begin(), told.end(), held.frame) == told.end()) out.push_back(OfLocal(heap, held));
  }
  if (auto native = HeldByNobody(heap); native && out.size() < kMostHolders) out.push_back(std::move(*native));
  return out;
}

}  // namespace unleak::diagnose
