#include "diagnose/remedy_cut.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace unleak::diagnose {
namespace {

using graph::Heap;
using graph::Population;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr int kTellingEntry = 40;        // classes of the program, library classes, containers; not plain values
constexpr size_t kMostSampled = 32;      // kept entries whose other holder is looked for
constexpr size_t kMostSearched = 2'000;  // nodes of one search for another holder
constexpr size_t kMostSources = 256;     // holders of one node that are looked at
constexpr size_t kMostLiving = 64;       // living objects that are proof enough
constexpr size_t kLeastLiving = 3;

bool Holds(u32 label, bool with_types) {
  if (Label::Class(label) == EdgeClass::kConservative) return false;
  return with_types || (Label::Class(label) != EdgeClass::kType && Label::Kind(label) != LabelKind::kType);
}

bool IsShared(const Columns& c, u32 node) {
  const Role role = c.role_of(node);
  return (c.flags[node] & (snapshot::kImmortal | snapshot::kInterned | snapshot::kStatic)) != 0 ||
         role == Role::kType || role == Role::kModule || role == Role::kFunction || role == Role::kNone ||
         role == Role::kBool || role == Role::kCode;
}

// What the container lets go of when it is emptied: its telling entries, or all that are not shared by nature.
std::vector<u32> Entries(const Columns& c, u32 container) {
  std::vector<u32> all, telling;
  for (u32 e = c.edge_row[container]; e < c.edge_row[container + 1]; ++e) {
    const u32 to = c.edge_target[e];
    if (!Holds(c.edge_label[e], false) || IsShared(c, to)) continue;
    all.push_back(to);
    if (Telling(c, c.type[to]) >= kTellingEntry) telling.push_back(to);
  }
  return telling.empty() ? all : telling;
}

bool TreePathMeets(const Heap& heap, u32 node, u32 avoid) {
  for (u32 at = node, hops = 0; at != kNone && hops < heap.node_count(); at = heap.parent(at), ++hops)
    if (at == avoid) return true;
  return false;
}

std::string MostFrequent(const std::map<std::string, size_t>& counts) {
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::string() : most->first;
}

struct EdgeClassKey {
  u32 from_type, label, to_type;
  bool operator==(const EdgeClassKey&) const = default;
};

// Edges that mean the same in every instance of a cycle: an attribute by its owner's class, an entry whatever its
// index.
EdgeClassKey KeyOf(const Heap& heap, u32 source, u32 edge) {
  const Columns& c = heap.columns();
  const u32 owner = DictOwner(heap, source);
  const auto kind = Label::Kind(c.edge_label[edge]);
  const bool named = kind == LabelKind::kName || kind == LabelKind::kKeyName || kind == LabelKind::kLocal;
  const u32 label = Label::Pack(EdgeClass::kTraverse, kind, named ? Label::Value(c.edge_label[edge]) : 0);
  return {c.type[owner == kNone ? source : owner], label, c.type[c.edge_target[edge]]};
}

u32 SourceOf(const Columns& c, u32 edge) {
  return static_cast<u32>(std::upper_bound(c.edge_row.begin(), c.edge_row.end(), edge) - c.edge_row.begin() - 1);
}

// The edges inside a component, by the position of their ends in `nodes`.
struct Inner {
  std::vector<std::pair<u32, u32>> ends;
  std::vector<u32> edge;
};

Inner InnerEdges(const Columns& c, const std::vector<u32>& nodes, bool with_types) {
  Inner inner;
  for (u32 i = 0; i < nodes.size(); ++i)
    for (u32 e = c.edge_row[nodes[i]]; e < c.edge_row[nodes[i] + 1]; ++e) {
      if (!Holds(c.edge_label[e], with_types)) continue;
      const auto to = std::lower_bound(nodes.begin(), nodes.end(), c.edge_target[e]);
      if (to == nodes.end() || *to != c.edge_target[e]) continue;
      inner.ends.emplace_back(i, static_cast<u32>(to - nodes.begin()));
      inner.edge.push_back(e);
    }
  return inner;
}

// Nodes that stay when those without an edge in, or without one out, are taken away again and again (Kahn, both ways).
u32 LeftInCycles(size_t count, const Inner& inner, const std::vector<bool>& cut) {
  std::vector<bool> gone(count);
  u32 left = static_cast<u32>(count);
  for (const bool forward : {true, false}) {
    std::vector<std::vector<u32>> next(count);
    std::vector<u32> degree(count), free;
    for (size_t i = 0; i < inner.ends.size(); ++i) {
      auto [from, to] = inner.ends[i];
      if (!forward) std::swap(from, to);
      if (cut[i] || gone[from] || gone[to]) continue;
      next[from].push_back(to);
      ++degree[to];
    }
    for (u32 n = 0; n < count; ++n)
      if (!gone[n] && degree[n] == 0) free.push_back(n);
    while (!free.empty()) {
      const u32 node = free.back();
      free.pop_back();
      gone[node] = true;
      --left;
      for (u32 to : next[node])
        if (--degree[to] == 0) free.push_back(to);
    }
  }
  return left;
}

u32 AttributeOf(const Columns& c, u32 node, const std::string& name) {
  const u32 direct = Member(c, node, name);
  if (direct != kNone) return direct;
  const u32 dict = Member(c, node, "__dict__");
  return dict == kNone ? kNone : Member(c, dict, name);
}

// Whether the shortest path to `node` goes through that attribute of an object of one of these types.
bool UsesAttribute(const Heap& heap, u32 node, const std::vector<bool>& types, const std::string& attribute) {
  const Columns& c = heap.columns();
  u32 hops = 0;
  for (u32 at = node; heap.parent(at) != kNone && hops < heap.node_count(); at = heap.parent(at), ++hops) {
    const u32 label = c.edge_label[heap.parent_edge(at)];
    if (Label::Kind(label) != LabelKind::kName && Label::Kind(label) != LabelKind::kKeyName) continue;
    if (c.strings.at(Label::Value(label)) != attribute) continue;
    const u32 owner = DictOwner(heap, heap.parent(at));
    if (types[c.type[owner == kNone ? heap.parent(at) : owner]]) return true;
  }
  return false;
}

}  // namespace

