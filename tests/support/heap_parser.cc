#include "tests/support/heap_parser.h"

#include <array>
#include <charconv>
#include <functional>
#include <limits>

#include "tests/support/heap_scanner.h"

namespace unleak::testing::heap {

using namespace snapshot;  // NOLINT(google-build-using-namespace): half of the vocabulary

namespace {

constexpr u32 kMaxRange = 20'000'000;
constexpr u64 kMaxEdges = 100'000'000;

template <class E>
struct Named {
  std::string_view name;
  E value;
};

constexpr auto kFlags = std::to_array<Named<u16>>({
    {"tracked", kTracked}, {"immortal", kImmortal}, {"frozen", kFrozen}, {"faulted", kFaulted}, {"opaque", kOpaque},
    {"static", kStatic}, {"finalizer", kFinalizer}, {"interned", kInterned}, {"young", kYoung}, {"old", kOld},
    {"blind", kCollectorBlind},
});

constexpr auto kRoles = std::to_array<Named<Role>>({
    {"other", Role::kOther}, {"instance", Role::kInstance}, {"dict", Role::kDict}, {"list", Role::kList},
    {"tuple", Role::kTuple}, {"set", Role::kSet}, {"frozenset", Role::kFrozenset}, {"str", Role::kStr},
    {"bytes", Role::kBytes}, {"bytearray", Role::kBytearray}, {"int", Role::kInt}, {"float", Role::kFloat},
    {"complex", Role::kComplex}, {"bool", Role::kBool}, {"none", Role::kNone}, {"memoryview", Role::kMemoryview},
    {"array", Role::kArray}, {"deque", Role::kDeque}, {"ordered-dict", Role::kOrderedDict},
    {"defaultdict", Role::kDefaultdict}, {"counter", Role::kCounter}, {"type", Role::kType}, {"module", Role::kModule},
    {"function", Role::kFunction}, {"builtin-function", Role::kBuiltinFunction}, {"method", Role::kMethod},
    {"cell", Role::kCell}, {"code", Role::kCode}, {"frame", Role::kFrame}, {"generator", Role::kGenerator},
    {"coroutine", Role::kCoroutine}, {"async-generator", Role::kAsyncGenerator}, {"traceback", Role::kTraceback},
    {"exception", Role::kException}, {"weakref", Role::kWeakref}, {"weak-proxy", Role::kWeakProxy},
    {"property", Role::kProperty}, {"staticmethod", Role::kStaticmethod}, {"classmethod", Role::kClassmethod},
    {"descriptor", Role::kDescriptor}, {"mappingproxy", Role::kMappingproxy}, {"partial", Role::kPartial},
    {"lru-cache", Role::kLruCache}, {"lru-link", Role::kLruLink}, {"context", Role::kContext},
    {"context-node", Role::kContextNode}, {"context-var", Role::kContextVar}, {"context-token", Role::kContextToken},
    {"task", Role::kTask}, {"future", Role::kFuture}, {"lock", Role::kLock}, {"thread-local", Role::kThreadLocal},
    {"iterator", Role::kIterator}, {"queue", Role::kQueue}, {"file", Role::kFile},
    {"simple-namespace", Role::kSimpleNamespace}, {"structseq", Role::kStructseq}, {"regex", Role::kRegex},
    {"ctypes", Role::kCtypes}, {"datetime", Role::kDatetime}, {"capsule", Role::kCapsule},
    {"dict-view", Role::kDictView}, {"slice", Role::kSlice}, {"range", Role::kRange}, {"union", Role::kUnion},
    {"enum-member", Role::kEnumMember}, {"thread", Role::kThread}, {"timer", Role::kTimer}, {"socket", Role::kSocket},
    {"weak-map", Role::kWeakMap}, {"weak-set", Role::kWeakSet}, {"logger", Role::kLogger}, {"ndarray", Role::kNdarray},
});

template <class E, std::size_t N>
bool Lookup(const std::array<Named<E>, N>& names, std::string_view name, E& value) {
  for (const auto& entry : names) {
    if (entry.name != name) continue;
    value = entry.value;
    return true;
  }
  return false;
}

// A reference as written: a name alone, with an index, with "i + offset", or with a range.
struct Target {
  u32 word = kNone;
  enum class Kind : u8 { kPlain, kIndex, kOwn, kRange } kind = Kind::kPlain;
  i64 first = 0, last = 0;  // index, offset to the own index, or range
};

struct EdgeText {
  Edge edge;            // its target and key are filled in for each node
  bool counting = false;  // [N..]: the index goes up with each target
  Target target, key;
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& name, Words& words) : scan_(text, name), words_(words) {}

