#include "graph/population.h"

#include <algorithm>

#include "graph/dominators.h"

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;

constexpr u8 kGarbage = static_cast<u8>(Population::kGarbage);
constexpr u8 kUncollectable = static_cast<u8>(Population::kUncollectable);
constexpr u8 kFrozen = static_cast<u8>(Population::kFrozen);

// Visits the edges between different components and those within one.
template <class Visit>
void ForEachEdge(const Unreached& u, Visit visit) {
  for (u32 n = 0; n < u.node.size(); ++n)
    for (u32 e = u.csr.row[n]; e < u.csr.row[n + 1]; ++e) visit(n, u.csr.target[e], u.edge[e]);
}

void FindCyclic(Unreached* u) {
  std::vector<u8> seen(u->components.count, 0);
  u->cyclic.assign(u->components.count, 0);
  for (u32 component : u->components.of) {
    if (seen[component]) u->cyclic[component] = 1;
    seen[component] = 1;
  }
  ForEachEdge(*u, [&](u32 from, u32 to, u32) {
    if (from == to) u->cyclic[u->components.of[from]] = 1;
  });
}

// A link of an lru_cache is no collected object, but the cache's traverse reports its key and value in its place.
bool SeenThroughCache(const Columns& c, u32 node) { return c.role_of(node) == snapshot::Role::kLruLink; }

// What each cyclic component is by its own members and edges.
void JudgeCycles(const Columns& c, Unreached* u) {
  const auto& of = u->components.of;
  u->state.assign(u->components.count, kGarbage);
  ForEachEdge(*u, [&](u32 from, u32 to, u32 edge) {
    if (of[from] == of[to] && !kCollectorEdges.has(c.edge_label[edge]) && !SeenThroughCache(c, u->node[from]))
      u->state[of[from]] = kUncollectable;
  });
  for (u32 n = 0; n < u->node.size(); ++n)
    if (u->cyclic[of[n]] && !(c.flags[u->node[n]] & snapshot::kTracked) && !SeenThroughCache(c, u->node[n]))
      u->state[of[n]] = kUncollectable;
  for (u32 n = 0; n < u->node.size(); ++n)
    if (u->cyclic[of[n]] && c.flags[u->node[n]] & snapshot::kFrozen) u->state[of[n]] = kFrozen;
}

// The nodes of each component: ids [row[k], row[k + 1]) of the result's target, ascending by node.
Csr MembersOf(const Unreached& u) {
  Csr members;
  members.row.assign(u.components.count + 1, 0);
  for (u32 component : u.components.of) ++members.row[component + 1];
  for (u32 k = 0; k < u.components.count; ++k) members.row[k + 1] += members.row[k];
  members.target.resize(u.node.size());
  std::vector<u32> next(members.row.begin(), members.row.end() - 1);
  for (u32 n = 0; n < u.node.size(); ++n) members.target[next[u.components.of[n]]++] = n;
  return members;
}

// One node a component; edges inside components are left out.
Csr Condense(const Unreached& u, const Csr& members) {
  Csr out;
  out.row.reserve(u.components.count + 1);
  for (u32 k = 0; k < u.components.count; ++k) {
    for (u32 i = members.row[k]; i < members.row[k + 1]; ++i) {
      const u32 n = members.target[i];
      for (u32 e = u.csr.row[n]; e < u.csr.row[n + 1]; ++e)
        if (const u32 to = u.components.of[u.csr.target[e]]; to != k) out.target.push_back(to);
    }
    out.row.push_back(static_cast<u32>(out.target.size()));
  }
  return out;
}

std::vector<u32> Sources(const Csr& condensed) {
  Bits held(static_cast<u32>(condensed.row.size()));
  for (u32 to : condensed.target) held.set(to);
  std::vector<u32> out;
  for (u32 k = 0; k + 1 < condensed.row.size(); ++k)
    if (!held.test(k)) out.push_back(k);
  return out;
}

}  // namespace

