#include "graph/modules.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;
using snapshot::RootKind;

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

u32 DictOf(const Columns& c, const NameSets& names, u32 node) {
  u32 any = kNone;
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
    const u32 to = c.edge_target[e];
    if (c.role_of(to) != Role::kDict || !kHoldingEdges.has(c.edge_label[e])) continue;
    if (names.dict(c.edge_label[e])) return to;
    if (any == kNone && c.role_of(node) == Role::kModule) any = to;
  }
  return any;
}

std::vector<Module> ModulesOf(const Columns& c, const NameSets& names, u32 sys_modules) {
  std::vector<Module> out;
  for (u32 e = c.edge_row[sys_modules]; e < c.edge_row[sys_modules + 1]; ++e) {
    const u32 node = c.edge_target[e], label = c.edge_label[e];
    const auto kind = Label::Kind(label);
    if ((kind != LabelKind::kKeyName && kind != LabelKind::kKeyNode) || c.role_of(node) == Role::kNone) continue;
    Module module;
    module.node = node;
    module.dict = DictOf(c, names, node);
    module.name = kind == LabelKind::kKeyName ? c.strings.at(Label::Value(label)) : "?";
    module.internal =
        module.name == "sys" || module.name == "builtins" || module.name == "gc" || Contains(module.name, "importlib");
    out.push_back(module);
  }
  return out;
}

u32 GlobalsOf(const Columns& c, const NameSets& names, u32 function) {
  for (u32 e = c.edge_row[function]; e < c.edge_row[function + 1]; ++e)
    if (names.globals(c.edge_label[e])) return c.edge_target[e];
  return kNone;
}

// A function's globals are its module's dict, and its code knows the file.
void FindFiles(const Columns& c, const Reverse& reverse, const NameSets& names, std::vector<Module>* modules) {
  std::unordered_map<u32, Module*> by_dict;
  for (Module& module : *modules)
    if (module.dict != kNone) by_dict.emplace(module.dict, &module);
  for (const auto& code : c.codes) {
    if (code.node == kNone || code.file == 0) continue;
    for (u32 i = reverse.row[code.node]; i < reverse.row[code.node + 1]; ++i) {
      if (c.role_of(reverse.source[i]) != Role::kFunction) continue;
      const auto found = by_dict.find(GlobalsOf(c, names, reverse.source[i]));
      if (found == by_dict.end()) continue;
      if (found->second->file == 0) found->second->file = code.file;
      break;
    }
  }
}

// A module of data alone has no function; one that has C functions or no __file__ was not written in Python.
bool LooksLikeData(const Columns& c, const Module& module) {
  bool file = false;
  if (module.dict == kNone) return false;
  for (u32 e = c.edge_row[module.dict]; e < c.edge_row[module.dict + 1]; ++e) {
    const u32 label = c.edge_label[e];
    if (Label::Kind(label) != LabelKind::kKeyName) continue;
    file |= c.strings.at(Label::Value(label)) == "__file__";
    if (c.role_of(c.edge_target[e]) == Role::kBuiltinFunction) return false;
  }
  return file;
}

void FindOrigins(const Columns& c, std::vector<Module>* modules) {
  std::unordered_map<std::string_view, Origin> known;
  for (Module& module : *modules) {
    if (module.name == "__main__")
      module.origin = Origin::kProgram;
    else if (module.file != 0)
      module.origin = OriginOf(c.strings.at(module.file));
    else
      continue;
    known.emplace(module.name, module.origin);
  }
  for (Module& module : *modules) {
    if (module.file != 0 || module.name == "__main__") continue;
    const auto package = known.find(module.name.substr(0, module.name.find('.')));
    if (package != known.end())
      module.origin = package->second;
    else if (LooksLikeData(c, module))
      module.origin = Origin::kProgram;
  }
}

int MainRank(std::string_view name) { return name == "__main__" ? 1 : name == "__mp_main__" ? 2 : 0; }

// The module of a class; that of builtin ones is left out in the snapshot.
std::string_view HomeOf(const Columns& c, u32 type_module) {
  const auto name = c.strings.at(type_module);
  return name.empty() ? "builtins" : name;
}

}  // namespace

Origin OriginOf(std::string_view file) {
  if (Contains(file, "/site-packages/") || Contains(file, "/dist-packages/")) return Origin::kInstalled;
  constexpr std::array<std::string_view, 4> kStandard{"/lib/python3", "/lib64/python3", "<frozen ", "/lib/python/"};
  for (auto part : kStandard)
    if (Contains(file, part)) return Origin::kStandard;
  return Origin::kProgram;
}

std::vector<Module> FindModules(const Columns& c, const Reverse& reverse, const NameSets& names) {
  std::vector<Module> out;
  for (const auto& root : c.roots) {
    if (root.kind != RootKind::kInterpreter || root.node == kNone || c.role_of(root.node) != Role::kDict) continue;
    if (!Contains(c.strings.at(root.name), "modules")) continue;
    auto found = ModulesOf(c, names, root.node);
    out.insert(out.end(), found.begin(), found.end());
  }
  FindFiles(c, reverse, names, &out);
  FindOrigins(c, &out);
  std::reverse(out.begin(), out.end());
  std::stable_sort(out.begin(), out.end(), [](const Module& a, const Module& b) {
    if (a.origin != b.origin) return a.origin < b.origin;
    // The main module comes last, and after its own name the one that multiprocessing gives it too.
    const int main_a = MainRank(a.name), main_b = MainRank(b.name);
    if (main_a != main_b) return main_a < main_b;
    return std::count(a.name.begin(), a.name.end(), '.') > std::count(b.name.begin(), b.name.end(), '.');
  });
  return out;
}

std::vector<u32> ImportEdges(const Columns& c, const NameSets& names, const std::vector<Module>& modules) {
  std::unordered_map<u32, u32> type_module, globals;  // type's node -> string; dict -> index into modules
  for (const auto& type : c.types)
    if (type.node != kNone) type_module.emplace(type.node, type.module);
  for (u32 i = 0; i < modules.size(); ++i)
    if (modules[i].dict != kNone) globals.emplace(modules[i].dict, i);
  std::vector<u32> out;
  for (const Module& module : modules) {
    if (module.dict == kNone) continue;
    for (u32 e = c.edge_row[module.dict]; e < c.edge_row[module.dict + 1]; ++e) {
      const u32 to = c.edge_target[e];
      const Role role = c.role_of(to);
      bool foreign = false;
      if (role == Role::kType) {
        const auto type = type_module.find(to);
        foreign = type != type_module.end() && HomeOf(c, type->second) != module.name;
      } else if (role == Role::kFunction) {
        const u32 dict = GlobalsOf(c, names, to);
        foreign = dict != module.dict && globals.count(dict) > 0;
      }
      if (foreign) out.push_back(e);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace unleak::graph
