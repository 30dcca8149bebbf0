#include <algorithm>

#include "graph/heap.h"
#include "graph/steps.h"

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

bool IsSequence(Role role) {
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
    case Role::kIterator:
      return true;
    default:
      return false;
  }
}

}  // namespace

Path Heap::path_to(u32 node) const {
  Path path;
  if (root_[node] == kNone && population(node) != Population::kUnexplained && population(node) != Population::kImmortal)
    return path;
  path.root = root_[node];
  for (u32 at = node; at != kNone; at = parent(at))
    path.steps.push_back({at, parent_edge(at) == kNone ? 0 : columns_.edge_label[parent_edge(at)]});
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

StepName NameStep(const Heap& heap, u32 source, u32 label) {
  const snapshot::Columns& c = heap.columns();
  const u32 value = Label::Value(label);
  const Role role = c.role_of(source);
  switch (Label::Kind(label)) {
    case LabelKind::kName: {
      const auto name = c.strings.at(value);
      if (name == "__dict__") return {StepKind::kAttributes};
      return name.empty() || name[0] == '+' ? StepName{}
                                            : StepName{StepKind::kName, value};  // "+0x18": only its place is known
    }
    case LabelKind::kLocal:
      return {StepKind::kName, value};
    case LabelKind::kKeyName:
      if (heap.is_namespace(source)) return {StepKind::kName, value};
      return c.length_of(source) <= Heap::kMostKeys ? StepName{StepKind::kKeyed, value} : StepName{StepKind::kValue};
    case LabelKind::kKeyNode:
      return {StepKind::kValue};
    case LabelKind::kKey:
      return {StepKind::kKey};
    case LabelKind::kIndex:
      return {StepKind::kItem};
    case LabelKind::kType:
      return {StepKind::kClass};
    case LabelKind::kNone:
      break;
  }
  return {IsMap(role) ? StepKind::kValue : IsSequence(role) ? StepKind::kItem : StepKind::kOther};
}

std::string TextOf(const Heap& heap, StepName step) {
  const auto name = std::string(heap.columns().strings.at(step.value));
  switch (step.kind) {
    case StepKind::kName:
      return "." + name;
    case StepKind::kKeyed:
      return "['" + name + "']";
    case StepKind::kItem:
      return "[*]";
    case StepKind::kValue:
      return "{*}";
    case StepKind::kKey:
      return "{key}";
    case StepKind::kClass:
      return ".__class__";
    case StepKind::kAttributes:
      return ".__dict__";
    case StepKind::kRoot:
    case StepKind::kOther:
      break;
  }
  return "->";
}

std::string Heap::StepText(u32 source, u32 label) const {
  const StepName step = NameStep(*this, source, label);
  return step.kind == StepKind::kAttributes ? "" : TextOf(*this, step);
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
