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
#include "graph/view.h"
#include "snapshot/columns.h"

namespace unleak::graph {

// Who keeps an object (DESIGN section 2.6). A conservative edge or root holds nothing by itself: only
// an object whose reference count counted ones do not explain is held by it, as the last resort.
enum class Population : u8 {
  kRetained = 0,   // A: reached from a named root
  kUnexplained,    // B: held only by references that nobody explains
  kGarbage,        // C: unreachable, and the collector can free it
  kUncollectable,  // U: unreachable, but in (or held by) a cycle with a member or edge that the collector cannot see
  kFrozen,         // F: unreachable, but in (or held by) a cycle with a member in the permanent generation
  kImmortal,       // I: not reached from a named root, but immortal or held by something immortal
};

// Objects whose references are counted; "explained" ones are those whose count equals what the snapshot shows, where
// conservative references fill what counted ones leave open. The surplus is what is left after both.
struct Completeness {
  u64 mortal = 0, explained = 0, surplus_objects = 0, surplus_references = 0, deficit_objects = 0;
  u64 possible_objects = 0;  // of the explained: those that need a conservative reference
  double score() const { return mortal ? static_cast<double>(explained) / static_cast<double>(mortal) : 1.0; }
};

// A step of a path: the edge from the previous node (or root) and the node that it leads to.
struct Step {
  u32 node = kNone;
  u32 label = 0;  // snapshot::Label; of the first step: unused
};

struct Path {
  u32 root = kNone;         // index into roots(); kNone with steps: an object that nobody explains, or an immortal one
  std::vector<Step> steps;  // steps[0].node is the root's node
};

// Roots as a person names them: a module in sys.modules is a root of its own ("module app.cache").
struct NamedRoot {
  u32 node = kNone;
  u8 rank = 0;  // 0 module, 1 class or static type, 2 interpreter, 3 thread, 4 frame, 5 other
  snapshot::RootKind kind = snapshot::RootKind::kInterpreter;
  std::string name;  // "module app.cache", "main thread local x of serve", "interpreter atexit callbacks"
  u32 thread = kNone, frame = kNone;
  bool conservative = false;  // a word that only looks like a reference
};

struct Component {         // a strongly connected component of at least one real cycle, in C, U or F
  std::vector<u32> nodes;  // ascending
  u64 bytes = 0;           // of its nodes
  u64 drags_bytes = 0;     // all that only it keeps alive, itself included
  u64 drags_objects = 0;
  bool outermost = false;  // nothing unreachable outside holds it
};

class Heap {
 public:
  // Takes the columns over. Fails with kCorrupt if they are inconsistent (snapshot/validate.h).
  static Result<Heap> Build(snapshot::Columns columns);

  const snapshot::Columns& columns() const { return columns_; }
  u32 node_count() const { return columns_.node_count(); }
  const std::vector<NamedRoot>& roots() const { return roots_; }

  // Sources of the edges into `node`; the edge ids are in the same order.
  std::span<const u32> in_sources(u32 node) const { return In(reverse_.source, node); }
  std::span<const u32> in_edges(u32 node) const { return In(reverse_.edge, node); }

  Population population(u32 node) const { return static_cast<Population>(population_[node]); }
  i64 surplus(u32 node) const;  // refcount minus counted references; 0 for immortal ones
  // What of the surplus conservative references do not explain either; negative: more counted references than counts.
  i64 unexplained(u32 node) const;
  // Nodes with a surplus or deficit, ascending.
  const std::vector<u32>& surplus_nodes() const { return surplus_node_; }
  const Completeness& completeness() const { return completeness_; }

  // Shortest path from a root, where lesser roots and detours count as longer (reach.h); no steps if not reached.
  Path path_to(u32 node) const;
  // kNone: a root's own node or unreached.
  u32 parent(u32 node) const { return At(reverse_.source, parent_at_[node]); }
  u32 parent_edge(u32 node) const { return At(reverse_.edge, parent_at_[node]); }  // edge id
  u32 root_of(u32 node) const { return root_[node]; }             // index into roots(), kNone if unreached

  u32 dominator(u32 node) const { return idom_[node]; }  // kNone: only the virtual root dominates it
  u64 retained(u32 node) const { return retained_[node]; }
  u32 retained_objects(u32 node) const { return dom_out_[node] - dom_in_[node] + 1; }  // in its dominator subtree
  // In the dominator tree, counted in preorder: what a node dominates has the places that follow its own.
  u32 dominator_place(u32 node) const { return dom_in_[node]; }
  // Nodes below the virtual root in their own right, ascending: those of all roots, types that only their instances
  // hold, objects with unexplained references, and where unreachable ones start. Dominators follow kHoldingEdges.
  const std::vector<u32>& entries() const { return entries_; }
  bool dominates(u32 a, u32 b) const { return dom_in_[a] <= dom_in_[b] && dom_out_[b] <= dom_out_[a]; }

  const std::vector<Component>& cycles() const { return cycles_; }  // largest drag first

  // The dict is the attributes of a module, class or instance: its keys read as attributes.
  bool is_namespace(u32 node) const { return namespaces_.test(node); }

  // "app.cache.ACTIVE[*].next": the text of a path; one step's text (".x", "['k']", "[*]", "{*}", "->"). Steps into an
  // object's __dict__ have no text; keys are shown in dicts of at most kMostKeys entries and in namespaces.
  std::string PathText(const Path& path) const;
  std::string StepText(u32 source_node, u32 label) const;
  static constexpr u64 kMostKeys = 64;

 private:
  friend class HeapBuilder;
  std::span<const u32> In(const std::vector<u32>& column, u32 node) const {
    return std::span(column).subspan(reverse_.row[node], reverse_.row[node + 1] - reverse_.row[node]);
  }
  static u32 At(const std::vector<u32>& column, u32 place) { return place == kNone ? kNone : column[place]; }

  snapshot::Columns columns_;
  std::vector<NamedRoot> roots_;
  Reverse reverse_;
  Bits namespaces_;
  std::vector<u8> population_;
  std::vector<u32> surplus_node_;  // sparse: nodes with surplus or deficit
  std::vector<i64> surplus_value_;
  std::vector<u32> surplus_possible_;
  std::vector<u32> parent_at_, root_;  // parent_at_: where in reverse_ the edge from the parent is
  std::vector<u32> entries_, idom_, dom_in_, dom_out_;
  std::vector<u64> retained_;
  std::vector<Component> cycles_;
  Completeness completeness_;
};

}  // namespace unleak::graph
