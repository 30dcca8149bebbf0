// From the snapshot's roots to roots as a person names them, and in which order paths start at them.
#pragma once

#include <vector>

#include "graph/heap.h"
#include "graph/reach.h"

namespace unleak::graph {

// Which of a module's names, strings and dicts mean what; read from the columns once.
struct NameSets {
  explicit NameSets(const snapshot::StringTable& strings);
  bool dict(u32 label) const { return Has(label, kDict); }        // "__dict__" of an instance, module or class
  bool globals(u32 label) const { return Has(label, kGlobals); }  // function -> globals of its module
  std::vector<u8> late() const;                                   // by string id: ReachRules::late_name

 private:
  enum : u8 { kDict = 1, kGlobals = 2, kLate = 4 };
  bool Has(u32 label, u8 what) const;
  std::vector<u8> flags_;
};

// Dicts that are the attributes of an object: of a module, class or instance. Their keys read as ".name".
Bits FindNamespaces(const snapshot::Columns& columns, const NameSets& names);

struct RootPlan {
  std::vector<NamedRoot> roots;
  std::vector<Seed> named, late, frames;  // for kNamedPhase, kLatePhase, kFramePhase
  std::vector<Seed> possible;             // conservative roots, ascending by node
  ReachRules rules;
};

// Modules of the program come first (no file of theirs lies in a lib/python3.x, site-packages or dist-packages folder),
// then installed ones, then the standard library's; among equals submodules before their package (which imports from
// them), __main__ last, then the one that was imported last. A class or function that a module imported from another
// one is delayed, so that its home names it.
RootPlan PlanRoots(const snapshot::Columns& columns, const Reverse& reverse, const NameSets& names);

}  // namespace unleak::graph
