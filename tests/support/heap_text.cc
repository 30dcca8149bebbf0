#include "tests/support/heap_text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "snapshot/validate.h"
#include "tests/support/heap_model.h"
#include "tests/support/heap_parser.h"

namespace unleak::testing {

using namespace snapshot;  // NOLINT(google-build-using-namespace): half of the vocabulary
using heap::Edge;
using heap::Model;
using heap::Node;
using heap::Ref;
using heap::RootSpec;
using heap::Words;

namespace {

// One model to columns.
class Builder {
 public:
  Builder(Model model, Words& words) : m_(std::move(model)), words_(words) {}

  Result<HeapLook> Run() {
    MakeModules();
    MakeDicts();
    MakeKeys();
    Order();
    Tables();
    Nodes();
    Roots();
    Counts();
    UNLEAK_RETURN_IF_ERROR(status_);
    UNLEAK_RETURN_IF_ERROR(Validate(look_.columns));
    return std::move(look_);
  }

 private:
  Columns& c() { return look_.columns; }
  u32 Text(u32 word) { return c().strings.Intern(words_.at(word)); }
  Role RoleOf(const Node& node) const { return m_.types[node.type].role; }

  Node& Make(const std::string& name, const std::string& type) {
    Ref ref{words_.Intern(name), Ref::kNoIndex};
    Node& node = m_.nodes[ref.key()];
    node.name = ref;
    node.type = TypeOf(m_, words_.Intern(type), type);
    words_.AddressOf(ref);
    return node;
  }

  // "root module NAME" is an entry of the dict sys.modules, which the interpreter holds.
  void MakeModules() {
    if (std::none_of(m_.roots.begin(), m_.roots.end(), [](const RootSpec& r) { return r.module; })) return;
    Node& modules = Make("sys.modules", "dict");
    for (RootSpec& root : m_.roots) {
      if (!root.module) continue;
      modules.edges.push_back({.kind = LabelKind::kKeyName, .value = root.name, .target = root.target});
    }
    std::erase_if(m_.roots, [](const RootSpec& r) { return r.module; });
    RootSpec root;
    root.name = words_.Intern("sys.modules");
    root.target = modules.name;
    m_.roots.insert(m_.roots.begin(), root);
  }

  // Names of modules and classes live in their dict: an edge .x of a module becomes .__dict__ and ['x'].
  void MakeDicts() {
    std::vector<u64> owners;
    for (const auto& [key, node] : m_.nodes)
      if (RoleOf(node) == Role::kModule || RoleOf(node) == Role::kType) owners.push_back(key);
    std::sort(owners.begin(), owners.end(), [&](u64 a, u64 b) { return Address(m_.nodes[a]) < Address(m_.nodes[b]); });
    const u32 dict_word = words_.Intern("__dict__");
    for (u64 key : owners) {
      auto is_name = [&](const Edge& e) { return e.kind == LabelKind::kName && e.edge_class == EdgeClass::kTraverse; };
      std::vector<Edge> inner, outer;
      bool has_dict = false;
      for (const Edge& edge : m_.nodes[key].edges) {
        has_dict = has_dict || (is_name(edge) && edge.value == dict_word);
        (is_name(edge) ? inner : outer).push_back(edge);
      }
      if (has_dict || inner.empty()) continue;
      for (Edge& edge : inner) edge.kind = LabelKind::kKeyName;
      Node& dict = Make(words_.NameOf(m_.nodes[key].name) + ".__dict__", "dict");
      dict.edges = std::move(inner);
      outer.insert(outer.begin(), {.kind = LabelKind::kName, .value = dict_word, .target = dict.name});
      m_.nodes[key].edges = std::move(outer);
    }
  }

  // {*} -> x: a str that is the key of x, called "OWNER{x}".
  void MakeKeys() {
    std::vector<u64> owners;
    for (const auto& [key, node] : m_.nodes)
      if (std::any_of(node.edges.begin(), node.edges.end(), [](const Edge& e) { return e.make_key; })) owners.push_back(key);
    std::sort(owners.begin(), owners.end());
    for (u64 owner : owners) {
      std::vector<Edge> edges;
      edges.swap(m_.nodes[owner].edges);
      std::vector<Edge> with_keys;
      for (Edge& edge : edges) {
        if (edge.make_key) {
          edge.key = Make(words_.NameOf(m_.nodes[owner].name) + "{" + words_.NameOf(edge.target) + "}", "str").name;
          with_keys.push_back({.kind = LabelKind::kKey, .target = edge.key});
        }
        with_keys.push_back(edge);
      }
      m_.nodes[owner].edges = std::move(with_keys);
    }
  }