  Status Run(std::vector<Model>& looks) {
    bool content = false;
    while (!scan_.AtEnd()) {
      std::string word = scan_.Name();
      scan_.SkipBlanks(false);
      if (word == "look" && scan_.Peek() != ':' && scan_.Peek() != '[') {
        if (content) looks.push_back(model_);
        content = true;
        Look();
        continue;
      }
      content = true;
      Statement(word);
      scan_.EndLine();
    }
    looks.push_back(std::move(model_));
    return scan_.status();
  }

 private:
  using Attribute = std::function<bool(const std::string& key, bool has_value)>;

  void Statement(const std::string& word) {
    if (scan_.Peek() == ':' || scan_.Peek() == '[') return NodeStatement(word);
    if (word == "meta") return MetaStatement();
    if (word == "type") return TypeStatement();
    if (word == "thread") return ThreadStatement();
    if (word == "frame") return FrameStatement();
    if (word == "code") return CodeStatement();
    if (word == "root") return RootStatement();
    if (word == "collector") return CollectorStatement();
    if (word == "map") return MapStatement();
    if (word == "add") return AddStatement();
    if (word == "drop") return DropStatement();
    if (word == "note") return model_.notes.push_back(words_.Intern(Value()));
    scan_.Fail("'" + word + "' is neither a statement nor a node (NAME: TYPE)");
  }

  // ---- attributes: "key" or "key=value" until the line ends or a body begins

  void Attributes(const Attribute& take) {
    while (!scan_.AtLineEnd() && scan_.Peek() != '{') {
      std::string key = scan_.Word();
      bool has_value = scan_.Accept("=");
      if (scan_.ok() && !take(key, has_value)) scan_.Fail("'" + key + "' is not known here");
    }
  }
  std::string Value() {
    scan_.SkipBlanks(false);
    return scan_.Word();
  }
  u32 ValueWord() { return words_.Intern(Value()); }
  template <class T>
  bool Number(T& out) {
    u64 value = scan_.Number();
    if (value > static_cast<u64>(std::numeric_limits<T>::max())) scan_.Fail("the number is too large here");
    out = static_cast<T>(value);
    return true;
  }
  bool Signed(i64& out) {
    bool negative = scan_.Accept("-");
    if (!negative) scan_.Accept("+");
    u64 value = scan_.Number();
    if (value >> 62) scan_.Fail("the number is too large here");
    out = negative ? -static_cast<i64>(value) : static_cast<i64>(value);
    return true;
  }
  template <class T>
  bool Three(T (&out)[3]) {
    for (int i = 0; i < 3; ++i) {
      if (i > 0) scan_.Expect(",");
      Number(out[i]);
    }
    return true;
  }
  u32 Index(const std::unordered_map<u32, u32>& ids, const char* kind) {
    std::string name = Value();
    auto it = ids.find(words_.Intern(name));
    if (it != ids.end()) return it->second;
    scan_.Fail("no " + std::string(kind) + " '" + name + "'");
    return kNone;
  }

  // ---- statements

  void Look() {
    scan_.AtLineEnd();
    if (scan_.Peek() != '\n' && scan_.Peek() != '\0') scan_.Number();  // its number is for the reader
    if (!scan_.AtLineEnd()) {
      scan_.Expect("empty");
      model_ = Model{};
    }
    scan_.EndLine();
  }

