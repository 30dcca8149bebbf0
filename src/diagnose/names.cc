#include "diagnose/names.h"

#include <algorithm>
#include <cstdio>

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr u64 kSmallNamespace = 64;

bool IsNamespaceEdge(const Columns& c, u32 label) {
  if (Label::Kind(label) != LabelKind::kName) return false;
  const auto name = c.strings.at(Label::Value(label));
  return name == "__dict__" || name == "tp_dict" || name == "md_dict" || name == "dict" || name == "__globals__";
}

bool IsDict(Role role) {
  return role == Role::kDict || role == Role::kOrderedDict || role == Role::kDefaultdict || role == Role::kCounter;
}

// Objects whose named members are attributes that Python code stores.
bool HasAttributes(const Columns& c, u32 node) {
  const auto& type = c.types[c.type[node]];
  return type.role == Role::kModule || type.role == Role::kType || type.role == Role::kInstance ||
         (type.heap && type.role != Role::kLruCache);
}

// Words of a layout for members that Python code has no name for hold blanks ("per-thread values"): nothing stores to these. Whether
// their types lie on the heap differs from version to version.
bool IsIdentifier(std::string_view name) { return !name.empty() && name.find(' ') == std::string_view::npos; }

std::string_view ModuleOf(const Columns& c, u32 type) { return c.strings.at(c.types[type].module); }

std::string WithoutModule(const Columns& c, u32 type) {
  const auto name = c.strings.at(c.types[type].name), module = ModuleOf(c, type);
  if (!module.empty() && name.size() > module.size() + 1 && name.substr(0, module.size()) == module &&
      name[module.size()] == '.')
    return std::string(name.substr(module.size() + 1));
  return std::string(name);
}

// One step of the folded path: how the edge is shown.
struct Shown {
  std::string edge;
  bool attribute = false;  // ".name" of a module, class or instance
};

Shown Show(const Columns& c, u32 owner, bool owner_is_namespace, u32 source, u32 label) {
  const u32 value = Label::Value(label);
  switch (Label::Kind(label)) {
    case LabelKind::kName:
      return {"." + std::string(c.strings.at(value)), IsIdentifier(c.strings.at(value)) && HasAttributes(c, owner)};
    case LabelKind::kKeyName:
      if (owner_is_namespace) return {"." + std::string(c.strings.at(value)), true};
      if (c.length_of(source) <= kSmallNamespace) return {"['" + std::string(c.strings.at(value)) + "']", false};
      return {"{*}", false};
    case LabelKind::kKeyNode: return {"{*}", false};
    case LabelKind::kKey: return {"{key}", false};
    case LabelKind::kLocal: return {"." + std::string(c.strings.at(value)), false};
    case LabelKind::kType: return {".__class__", false};
    case LabelKind::kIndex:
    case LabelKind::kNone: break;
  }
  return {"[*]", false};
}

}  // namespace

std::string ShortName(std::string_view qualified) {
  const size_t dot = qualified.rfind('.');
  return std::string(dot == std::string_view::npos ? qualified : qualified.substr(dot + 1));
}

u32 Member(const Columns& c, u32 node, std::string_view name) {
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
    const auto kind = Label::Kind(c.edge_label[e]);
    if ((kind == LabelKind::kName || kind == LabelKind::kKeyName) && c.strings.at(Label::Value(c.edge_label[e])) == name)
      return c.edge_target[e];
  }
  return kNone;
}

i64 KnownInt(const Columns& c, u32 node) {
  const auto it = std::lower_bound(c.ints.begin(), c.ints.end(), node, [](const auto& p, u32 n) { return p.first < n; });
  return node != kNone && it != c.ints.end() && it->first == node ? it->second : -1;
}

u32 DictOwner(const Heap& heap, u32 dict) {
  const Columns& c = heap.columns();
  if (!IsDict(c.role_of(dict))) return kNone;
  const auto edges = heap.in_edges(dict);
  const auto sources = heap.in_sources(dict);
  for (size_t i = 0; i < edges.size() && i < kSmallNamespace; ++i) {
    const u32 label = c.edge_label[edges[i]];
    const auto name = Label::Kind(label) == LabelKind::kName ? c.strings.at(Label::Value(label)) : std::string_view();
    if (IsNamespaceEdge(c, label) && name != "__globals__") return sources[i];
  }
  return kNone;
}

