#include <algorithm>

#include "graph/heap.h"

namespace unleak::graph {
namespace {

using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr std::string_view kModule = "module ";

bool IsMap(Role role) {
  return role == Role::kDict || role == Role::kOrderedDict || role == Role::kDefaultdict || role == Role::kCounter ||
         role == Role::kMappingproxy || role == Role::kWeakMap;
}

bool IsContainer(Role role) {
  switch (role) {
    case Role::kList:
    case Role::kTuple:
    case Role::kSet:
    case Role::kFrozenset:
    case Role::kDeque:
    case Role::kStructseq:
    case Role::kWeakSet:
    case Role::kQueue:
    case Role::kNdarray:
    case Role::kContextNode:
    case Role::kIterator: return true;
    default: return IsMap(role);
  }
}

}  // namespace

Path Heap::path_to(u32 node) const {
  Path path;
  if (root_[node] == kNone && population(node) != Population::kUnexplained && population(node) != Population::kImmortal)
    return path;
  path.root = root_[node];
  for (u32 at = node; at != kNone; at = parent_[at])
    path.steps.push_back({at, parent_edge_[at] == kNone ? 0 : columns_.edge_label[parent_edge_[at]]});
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

std::string Heap::StepText(u32 source, u32 label) const {
  const auto name = columns_.strings.at(Label::Value(label));
  const Role role = columns_.role_of(source);
  switch (Label::Kind(label)) {
    case LabelKind::kName:
      if (name == "__dict__") return "";
      return name.empty() || name[0] == '+' ? "->" : "." + std::string(name);
    case LabelKind::kLocal: return "." + std::string(name);
    case LabelKind::kKeyName:
      if (is_namespace(source)) return "." + std::string(name);
      return columns_.length_of(source) <= kMostKeys ? "['" + std::string(name) + "']" : "{*}";
    case LabelKind::kKeyNode: return "{*}";
    case LabelKind::kKey: return "{key}";
    case LabelKind::kIndex: return "[*]";
    case LabelKind::kType: return ".__class__";
    case LabelKind::kNone: break;
  }
  return IsMap(role) ? "{*}" : IsContainer(role) ? "[*]" : "->";
}

std::string Heap::PathText(const Path& path) const {
  if (path.steps.empty()) return "";
  std::string text = path.root != kNone ? roots_[path.root].name
                                        : "unexplained " + std::string(columns_.type_name(path.steps[0].node));
  if (path.root == kNone && population(path.steps[0].node) == Population::kImmortal)
    text = "immortal " + std::string(columns_.type_name(path.steps[0].node));
  if (path.root != kNone && text.compare(0, kModule.size(), kModule) == 0) text.erase(0, kModule.size());
  for (size_t i = 1; i < path.steps.size(); ++i) {
    const u32 source = path.steps[i - 1].node, label = path.steps[i].label;
    const std::string step = StepText(source, label);
    text += step.empty() && i + 1 == path.steps.size() ? ".__dict__" : step;
  }
  return text;
}

}  // namespace unleak::graph
