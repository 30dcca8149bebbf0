// What no root reaches, told apart: will the collector free it, can it not, or may it not (DESIGN section 2.6).
//
// Roots and surplus references have been followed before; the rest is closed: every reference to it comes from itself.
// Such a set dies but for its cycles. The collector breaks a cycle if it sees all references inside: every member is
// in its lists, and every edge inside is one that tp_traverse reports. One reference that it does not see makes a
// member look held from outside, and with it everything that the member reaches (Modules/gcmodule.c and Python/gc.c:
// subtract_refs, move_unreachable). What hangs on a freed cycle goes with it by reference counts.
#pragma once

#include <vector>

#include "graph/components.h"
#include "graph/heap.h"
#include "graph/view.h"

namespace unleak::graph {

// The subgraph of what is not reached; nodes are numbered 0.. in ascending order of their ids.
struct Unreached {
  std::vector<u32> node;  // local -> node id
  Csr csr;                // counted edges, and those conservative ones that explain a surplus
  std::vector<u32> edge;  // parallel to csr.target: edge id
  Components components;
  std::vector<u8> state;   // by component: Population (C, U or F)
  std::vector<u8> cyclic;  // by component: more than one member, or an edge to itself
};

// `soft[node]` of the nodes whose surplus is explained by conservative edges from `member` nodes. `members` ascending.
Unreached TakeUnreached(const snapshot::Columns& columns, std::vector<u32> members, const Bits& soft);

// Sets state, from the components that nothing else in the subgraph holds downwards.
void JudgeUnreached(const snapshot::Columns& columns, Unreached* unreached);

// Nodes of soft explanation that turned out not to be in a cycle through the conservative edge: held by native code.
std::vector<u32> UnconfirmedSoft(const snapshot::Columns& columns, const Unreached& unreached, const Bits& soft);

// Members, bytes, and what each cyclic component alone keeps alive; largest drag first.
std::vector<Component> FindCycles(const snapshot::Columns& columns, const Unreached& unreached);

// Nodes of the components that no other component holds: where the dominator tree of the unreached starts.
std::vector<u32> UnreachedEntries(const Unreached& unreached);

}  // namespace unleak::graph
