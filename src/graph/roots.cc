#include "graph/roots.h"

#include <algorithm>

#include "graph/modules.h"

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;
using snapshot::RootKind;

// Levels by which roots start after those of the program's modules: a path from them has to be that much shorter.
constexpr u8 kInstalledDelay = 3, kStandardDelay = 4, kInternalDelay = 5, kOtherDelay = 6;

template <size_t N>
bool IsOneOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// "main thread", "thread 4711".
std::string ThreadName(const Columns& c, u32 thread) {
  if (thread >= c.threads.size()) return "thread ?";
  const u64 id = c.threads[thread].native_id;
  if (id != 0 && id == c.meta.pid) return "main thread";
  return "thread " + std::to_string(id != 0 ? id : c.threads[thread].ident);
}

std::string FrameRootName(const Columns& c, const snapshot::Root& root) {
  std::string name = ThreadName(c, root.thread);
  const auto variable = c.strings.at(root.name);
  name.append(variable.empty() ? " stack" : " local ").append(variable);
  if (root.frame >= c.frames.size()) return name;
  const u32 code = c.frames[root.frame].code;
  if (code >= c.codes.size()) return name;
  const auto function = c.strings.at(c.codes[code].qualname ? c.codes[code].qualname : c.codes[code].name);
  return name.append(" of ").append(function);
}

// Names of the type objects, by node.
std::string TypeRootName(const Columns& c, const std::vector<std::pair<u32, u32>>& type_names, u32 node) {
  const auto found = std::lower_bound(type_names.begin(), type_names.end(), std::pair<u32, u32>{node, 0});
  if (found == type_names.end() || found->first != node) return "static types";
  return "type " + std::string(c.strings.at(found->second));
}

void NameRoot(const Columns& c, const snapshot::Root& root, const std::vector<std::pair<u32, u32>>& type_names,
              NamedRoot* out) {
  const auto name = c.strings.at(root.name);
  switch (root.kind) {
    case RootKind::kInterpreter:
      out->rank = 2;
      out->name = "interpreter " + std::string(name);
      break;
    case RootKind::kThread:
      out->rank = 3;
      out->name = ThreadName(c, root.thread) + " " + std::string(name);
      break;
    case RootKind::kFrame:
      out->rank = 4;
      out->name = FrameRootName(c, root);
      break;
    case RootKind::kStaticType:
      out->rank = 1;
      out->name = TypeRootName(c, type_names, root.node);
      break;
    case RootKind::kModuleState:
      out->rank = 2;
      out->name = "module state " + std::string(name);
      break;
    case RootKind::kCaller:
      out->rank = 5;
      out->name = "native code " + std::string(name);
      break;
    case RootKind::kImmortal:
      out->rank = 5;
      out->name = "immortal " + std::string(name);
      break;
  }
}

void AddModules(const std::vector<Module>& modules, RootPlan* plan) {
  for (const Module& module : modules) {
    const u32 root = static_cast<u32>(plan->roots.size());
    plan->roots.push_back({module.node, 0, RootKind::kInterpreter, "module " + std::string(module.name), kNone, kNone});
    u8 delay = module.origin == Origin::kProgram     ? 0
               : module.origin == Origin::kInstalled ? kInstalledDelay
                                                     : kStandardDelay;
    if (module.internal) delay = kInternalDelay;
    plan->named.push_back({module.node, root, delay, true});
  }
}

void AddOthers(const Columns& c, RootPlan* plan) {
  std::vector<std::pair<u32, u32>> type_names;
  for (const auto& type : c.types)
    if (type.node != kNone) type_names.push_back({type.node, type.name});
  std::sort(type_names.begin(), type_names.end());
  for (const auto& root : c.roots) {
    if (root.node == kNone || root.kind == RootKind::kImmortal) continue;
    const u32 index = static_cast<u32>(plan->roots.size());
    NamedRoot named{root.node, 5, root.kind, {}, root.thread, root.frame, root.conservative != 0};
    NameRoot(c, root, type_names, &named);
    plan->roots.push_back(std::move(named));
    if (root.conservative)
      plan->possible.push_back({root.node, index, 0, false});
    else if (root.kind == RootKind::kFrame)
      plan->frames.push_back({root.node, index, 0, false});
    else if (root.kind == RootKind::kInterpreter && c.strings.at(root.name).find("modules") != std::string_view::npos)
      plan->late.push_back({root.node, index, 0, false});  // its modules are roots themselves
    else
      plan->named.push_back({root.node, index, kOtherDelay, false});
  }
  std::stable_sort(plan->possible.begin(), plan->possible.end(), [](const Seed& a, const Seed& b) { return a.node < b.node; });
}

std::vector<u8> LateTypes(const Columns& c) {
  std::vector<u8> out(c.types.size(), 0);
  for (size_t t = 0; t < c.types.size(); ++t) {
    const Role role = c.types[t].role;
    out[t] = role == Role::kFrame || role == Role::kTraceback || role == Role::kWeakMap || role == Role::kWeakSet;
  }
  return out;
}

}  // namespace

NameSets::NameSets(const snapshot::StringTable& strings) : flags_(strings.size(), 0) {
  constexpr std::string_view kDicts[] = {"__dict__", "tp_dict", "md_dict"};
  constexpr std::string_view kGlobalsNames[] = {"__globals__", "func_globals", "f_globals"};
  constexpr std::string_view kLateNames[] = {"__globals__",   "func_globals", "f_globals", "__builtins__",
                                             "f_builtins",    "f_back",  // functions and frames
                                             "__traceback__", "gi_frame",     "cr_frame",  "ag_frame",
                                             "__loader__",    "__spec__",  // import machinery
                                             "__base__",      "__bases__",    "__mro__",   "__subclasses__",
                                             "tp_subclasses", "__objclass__"};  // classes are named by modules
  for (u32 id = 0; id < strings.size(); ++id) {
    const auto name = strings.at(id);
    flags_[id] = static_cast<u8>((IsOneOf(name, kDicts) ? kDict : 0) | (IsOneOf(name, kGlobalsNames) ? kGlobals : 0) |
                                 (IsOneOf(name, kLateNames) ? kLate : 0));
  }
}

bool NameSets::Has(u32 label, u8 what) const {
  return Label::Kind(label) == LabelKind::kName && Label::Value(label) < flags_.size() &&
         (flags_[Label::Value(label)] & what) != 0;
}

std::vector<u8> NameSets::late() const {
  std::vector<u8> out(flags_.size());
  for (size_t id = 0; id < out.size(); ++id) out[id] = (flags_[id] & kLate) != 0;
  return out;
}

Bits FindNamespaces(const Columns& c, const NameSets& names) {
  Bits out(c.node_count());
  for (u32 e = 0; e < c.edge_count(); ++e)
    if (names.dict(c.edge_label[e]) && c.role_of(c.edge_target[e]) == Role::kDict) out.set(c.edge_target[e]);
  return out;
}

RootPlan PlanRoots(const Columns& c, const Reverse& reverse, const NameSets& names) {
  RootPlan plan;
  const auto modules = FindModules(c, reverse, names);
  AddModules(modules, &plan);
  AddOthers(c, &plan);
  plan.rules.late_type = LateTypes(c);
  plan.rules.late_name = names.late();
  plan.rules.delayed_edges = ImportEdges(c, names, modules);
  plan.rules.delayed_source = Bits(c.node_count());
  for (const Module& module : modules)
    if (module.dict != kNone) plan.rules.delayed_source.set(module.dict);
  return plan;
}

}  // namespace unleak::graph