std::string OtherHolder(const Heap& heap, u32 node, u32 avoid) {
  const Columns& c = heap.columns();
  std::vector<u32> queue{node};
  std::unordered_set<u32> seen{node, avoid};
  for (size_t head = 0; head < queue.size() && queue.size() < kMostSearched; ++head) {
    const auto sources = heap.in_sources(queue[head]);
    const auto edges = heap.in_edges(queue[head]);
    for (size_t i = 0; i < sources.size() && i < kMostSources; ++i) {
      const u32 source = sources[i];
      if (!Holds(c.edge_label[edges[i]], false) || heap.population(source) != Population::kRetained) continue;
      if (heap.dominates(avoid, source) || heap.dominates(node, source) || !seen.insert(source).second) continue;
      if (!TreePathMeets(heap, source, avoid)) {
        graph::Path path = heap.path_to(source);
        path.steps.push_back({queue[head], c.edge_label[edges[i]]});
        return heap.PathText(path);
      }
      queue.push_back(source);
    }
  }
  return {};
}

Cut CutEntries(const Heap& heap, u32 container) {
  Cut cut;
  cut.frees = heap.retained(container);
  std::map<std::string, size_t> holders;
  size_t sampled = 0;
  for (u32 entry : Entries(heap.columns(), container)) {
    ++cut.entries;
    if (heap.dominates(container, entry) || heap.population(entry) != Population::kRetained) continue;
    ++cut.kept;
    if (sampled++ >= kMostSampled) continue;
    if (std::string holder = OtherHolder(heap, entry, container); !holder.empty()) ++holders[holder];
  }
  cut.kept_by = MostFrequent(holders);
  return cut;
}