Unreached TakeUnreached(const Columns& c, std::vector<u32> members, const Bits& soft) {
  Unreached u;
  u.node = std::move(members);
  std::vector<u32> local(u.node.empty() ? 0 : c.node_count(), kNone);
  for (u32 n = 0; n < u.node.size(); ++n) local[u.node[n]] = n;
  u.csr.row.reserve(u.node.size() + 1);
  size_t most = 0;
  for (u32 node : u.node) most += c.edge_row[node + 1] - c.edge_row[node];
  u.csr.target.reserve(most);
  u.edge.reserve(most);
  for (u32 node : u.node) {
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 to = c.edge_target[e];
      if (local[to] == kNone || !(kCountedEdges.has(c.edge_label[e]) || soft.test(to))) continue;
      u.csr.target.push_back(local[to]);
      u.edge.push_back(e);
    }
    u.csr.row.push_back(static_cast<u32>(u.csr.target.size()));
  }
  u.components = StronglyConnected(u.csr.row, u.csr.target);
  FindCyclic(&u);
  return u;
}

void JudgeUnreached(const Columns& c, Unreached* u) {
  JudgeCycles(c, u);
  const Csr members = MembersOf(*u);
  // From holders to held: an edge leads to a lower component number. What is held by something that stays, stays.
  for (u32 k = u->components.count; k-- > 0;) {
    if (u->state[k] == kGarbage) continue;
    for (u32 i = members.row[k]; i < members.row[k + 1]; ++i) {
      const u32 n = members.target[i];
      for (u32 e = u->csr.row[n]; e < u->csr.row[n + 1]; ++e) {
        u8& held = u->state[u->components.of[u->csr.target[e]]];
        if (held == kGarbage) held = u->state[k];
      }
    }
  }
}

std::vector<u32> UnconfirmedSoft(const Columns& c, const Unreached& u, const Bits& soft) {
  Bits confirmed(static_cast<u32>(u.node.size()));
  ForEachEdge(u, [&](u32 from, u32 to, u32 edge) {
    if (!kCountedEdges.has(c.edge_label[edge]) && u.components.of[from] == u.components.of[to]) confirmed.set(to);
  });
  std::vector<u32> out;
  for (u32 n = 0; n < u.node.size(); ++n)
    if (soft.test(u.node[n]) && !confirmed.test(n)) out.push_back(u.node[n]);
  return out;
}

std::vector<Component> FindCycles(const Columns& c, const Unreached& u) {
  std::vector<Component> out;
  if (std::find(u.cyclic.begin(), u.cyclic.end(), 1) == u.cyclic.end()) return out;
  const Csr members = MembersOf(u), condensed = Condense(u, members);
  const Reverse reverse = MakeReverse(condensed.row, condensed.target);
  std::vector<u32> entries = Sources(condensed);
  const Bits held_by_none = [&] {
    Bits bits(u.components.count);
    for (u32 k : entries) bits.set(k);
    return bits;
  }();
  const DominatorTree tree =
      Dominators({condensed.row, condensed.target, {}, reverse.row, reverse.source, reverse.edge, {}}, &entries);
  std::vector<u64> bytes(u.components.count, 0), objects(u.components.count, 0);
  for (u32 n = 0; n < u.node.size(); ++n) {
    bytes[u.components.of[n]] += c.size_of(u.node[n]);
    ++objects[u.components.of[n]];
  }
  const std::vector<u64> drags_bytes = SubtreeSums(tree, bytes), drags_objects = SubtreeSums(tree, std::move(objects));
  for (u32 k = u.components.count; k-- > 0;) {
    if (!u.cyclic[k]) continue;
    Component cycle{{}, bytes[k], drags_bytes[k], drags_objects[k], held_by_none.test(k)};
    for (u32 i = members.row[k]; i < members.row[k + 1]; ++i) cycle.nodes.push_back(u.node[members.target[i]]);
    out.push_back(std::move(cycle));
  }
  std::stable_sort(out.begin(), out.end(), [](const Component& a, const Component& b) {
    return a.drags_bytes != b.drags_bytes ? a.drags_bytes > b.drags_bytes : a.nodes[0] < b.nodes[0];
  });
  return out;
}

std::vector<u32> UnreachedEntries(const Unreached& u) {
  std::vector<u8> held(u.components.count, 0);
  ForEachEdge(u, [&](u32 from, u32 to, u32) {
    if (u.components.of[from] != u.components.of[to]) held[u.components.of[to]] = 1;
  });
  std::vector<u32> out;
  for (u32 n = 0; n < u.node.size(); ++n)
    if (!held[u.components.of[n]]) out.push_back(u.node[n]);
  return out;
}

}  // namespace unleak::graph