  void MetaStatement() {
    Meta& m = model_.meta;
    Attributes([&](const std::string& key, bool) {
      if (key == "pid") return Number(m.pid);
      if (key == "ppid") return Number(m.ppid);
      if (key == "python") return Python(m.python_hex);
      if (key == "rss") return Number(m.rss_bytes);
      if (key == "broken") return Number(m.broken_links);
      if (key == "peak") return Number(m.peak_rss_bytes);
      if (key == "swap") return Number(m.swap_bytes);
      if (key == "at") return Number(m.boot_ns);
      if (key == "wall") return Number(m.wall_ns);
      if (key == "start") return Number(m.process_start_ns);
      if (key == "cpu") return Number(m.cpu_ns);
      if (key == "pause") return Number(m.pause_ns);
      if (key == "faults") return Number(m.faults);
      if (key == "free-threaded") return (m.free_threaded = 1) == 1;
      if (key == "executable") return (m.executable = ValueWord()) != kNone;
      if (key == "comm") return (m.comm = ValueWord()) != kNone;
      return false;
    });
  }

  bool Python(u32& hex) {
    u32 parts[3] = {};
    std::string version = Value();
    const char* at = version.data();
    const char* end = at + version.size();
    for (u32& part : parts) {
      auto [next, error] = std::from_chars(at, end, part);
      if (error != std::errc() || part > 255) scan_.Fail("'" + version + "' is not a version like 3.12.1");
      at = next < end && *next == '.' ? next + 1 : next;
      if (at == end) break;
    }
    hex = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | 0xf0;
    return true;
  }

  void TypeStatement() {
    std::string name = Value();
    u32 id = TypeOf(model_, words_.Intern(name), name);
    Type type = model_.types[id];
    Attributes([&](const std::string& key, bool) {
      if (key == "role") return RoleValue(type.role);
      if (key == "size") return Number(type.basic_size);
      if (key == "item") return Number(type.item_size);
      if (key == "module") return (type.module = ValueWord()) != kNone;
      if (key == "base") return (type.base = BaseValue()) != kNone;
      if (key == "node") return (model_.type_nodes[id] = Ref{ValueWord(), Ref::kNoIndex}).word != kNone;
      if (key == "gc") return (type.gc = 1) == 1;
      if (key == "no-gc") return (type.gc = 0) == 0;
      if (key == "static") return (type.heap = 0) == 0;
      if (key == "unknown") return (type.traverse_known = 0) == 0;
      return false;
    });
    model_.types[id] = type;
  }

  bool RoleValue(Role& role) {
    std::string name = Value();
    if (!Lookup(kRoles, name, role)) scan_.Fail("'" + name + "' is not a role");
    return true;
  }

  u32 BaseValue() {
    std::string name = Value();
    return TypeOf(model_, words_.Intern(name), name);
  }

  void ThreadStatement() {
    u32 word = ValueWord();
    auto [it, inserted] = model_.thread_ids.emplace(word, static_cast<u32>(model_.threads.size()));
    if (inserted) model_.threads.push_back({.native_id = it->second + 1, .name = word});
    Thread& thread = model_.threads[it->second];
    Attributes([&](const std::string& key, bool) {
      if (key == "tid") return Number(thread.native_id);
      if (key == "ident") return Number(thread.ident);
      if (key == "cpu") return Number(thread.cpu_ns);
      if (key == "waited") return Number(thread.waited_ns);
      if (key == "interpreter") return Number(thread.interpreter);
      if (key == "gil") return (thread.holds_gil = 1) == 1;
      return false;
    });
  }

  void CodeStatement() {
    u32 word = ValueWord();
    auto [it, inserted] = model_.code_ids.emplace(word, static_cast<u32>(model_.codes.size()));
    if (inserted) {
      model_.codes.push_back({.name = word, .qualname = word, .file = words_.Intern("")});
      model_.code_nodes.emplace_back();
    }
    CodeObject& code = model_.codes[it->second];
    Ref& node = model_.code_nodes[it->second];
    Attributes([&](const std::string& key, bool) {
      if (key == "name") return (code.name = ValueWord()) != kNone;
      if (key == "qualname") return (code.qualname = ValueWord()) != kNone;
      if (key == "file") return (code.file = ValueWord()) != kNone;
      if (key == "line") return Number(code.first_line);
      if (key == "node") return (node = Ref{ValueWord(), Ref::kNoIndex}).word != kNone;
      return false;
    });
  }