Cut CutEdge(const Heap& heap, u32 owner, u32 target) {
  Cut cut;
  cut.entries = 1;
  if (heap.dominates(owner, target)) {
    cut.frees = heap.retained(target);
    return cut;
  }
  cut.kept = 1;
  cut.kept_by = OtherHolder(heap, target, owner);
  return cut;
}

std::vector<CycleCut> CutsOfCycle(const Heap& heap, const std::vector<u32>& nodes, const std::vector<u32>& edges,
                                  bool with_types) {
  const Columns& c = heap.columns();
  const Inner inner = InnerEdges(c, nodes, with_types);
  std::vector<CycleCut> cuts;
  for (u32 edge : edges) {
    const EdgeClassKey wanted = KeyOf(heap, SourceOf(c, edge), edge);
    std::vector<bool> cut(inner.edge.size());
    std::unordered_set<u32> sources, targets;
    for (size_t i = 0; i < inner.edge.size(); ++i) {
      const auto [from, to] = inner.ends[i];
      if (inner.edge[i] != edge && !(KeyOf(heap, nodes[from], inner.edge[i]) == wanted)) continue;
      cut[i] = true;
      sources.insert(from);
      targets.insert(to);
    }
    cuts.push_back(
        {LeftInCycles(nodes.size(), inner, cut), static_cast<u32>(sources.size()), static_cast<u32>(targets.size())});
  }
  return cuts;
}

size_t BestCut(const Columns& c, const std::vector<u32>& edges, const std::vector<CycleCut>& cuts) {
  const auto rank = [&](size_t i) {
    const auto kind = Label::Kind(c.edge_label[edges[i]]);
    const u32 source = SourceOf(c, edges[i]);
    const bool named = kind == LabelKind::kName || kind == LabelKind::kKeyName || kind == LabelKind::kLocal;
    const Role role = c.role_of(source);
    // What the interpreter itself ties together (a method and its self, a traceback and its frame) cannot be cut by an
    // assignment.
    const bool native_member = kind == LabelKind::kName && !c.types[c.type[source]].heap &&
                               role != Role::kInstance && role != Role::kCell && role != Role::kFrame &&
                               role != Role::kModule;  // such as datetime.tzinfo, which is read-only
    const bool fixed = role == Role::kMethod || role == Role::kTraceback || role == Role::kException ||
                       role == Role::kFunction || role == Role::kType || role == Role::kBuiltinFunction ||
                       role == Role::kTuple || native_member;
    const double fan =
        cuts[i].targets ? static_cast<double>(cuts[i].sources) / static_cast<double>(cuts[i].targets) : 0.0;
    return std::tuple(cuts[i].left, fixed, !named, -fan);
  };
  size_t best = 0;
  for (size_t i = 1; i < edges.size() && i < cuts.size(); ++i)
    if (rank(i) <= rank(best)) best = i;  // of equals the last: it closes the circle
  return best;
}

bool AlwaysHeldElsewhere(const Heap& heap, const std::string& type, const std::string& attribute) {
  const Columns& c = heap.columns();
  std::vector<bool> wanted(c.types.size());
  for (size_t t = 0; t < c.types.size(); ++t) wanted[t] = c.strings.at(c.types[t].name) == type;
  size_t living = 0;
  for (u32 node = 0; node < heap.node_count() && living < kMostLiving; ++node) {
    if (!wanted[c.type[node]] || heap.population(node) != Population::kRetained) continue;
    const u32 target = AttributeOf(c, node, attribute);
    if (target == kNone || IsShared(c, target)) continue;
    if (heap.population(target) != Population::kRetained || UsesAttribute(heap, target, wanted, attribute))
      return false;
    ++living;
  }
  return living >= kLeastLiving;
}

}  // namespace unleak::diagnose
