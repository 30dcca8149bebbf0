#include "diagnose/cycles.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "diagnose/opaque.h"
#include "diagnose/remedy_cut.h"

namespace unleak::diagnose {
namespace {

using graph::Component;
using graph::Heap;
using graph::Population;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr size_t kMostTypes = 12;     // of a shape's key
constexpr size_t kMostMembers = 24;   // code objects that are named
constexpr size_t kMostNodes = 50'000;  // of one component that are looked at for its description

std::string ShapeKey(const Columns& c, const Component& cycle) {
  std::set<std::string_view> names;
  for (u32 n : cycle.nodes) names.insert(c.type_name(n));
  std::string key;
  size_t count = 0;
  for (auto name : names) {
    if (++count > kMostTypes) break;
    key.append(name).push_back('|');
  }
  return key;
}

bool Holds(u32 label, bool with_type_edges, bool conservative) {
  if (Label::Class(label) == EdgeClass::kConservative) return conservative;
  return with_type_edges || (Label::Class(label) != EdgeClass::kType && Label::Kind(label) != LabelKind::kType);
}

// Edge ids of a shortest cycle through `start` within `members` (sorted); empty if there is none.
std::vector<u32> ShortestCycle(const Columns& c, const std::vector<u32>& members, u32 start, bool with_type_edges,
                               bool conservative = false) {
  std::unordered_map<u32, u32> came_by;  // node -> edge id that reached it
  std::unordered_map<u32, u32> came_from;
  std::vector<u32> queue{start};
  for (size_t head = 0; head < queue.size() && queue.size() < kMostNodes; ++head) {
    const u32 node = queue[head];
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 to = c.edge_target[e];
      if (!Holds(c.edge_label[e], with_type_edges, conservative) || !std::binary_search(members.begin(), members.end(), to)) continue;
      if (to == start) {
        std::vector<u32> edges{e};
        for (u32 at = node; at != start; at = came_from[at]) edges.push_back(came_by[at]);
        std::reverse(edges.begin(), edges.end());
        return edges;
      }
      if (came_by.emplace(to, e).second) {
        came_from[to] = node;
        queue.push_back(to);
      }
    }
  }
  return {};
}

u32 SourceOf(const Columns& c, u32 edge) {
  return static_cast<u32>(std::upper_bound(c.edge_row.begin(), c.edge_row.end(), edge) - c.edge_row.begin() - 1);
}

std::string EdgeText(const Heap& heap, u32 source, u32 label) {
  const Columns& c = heap.columns();
  const auto name = std::string(c.strings.at(Label::Value(label)));
  switch (Label::Kind(label)) {
    case LabelKind::kName: return "." + name;
    case LabelKind::kKeyName: return DictOwner(heap, source) != kNone ? "." + name : "['" + name + "']";
    case LabelKind::kLocal: return " local " + name;
    case LabelKind::kKeyNode: return "{*}";
    case LabelKind::kKey: return "{key}";
    case LabelKind::kType: return ".__class__";
    default: return "[*]";
  }
}

// The edges of the cycle as a person sees them: an instance's dict is folded into the instance. `shown` gets their ids.
Json DescribeEdges(const Heap& heap, const std::vector<u32>& edges, std::vector<u32>& shown) {
  const Columns& c = heap.columns();
  Json out = Json::array();
  std::vector<bool> folded(edges.size());
  auto is_dict_edge = [&](size_t i) {
    const u32 to = c.edge_target[edges[i]];
    return DictOwner(heap, to) == SourceOf(c, edges[i]) && c.role_of(to) == Role::kDict;
  };
  for (size_t i = 0; i < edges.size(); ++i) {
    if (edges.size() > 1 && is_dict_edge(i)) continue;  // shown by the edge that leaves the dict
    const u32 source = SourceOf(c, edges[i]), target = c.edge_target[edges[i]];
    const u32 owner = DictOwner(heap, source);
    const size_t before = (i + edges.size() - 1) % edges.size();
    const u32 from = owner != kNone && edges.size() > 1 && is_dict_edge(before) ? owner : source;
    Json edge = {{"from", c.type_name(from)}, {"edge", EdgeText(heap, source, c.edge_label[edges[i]])},
                 {"to", c.type_name(target)}, {"at", nullptr}};
    if (std::find(out.begin(), out.end(), edge) != out.end()) continue;
    out.push_back(std::move(edge));
    shown.push_back(edges[i]);
  }
  return out;
}

Json MemberCode(const Heap& heap, const std::vector<u32>& nodes) {
  const Columns& c = heap.columns();
  Json out = Json::array();
  std::set<u32> seen;
  for (Role role : {Role::kFrame, Role::kGenerator, Role::kCoroutine, Role::kAsyncGenerator, Role::kFunction, Role::kMethod})
    for (size_t i = 0; i < nodes.size() && i < kMostNodes && out.size() < kMostMembers; ++i) {
      if (c.role_of(nodes[i]) != role) continue;
      const u32 code = CodeOf(heap, nodes[i]);
      if (code == kNone || !seen.insert(code).second) continue;
      out.push_back({{"file", c.strings.at(c.codes[code].file)}, {"line", c.codes[code].first_line},
                     {"function", c.strings.at(c.codes[code].qualname)}, {"role", role == Role::kFrame ? "frame" : "code"}});
    }
  return out;
}

// Most telling first; where a traceback is part of it, the exception, its traceback and the frame come first.
std::vector<TypeCount> Types(const Heap& heap, const std::vector<u32>& nodes) {
  const Columns& c = heap.columns();
  auto counts = CountTypes(heap, nodes);
  std::set<std::string> first;
  bool traceback = false;
  for (u32 n : nodes) {
    const Role role = c.role_of(n);
    traceback |= role == Role::kTraceback;
    if (role == Role::kException || role == Role::kTraceback || role == Role::kFrame) first.insert(std::string(c.type_name(n)));
  }
  if (traceback) std::stable_partition(counts.begin(), counts.end(), [&](const TypeCount& t) { return first.count(t.type) > 0; });
  return counts;
}

Json Describe(const Heap& heap, const Component& cycle) {
  const Columns& c = heap.columns();
  std::vector<u32> by_telling(cycle.nodes.begin(), cycle.nodes.begin() + static_cast<std::ptrdiff_t>(std::min(cycle.nodes.size(), kMostNodes)));
  std::stable_sort(by_telling.begin(), by_telling.end(),
                   [&](u32 a, u32 b) { return Telling(c, c.type[a]) > Telling(c, c.type[b]); });
  std::vector<u32> edges, shown;
  bool through_types = false;
  for (bool with_types : {false, true})
    for (size_t i = 0; edges.empty() && i < by_telling.size() && i < 16; ++i) {
      edges = ShortestCycle(c, cycle.nodes, by_telling[i], with_types);
      through_types = with_types;
    }
  for (size_t i = 0; edges.empty() && i < by_telling.size() && i < 16; ++i)  // closed by what nobody reports
    edges = ShortestCycle(c, cycle.nodes, by_telling[i], false, true);
  const Json described = DescribeEdges(heap, edges, shown);
  const auto cuts = CutsOfCycle(heap, cycle.nodes, shown, through_types);
  const size_t cut = BestCut(c, shown, cuts);
  return {{"edges", described}, {"what", ToJson(Types(heap, cycle.nodes), 12)}, {"members", MemberCode(heap, cycle.nodes)},
          {"cut", cut}, {"left", cut < cuts.size() ? cuts[cut].left : 0}};
}

}  // namespace

std::map<std::string, CycleShape> FoldCycles(const Heap& heap) {
  std::map<std::string, CycleShape> shapes;
  for (const Component& cycle : heap.cycles()) {
    if (heap.population(cycle.nodes[0]) == Population::kFrozen) continue;
    const bool uncollectable = heap.population(cycle.nodes[0]) == Population::kUncollectable;
    CycleShape& shape = shapes[(uncollectable ? "!" : "") + ShapeKey(heap.columns(), cycle)];
    if (shape.instances++ == 0) {
      shape.description = Describe(heap, cycle);
      if (uncollectable) shape.description["opaque"] = OpaqueLink(heap, cycle);
    }
    shape.objects += cycle.nodes.size();
    shape.bytes += cycle.bytes;
    shape.drags_bytes += cycle.drags_bytes;
    shape.drags_objects += cycle.drags_objects;
    shape.outermost |= cycle.outermost;
    shape.uncollectable = uncollectable;
  }
  return shapes;
}

}  // namespace unleak::diagnose