  void FrameStatement() {
    u32 word = ValueWord();
    auto [it, inserted] = model_.frame_ids.emplace(word, static_cast<u32>(model_.frames.size()));
    if (inserted) model_.frames.emplace_back();
    Frame& frame = model_.frames[it->second];
    Attributes([&](const std::string& key, bool) {
      if (key == "thread") return (frame.thread = Index(model_.thread_ids, "thread")) != kNone || !scan_.ok();
      if (key == "code") return (frame.code = Index(model_.code_ids, "code")) != kNone || !scan_.ok();
      if (key == "line") return Number(frame.line);
      if (key == "depth") return Number(frame.depth);
      return false;
    });
  }

  void CollectorStatement() {
    model_.collectors.assign(1, CollectorState{.enabled = 1});
    CollectorState& c = model_.collectors[0];
    Attributes([&](const std::string& key, bool) {
      if (key == "disabled") return (c.enabled = 0) == 0;
      if (key == "collecting") return (c.collecting = 1) == 1;
      if (key == "threshold") return Three(c.threshold);
      if (key == "count") return Three(c.count);
      if (key == "collections") return Three(c.collections);
      if (key == "collected") return Three(c.collected);
      if (key == "uncollectable") return Three(c.uncollectable);
      return false;
    });
  }

  void MapStatement() {
    MemoryMap map;
    map.path = words_.Intern("");
    Number(map.start);
    scan_.Expect("-");
    Number(map.end);
    Attributes([&](const std::string& key, bool) {
      if (key == "path") return (map.path = ValueWord()) != kNone;
      if (key == "resident") return Number(map.resident);
      if (key == "offset") return Number(map.offset);
      if (key.find_first_not_of("rwxs-") != std::string::npos) return false;
      map.readable = key.find('r') != std::string::npos;
      map.writable = key.find('w') != std::string::npos;
      map.executable = key.find('x') != std::string::npos;
      map.shared = key.find('s') != std::string::npos;
      return true;
    });
    model_.maps.push_back(map);
  }

  void RootStatement() {
    RootSpec root;
    std::string kind = Value();
    if (kind == "interpreter") root.kind = RootKind::kInterpreter;
    else if (kind == "module") root.module = true;
    else if (kind == "thread") root.kind = RootKind::kThread, root.thread = Index(model_.thread_ids, "thread");
    else if (kind == "frame") root.kind = RootKind::kFrame, root.frame = Index(model_.frame_ids, "frame");
    else if (kind == "type") root.kind = RootKind::kStaticType;
    else if (kind == "state") root.kind = RootKind::kModuleState;
    else if (kind == "immortal") root.kind = RootKind::kImmortal;
    else if (kind == "native") root.kind = RootKind::kCaller;
    else scan_.Fail("'" + kind + "' is not a kind of root");
    if (root.frame != kNone) root.thread = model_.frames[root.frame].thread;
    scan_.AtLineEnd();
    const std::string name = scan_.Peek() == '-' ? std::string() : scan_.Word();
    root.name = words_.Intern(name);
    root.target = Ref{root.name, Ref::kNoIndex};
    scan_.SkipBlanks(false);
    if (scan_.Accept("->")) {
      scan_.SkipBlanks(false);
      root.target = Single(TargetText());
    }
    scan_.SkipBlanks(false);
    root.conservative = scan_.Accept("(conservative)");
    model_.roots.push_back(root);
  }

  Ref Single(const Target& target) {
    if (target.kind == Target::Kind::kPlain) return {target.word, Ref::kNoIndex};
    if (target.kind != Target::Kind::kIndex) scan_.Fail("one object is expected here");
    return {target.word, static_cast<u32>(target.first)};
  }