  u64 Address(const Node& node) { return node.address ? node.address : words_.AddressOf(node.name); }

  void Order() {
    order_.reserve(m_.nodes.size());
    for (auto& [key, node] : m_.nodes) {
      node.address = Address(node);
      order_.push_back(&node);
    }
    std::sort(order_.begin(), order_.end(), [](const Node* a, const Node* b) { return a->address < b->address; });
    for (u32 n = 0; n < order_.size(); ++n) {
      ids_[order_[n]->name.key()] = n;
      look_.nodes.emplace(words_.NameOf(order_[n]->name), n);
    }
  }

  u32 Id(Ref ref) const {
    auto it = ids_.find(ref.key());
    return it == ids_.end() ? kNone : it->second;
  }

  // An edge to a dropped node or past the end of a range is left out; a name that never was a node is a mistake.
  u32 IdOrFail(Ref ref, const std::string& from) {
    u32 id = ref.word == kNone ? kNone : Id(ref);
    if (id == kNone && ref.word != kNone && ref.index == Ref::kNoIndex && status_.ok() && !words_.HasAddress(ref))
      status_ = Status(Code::kCorrupt, from + " leads to '" + words_.NameOf(ref) + "', which is no node");
    return id;
  }

  void Tables() {
    for (std::size_t t = 0; t < m_.types.size(); ++t) {
      Type type = m_.types[t];
      const std::string& name = words_.at(type.name);
      const std::size_t dot = name.rfind('.');
      const std::string module = dot == std::string::npos ? "builtins" : name.substr(0, dot);
      type.module = type.module == kNone ? c().strings.Intern(module) : Text(type.module);
      type.name = Text(type.name);
      if (m_.type_nodes[t].word != kNone) type.node = IdOrFail(m_.type_nodes[t], "type " + name);
      type.address = type.node == kNone ? 0x550000000000 + t * 1024 : order_[type.node]->address;
      c().types.push_back(type);
    }
    for (Thread thread : m_.threads) thread.name = Text(thread.name), c().threads.push_back(thread);
    for (std::size_t i = 0; i < m_.codes.size(); ++i) {
      CodeObject code = m_.codes[i];
      code.name = Text(code.name), code.qualname = Text(code.qualname), code.file = Text(code.file);
      if (m_.code_nodes[i].word != kNone) code.node = IdOrFail(m_.code_nodes[i], "code");
      c().codes.push_back(code);
    }
    for (MemoryMap map : m_.maps) map.path = Text(map.path), c().maps.push_back(map);
    c().frames = m_.frames;
    c().collectors = m_.collectors;
    c().meta = m_.meta;
    c().meta.executable = m_.meta.executable ? Text(m_.meta.executable) : 0;
    c().meta.comm = m_.meta.comm ? Text(m_.meta.comm) : 0;
    for (u32 word : m_.notes) c().meta.notes.push_back(Text(word));
  }

  void Nodes() {
    c().edge_row.push_back(0);
    for (u32 n = 0; n < order_.size(); ++n) {
      const Node& node = *order_[n];
      const Type& type = m_.types[node.type];
      c().address.push_back(node.address);
      c().type.push_back(node.type);
      u64 size = node.size.value_or(type.basic_size);
      for (u64 bytes : node.blocks) {
        c().blocks.push_back({n, node.address + 0x10000000000, bytes});
        size += node.size ? 0 : bytes;
      }
      Saturate(n, size, c().size, c().big_size);
      u16 flags = type.gc ? u16{kTracked} : u16{0};
      flags = static_cast<u16>(flags | node.set_flags);
      c().flags.push_back(static_cast<u16>(flags & ~node.clear_flags));
      if (node.value) c().ints.emplace_back(n, *node.value);
      Edges(node);
      Length(n, node);
    }
  }

  static void Saturate(u32 node, u64 value, std::vector<u32>& column, std::vector<std::pair<u32, u64>>& big) {
    column.push_back(value < kNone ? static_cast<u32>(value) : kNone);
    if (value >= kNone) big.emplace_back(node, value);
  }

