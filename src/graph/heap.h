// The heap graph of one look: reverse edges, ranked roots, populations, shortest paths, strongly connected
// components, dominators, retained sizes. Built once, then read only (any number of threads).
//
// All algorithms are iterative (chains of millions of nodes are real) and work on u32 columns. Edges that do not
// hold anything are left out of reachability: conservative ones prove nothing, and an edge to the own heap type
// (EdgeClass::kType or LabelKind::kType) holds the type but is skipped for paths and dominators, or every class
// would retain noise. Sources: semi-NCA after Georgiadis, "Linear-Time Algorithms for Dominators and Related
// Problems" (2005); SCC after Tarjan (1972).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "snapshot/columns.h"

namespace unleak::graph {

// Who keeps an object (DESIGN section 2.6).
enum class Population : u8 {
  kRetained = 0,    // A: reached from a named root
  kUnexplained,     // B: held only by references that nobody explains
  kGarbage,         // C: unreachable, and the collector can free it
  kUncollectable,   // U: unreachable with a member or edge that the collector cannot see
  kFrozen,          // F: unreachable, in the permanent generation
  kImmortal,        // I: immortal and not reached from a named root
};

struct Completeness {
  u64 mortal = 0, explained = 0, surplus_objects = 0, surplus_references = 0, deficit_objects = 0;
  double score() const { return mortal ? static_cast<double>(explained) / static_cast<double>(mortal) : 1.0; }
};

// A step of a path: the edge from the previous node (or root) and the node that it leads to.
struct Step {
  u32 node = kNone;
  u32 label = 0;   // snapshot::Label; of the first step: unused
};

struct Path {
  u32 root = kNone;            // index into roots()
  std::vector<Step> steps;     // steps[0].node is the root's node
};

// Roots as a person names them: a module in sys.modules is a root of its own ("module app.cache").
struct NamedRoot {
  u32 node = kNone;
  u8 rank = 0;                 // 0 module, 1 class or static type, 2 interpreter, 3 thread, 4 frame, 5 other
  snapshot::RootKind kind = snapshot::RootKind::kInterpreter;
  std::string name;            // "module app.cache", "thread 7 local x of serve", "interpreter atexit callbacks"
  u32 thread = kNone, frame = kNone;
};

struct Component {             // a strongly connected component of at least one real cycle, in C, U or F
  std::vector<u32> nodes;      // ascending
  u64 bytes = 0;               // of its nodes
  u64 drags_bytes = 0;         // all that only it keeps alive, itself included
  u64 drags_objects = 0;
};

class Heap {
 public:
  // Takes the columns over. Fails with kCorrupt if they are inconsistent, kExhausted if too large.
  static Result<Heap> Build(snapshot::Columns columns);

  const snapshot::Columns& columns() const { return columns_; }
  u32 node_count() const { return columns_.node_count(); }
  const std::vector<NamedRoot>& roots() const { return roots_; }

  // Sources of the edges into `node`; the edge ids are in the same order.
  std::span<const u32> in_sources(u32 node) const;
  std::span<const u32> in_edges(u32 node) const;

  Population population(u32 node) const { return static_cast<Population>(population_[node]); }
  i64 surplus(u32 node) const;                    // refcount minus counted references; 0 for immortal ones
  const Completeness& completeness() const { return completeness_; }

  // Shortest path by root rank, then depth, then a stable order; empty if not reached.
  Path path_to(u32 node) const;
  u32 parent(u32 node) const { return parent_[node]; }             // kNone: a root's own node or unreached
  u32 parent_edge(u32 node) const { return parent_edge_[node]; }   // edge id, kNone likewise
  u32 root_of(u32 node) const { return root_[node]; }              // index into roots(), kNone if unreached

  u32 dominator(u32 node) const { return idom_[node]; }  // kNone: only the virtual root dominates it
  u64 retained(u32 node) const { return retained_[node]; }
  u32 retained_objects(u32 node) const;                  // members of its dominator subtree
  bool dominates(u32 a, u32 b) const { return dom_in_[a] <= dom_in_[b] && dom_out_[b] <= dom_out_[a]; }

  const std::vector<Component>& cycles() const { return cycles_; }

  // "app.cache.ACTIVE[*].next": the text of a path; one step's text (".x", "['k']", "[*]", "{*}").
  std::string PathText(const Path& path) const;
  std::string StepText(u32 source_node, u32 label) const;

 private:
  friend class HeapBuilder;
  snapshot::Columns columns_;
  std::vector<NamedRoot> roots_;
  std::vector<u32> in_row_, in_source_, in_edge_;
  std::vector<u8> population_;
  std::vector<u32> surplus_node_;   // sparse: nodes with surplus or deficit
  std::vector<i64> surplus_value_;
  std::vector<u32> parent_, parent_edge_, root_;
  std::vector<u32> idom_, dom_in_, dom_out_;
  std::vector<u64> retained_;
  std::vector<Component> cycles_;
  Completeness completeness_;
};

}  // namespace unleak::graph