  // ---- nodes

  // NAME or NAME[first..last]; `word` is NAME, already read.
  Target RangeAfter(const std::string& word) {
    Target range;
    range.word = words_.Intern(word);
    if (!scan_.Accept("[")) return range;
    range.kind = Target::Kind::kIndex;
    range.first = range.last = IndexNumber();
    if (scan_.Accept("..")) {
      range.kind = Target::Kind::kRange;
      range.last = IndexNumber();
      if (range.last < range.first || range.last - range.first >= kMaxRange) scan_.Fail("a bad range");
    }
    scan_.Expect("]");
    return range;
  }

  i64 IndexNumber() {
    u32 index = 0;
    Number(index);
    if (index == Ref::kNoIndex) scan_.Fail("the index is too large");
    return index;
  }

  template <class F>
  void ForEach(const Target& range, F&& f) {
    if (!scan_.ok()) return;
    if (range.kind == Target::Kind::kPlain) return f(Ref{range.word, Ref::kNoIndex});
    for (i64 i = range.first; i <= range.last && scan_.ok(); ++i) f(Ref{range.word, static_cast<u32>(i)});
  }

  void NodeStatement(const std::string& name) {
    Target range = RangeAfter(name);
    scan_.SkipBlanks(false);
    scan_.Expect(":");
    std::string type = Value();
    Node node;
    node.type = TypeOf(model_, words_.Intern(type), type);
    Attributes([&](const std::string& key, bool has_value) { return NodeAttribute(node, key, has_value); });
    std::vector<EdgeText> edges = Body();
    ForEach(range, [&](Ref ref) {
      Node copy = node;
      copy.name = ref;
      words_.AddressOf(ref);
      AddEdges(copy, edges);
      model_.nodes[ref.key()] = std::move(copy);
    });
  }

  bool NodeAttribute(Node& node, const std::string& key, bool has_value) {
    u64 number = 0;
    if (!has_value) {
      u16 flag = 0;
      if (Lookup(kFlags, key, flag)) return (node.set_flags = static_cast<u16>(node.set_flags | flag)) != 0;
      if (key == "untracked") return (node.clear_flags = kTracked) != 0;
      return false;
    }
    if (key == "size") return Number(number) && (node.size = number, true);
    if (key == "length") return Number(number) && (node.length = number, true);
    if (key == "address") return Number(node.address);
    if (key == "block") return Number(number) && (node.blocks.push_back(number), true);
    if (key == "int") return Signed(number_) && (node.value = number_, true);
    if (key == "rc") {
      node.count = scan_.Peek() == '+' || scan_.Peek() == '-' ? Count::kRelative : Count::kExact;
      return Signed(node.refcount);
    }
    return false;
  }

  void AddStatement() {
    std::string name = Value();
    Target range = RangeAfter(name);
    scan_.SkipBlanks(false);
    std::vector<EdgeText> edges = Body();
    ForEach(range, [&](Ref ref) {
      auto it = model_.nodes.find(ref.key());
      if (it == model_.nodes.end()) return scan_.Fail("no node '" + words_.NameOf(ref) + "'");
      AddEdges(it->second, edges);
    });
  }

  void DropStatement() {
    std::string name = Value();
    ForEach(RangeAfter(name), [&](Ref ref) {
      if (model_.nodes.erase(ref.key()) == 0) scan_.Fail("no node '" + words_.NameOf(ref) + "'");
    });
  }

  // ---- edges

  std::vector<EdgeText> Body() {
    std::vector<EdgeText> edges;
    if (!scan_.Accept("{")) return edges;
    for (scan_.SkipBlanks(true); scan_.ok() && !scan_.Accept("}"); scan_.SkipBlanks(true)) {
      edges.push_back(EdgeLine());
      scan_.SkipBlanks(true);
      scan_.Accept(",");
    }
    return edges;
  }