  void Edges(const Node& node) {
    for (const Edge& edge : node.edges) {
      u32 target = IdOrFail(edge.target, "an edge of " + words_.NameOf(node.name));
      if (target != kNone) AddEdge(target, Label::Pack(edge.edge_class, edge.kind, LabelValue(edge, node)));
    }
    const u32 type_node = c().types[node.type].node;
    if (type_node != kNone && m_.types[node.type].heap) AddEdge(type_node, Label::Pack(EdgeClass::kTraverse, LabelKind::kType, 0));
    c().edge_row.push_back(static_cast<u32>(c().edge_target.size()));
  }

  void AddEdge(u32 target, u32 label) {
    c().edge_target.push_back(target);
    c().edge_label.push_back(label);
  }

  u32 LabelValue(const Edge& edge, const Node& node) {
    switch (edge.kind) {
      case LabelKind::kName:
      case LabelKind::kKeyName:
      case LabelKind::kLocal: return Text(edge.value);
      case LabelKind::kKeyNode: return std::min(IdOrFail(edge.key, "a key of " + words_.NameOf(node.name)), Label::kMaxValue);
      default: return edge.value;
    }
  }

  void Length(u32 n, const Node& node) {
    if (node.length) return Saturate(n, *node.length, c().length, c().big_length);
    u32 entries = 0;
    for (u32 e = c().edge_row[n]; e < c().edge_row[n + 1]; ++e) {
      const LabelKind kind = Label::Kind(c().edge_label[e]);
      if (kind != LabelKind::kKey && kind != LabelKind::kType && kind != LabelKind::kName) ++entries;
    }
    switch (RoleOf(node)) {
      case Role::kDict: case Role::kList: case Role::kTuple: case Role::kSet: case Role::kFrozenset: case Role::kDeque:
      case Role::kOrderedDict: case Role::kDefaultdict: case Role::kCounter: return c().length.push_back(entries);
      default: return c().length.push_back(kNone);
    }
  }

  void Roots() {
    for (const RootSpec& spec : m_.roots) {
      u32 node = IdOrFail(spec.target, "a root");
      if (node == kNone) continue;
      c().roots.push_back({.node = node, .kind = spec.kind, .name = Text(spec.name), .thread = spec.thread, .frame = spec.frame,
                           .conservative = static_cast<u8>(spec.conservative)});
    }
  }

  // What is not given is as many as there are references.
  void Counts() {
    std::vector<i64> references(order_.size());
    for (std::size_t e = 0; e < c().edge_target.size(); ++e)
      if (Label::Class(c().edge_label[e]) != EdgeClass::kConservative) ++references[c().edge_target[e]];
    for (const Root& root : c().roots)
      if (!root.conservative) ++references[root.node];
    for (std::size_t n = 0; n < order_.size(); ++n) {
      const Node& node = *order_[n];
      i64 count = node.count == heap::Count::kExact ? node.refcount : references[n] + node.refcount;
      c().refcount.push_back(static_cast<u32>(std::clamp<i64>(count, 0, kNone)));
    }
  }

  Model m_;
  Words& words_;
  Status status_;
  HeapLook look_;
  std::vector<Node*> order_;
  std::unordered_map<u64, u32> ids_;
};

}  // namespace

Result<std::vector<HeapLook>> ParseHeapText(std::string_view text, const std::string& name) {
  Words words;
  words.Intern("");
  std::vector<Model> models;
  UNLEAK_RETURN_IF_ERROR(heap::Parse(text, name, words, models));
  std::vector<HeapLook> looks;
  for (Model& model : models) {
    Result<HeapLook> look = Builder(std::move(model), words).Run();
    if (!look.ok()) {
      return Status(look.status().code(),
                    name + ": look " + std::to_string(looks.size() + 1) + ": " + look.status().message(), look.status().hint());
    }
    looks.push_back(look.Take());
  }
  return looks;
}

Result<std::vector<HeapLook>> LoadHeapText(const std::string& path) {
  const std::string full = path.starts_with('/') ? path : std::string(UNLEAK_SOURCE_DIR "/tests/heaps/") + path;
  std::ifstream in(full);
  if (!in) return Status(Code::kNotFound, full + ": cannot open");
  std::stringstream text;
  text << in.rdbuf();
  return ParseHeapText(text.str(), path);
}

HeapLook HeapOf(std::string_view text) {
  Result<std::vector<HeapLook>> looks = ParseHeapText(text);
  if (!looks.ok()) {
    std::fprintf(stderr, "%s\n", looks.status().message().c_str());
    std::abort();
  }
  return std::move(looks->front());
}

}  // namespace unleak::testing