u32 CodeOf(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  u32 at = node;
  for (int hops = 0; hops < 4 && at != kNone; ++hops) {
    if (c.role_of(at) == Role::kCode) {
      auto it = std::lower_bound(c.codes.begin(), c.codes.end(), at, [](const auto& code, u32 n) { return code.node < n; });
      if (it != c.codes.end() && it->node == at) return static_cast<u32>(it - c.codes.begin());
      for (u32 i = 0; i < c.codes.size(); ++i)
        if (c.codes[i].node == at) return i;
      return kNone;
    }
    u32 next = kNone;
    for (const char* name : {"__code__", "f_code", "gi_code", "cr_code", "ag_code", "f_executable", "__func__", "__wrapped__", "func",
                             "gi_frame", "cr_frame", "tb_frame"})
      if ((next = Member(c, at, name)) != kNone) break;
    if (next == kNone)  // a frame or generator names its code by position only in some versions
      for (u32 e = c.edge_row[at]; e < c.edge_row[at + 1] && next == kNone; ++e)
        if (c.role_of(c.edge_target[e]) == Role::kCode) next = c.edge_target[e];
    at = next;
  }
  return kNone;
}

Holder DescribeHolder(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  Holder h;
  const graph::Path path = heap.path_to(node);
  if (path.steps.empty() || path.root == kNone) {
    h.root = "nothing that is known";
    h.text = std::string(c.type_name(node));
    h.path.push_back({{"edge", ""}, {"type", h.text}});
    return h;
  }
  h.known = true;
  const graph::NamedRoot& root = heap.roots()[path.root];
  h.root = root.name;
  h.guessed = root.conservative;
  h.via_frame = root.kind == snapshot::RootKind::kFrame;
  h.text = root.name.rfind("module ", 0) == 0 ? root.name.substr(7) : root.name;
  const u32 first = path.steps[0].node;
  if (root.kind == snapshot::RootKind::kFrame) {
    h.kind = "local-variable";
    const size_t local = root.name.rfind("local ");
    if (local != std::string::npos) h.name = root.name.substr(local + 6, root.name.find(' ', local + 6) - local - 6);
    if (root.frame < c.frames.size() && c.frames[root.frame].code < c.codes.size())
      h.function = c.strings.at(c.codes[c.frames[root.frame].code].qualname);
  } else if (root.name.rfind("module ", 0) != 0) {
    h.kind = "interpreter";
    h.name = root.name;
  }
  u32 owner = first;  // the object that the next step leaves, its namespace dict folded away
  bool owner_is_namespace = false;
  for (size_t i = 1; i < path.steps.size(); ++i) {
    const u32 source = path.steps[i - 1].node, target = path.steps[i].node, label = path.steps[i].label;
    if (IsNamespaceEdge(c, label) && IsDict(c.role_of(target)) && i + 1 < path.steps.size()) {
      owner = source;
      owner_is_namespace = true;
      if (c.strings.at(Label::Value(label)) == "__globals__") h.text += ".__globals__";
      continue;
    }
    if (!owner_is_namespace) owner = source;
    const Shown shown = Show(c, owner, owner_is_namespace, source, label);
    h.text += shown.edge;
    h.path.push_back({{"edge", shown.edge}, {"type", c.type_name(target)}});
    const Role role = c.role_of(owner);
    if (shown.attribute && (role == Role::kWeakMap || role == Role::kWeakSet)) {
      h.inner.push_back(shown.edge);  // the map is what the program stores into, not its table
    } else if (shown.attribute) {
      h.kind = role == Role::kModule ? "module-global" : role == Role::kType ? "class-attribute" : "instance-attribute";
      h.name = shown.edge.substr(1);
      h.owner = owner;
      h.inner.clear();
      h.function.clear();
      h.owner_class.clear();
      if (role == Role::kModule) {
        h.module = i <= 2 && root.name.rfind("module ", 0) == 0 ? root.name.substr(7) : "";
      } else if (role == Role::kType) {
        for (u32 t = 0; t < c.types.size(); ++t)
          if (c.types[t].node == owner) {
            h.module = ModuleOf(c, t);
            h.owner_class = WithoutModule(c, t);
          }
        if (h.owner_class.empty() && h.path.size() >= 2) h.owner_class = h.path[h.path.size() - 2]["edge"].get<std::string>().substr(1);
      } else {
        h.module = ModuleOf(c, c.type[owner]);
        h.owner_class = WithoutModule(c, c.type[owner]);
      }
    } else if (c.role_of(source) == Role::kCell) {
      h.kind = "closure-variable";
      h.name.clear();
      h.inner.clear();  // the steps from the function to the cell are no part of what the variable holds
      for (size_t k = i; k-- > 0;)
        if (const u32 code = CodeOf(heap, path.steps[k].node); code != kNone) {
          h.function = c.strings.at(c.codes[code].qualname);
          break;
        }
    } else {
      h.inner.push_back(shown.edge);
    }
    owner = target;
    owner_is_namespace = false;
  }
  return h;
}