  EdgeText EdgeLine() {
    EdgeText text;
    LabelText(text);
    scan_.SkipBlanks(false);
    scan_.Expect("->");
    scan_.SkipBlanks(false);
    text.target = TargetText();
    scan_.SkipBlanks(false);
    if (scan_.Accept("(omitted)")) text.edge.edge_class = EdgeClass::kOmitted;
    else if (scan_.Accept("(conservative)")) text.edge.edge_class = EdgeClass::kConservative;
    else if (scan_.Accept("(type)")) text.edge.edge_class = EdgeClass::kType;
    return text;
  }

  void LabelText(EdgeText& text) {
    Edge& edge = text.edge;
    if (scan_.Accept(".")) {
      edge.kind = LabelKind::kName;
      edge.value = words_.Intern(scan_.Name());
    } else if (scan_.Accept("{*}")) {
      edge.kind = LabelKind::kKeyNode;
      edge.make_key = true;
    } else if (scan_.Accept("[")) {
      BracketLabel(text);
    } else {
      WordLabel(edge);
    }
  }

  void BracketLabel(EdgeText& text) {
    Edge& edge = text.edge;
    if (scan_.Accept("*")) {
      edge.kind = LabelKind::kNone;
    } else if (scan_.Accept("@")) {
      edge.kind = LabelKind::kKeyNode;
      text.key = TargetText();
    } else if (scan_.Peek() == '\'' || scan_.Peek() == '"') {
      edge.kind = LabelKind::kKeyName;
      edge.value = words_.Intern(scan_.Word());
    } else {
      edge.kind = LabelKind::kIndex;
      Number(edge.value);
      text.counting = scan_.Accept("..");
    }
    scan_.Expect("]");
  }

  void WordLabel(Edge& edge) {
    std::string word = scan_.Word();
    if (word == "key") {
      edge.kind = LabelKind::kKey;
    } else if (word == "type") {
      edge.kind = LabelKind::kType;
    } else if (word == "local") {
      edge.kind = LabelKind::kLocal;
      edge.value = ValueWord();
    } else {
      scan_.Fail("'" + word + "' is not a label: .name  ['key']  [3]  [0..]  [*]  {*}  [@node]  key  type  local NAME");
    }
  }

  Target TargetText() {
    std::string name = scan_.Name();
    Target target;
    if (!scan_.Accept("[i")) return RangeAfter(name);
    target.word = words_.Intern(name);
    target.kind = Target::Kind::kOwn;
    if (!scan_.Accept("]")) {
      Signed(target.first);
      scan_.Expect("]");
    }
    return target;
  }

  // `own` is the index of the node that the edge starts at; a neighbour outside the numbers is kNoIndex.
  Ref Resolve(const Target& target, Ref own) {
    if (target.kind != Target::Kind::kOwn) return Single(target);
    if (own.index == Ref::kNoIndex) scan_.Fail("[i] is for nodes of a range");
    i64 index = static_cast<i64>(own.index) + target.first;
    bool exists = index >= 0 && index < static_cast<i64>(Ref::kNoIndex);
    return {exists ? target.word : kNone, exists ? static_cast<u32>(index) : Ref::kNoIndex};
  }

  void AddEdges(Node& node, const std::vector<EdgeText>& edges) {
    for (const EdgeText& text : edges) {
      Edge edge = text.edge;
      if (text.key.word != kNone) edge.key = Resolve(text.key, node.name);
      auto add = [&](Ref ref) {
        edge.target = ref;
        node.edges.push_back(edge);
        if (text.counting) ++edge.value;
        if (++edges_ > kMaxEdges) scan_.Fail("too many edges");
      };
      if (text.target.kind == Target::Kind::kRange) ForEach(text.target, add);
      else add(Resolve(text.target, node.name));
    }
  }

  Scanner scan_;
  Words& words_;
  Model model_;
  u64 edges_ = 0;
  i64 number_ = 0;
};

}  // namespace

Status Parse(std::string_view text, const std::string& name, Words& words, std::vector<Model>& looks) {
  return Parser(text, name, words).Run(looks);
}

}  // namespace unleak::testing::heap