int Telling(const Columns& c, u32 type) {
  const auto& t = c.types[type];
  // A class of the program that is also a dict or a str. That a type lies on the heap says nothing: from 3.12 on most of the library's do.
  const bool subclass = t.base != kNone && t.base < c.types.size() && c.types[t.base].role == t.role;
  const auto module = c.strings.at(t.module);
  switch (t.role) {
    case Role::kException: return 90;
    case Role::kTask: return 86;  // before the future that it waits for
    case Role::kFuture: return 85;
    case Role::kType: return 50;
    case Role::kFrame: return 62;
    case Role::kTraceback: return 64;
    case Role::kGenerator:
    case Role::kCoroutine:
    case Role::kAsyncGenerator: return 63;  // before the frame that it keeps
    case Role::kLruCache: return 58;
    case Role::kFunction: return 46;
    case Role::kCell: return 42;
    case Role::kMethod: return 40;
    case Role::kWeakref: return 44;
    case Role::kDict:
    case Role::kList:
    case Role::kSet:
    case Role::kDeque: return subclass ? 95 : 30;
    case Role::kTuple: return subclass ? 95 : 24;
    case Role::kStr:
    case Role::kBytes:
    case Role::kBytearray: return subclass ? 95 : 20;
    case Role::kInt:
    case Role::kFloat:
    case Role::kBool:
    case Role::kNone: return subclass ? 95 : 10;
    case Role::kCode: return 26;
    case Role::kDescriptor:
    case Role::kProperty:
    case Role::kMappingproxy: return 27;
    default: break;
  }
  if (t.role == Role::kInstance || (t.heap && !module.empty() && module != "builtins")) return 100;
  return module.empty() || module == "builtins" ? 35 : 80;
}

std::vector<TypeCount> TypeCounter::Counts() const {
  struct Ranked {
    int telling;
    TypeCount count;
  };
  const Columns& c = heap_.columns();
  std::vector<Ranked> ranked;
  for (u32 type = 0; type < totals_.size(); ++type) {
    if (totals_[type].objects == 0) continue;
    const std::string name(c.strings.at(c.types[type].name));
    ranked.push_back({Telling(c, type), {name, totals_[type].objects, totals_[type].bytes}});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    if (a.telling != b.telling) return a.telling > b.telling;
    if (a.count.bytes != b.count.bytes) return a.count.bytes > b.count.bytes;
    return a.count.type < b.count.type;
  });
  std::vector<TypeCount> out;
  for (auto& r : ranked) out.push_back(std::move(r.count));
  return out;
}

std::vector<TypeCount> CountTypes(const Heap& heap, const std::vector<u32>& nodes) {
  TypeCounter counter(heap);
  for (u32 node : nodes) counter.Add(node);
  return counter.Counts();
}

std::vector<TypeCount> CountDominated(const Heap& heap, u32 node) {
  TypeCounter counter(heap);
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (heap.dominates(node, n)) counter.Add(n);
  return counter.Counts();
}

Json ToJson(const std::vector<TypeCount>& counts, size_t limit) {
  Json out = Json::array();
  for (size_t i = 0; i < counts.size() && i < limit; ++i)
    out.push_back({{"type", counts[i].type}, {"objects", counts[i].objects}, {"bytes", counts[i].bytes}});
  return out;
}

std::string FormatBytes(double bytes) {
  const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) bytes /= 1024, ++unit;
  char text[48];
  std::snprintf(text, sizeof text, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

std::string FormatCount(u64 count) {
  std::string digits = std::to_string(count), out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

}  // namespace unleak::diagnose
