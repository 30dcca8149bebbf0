#include "export/heapsnapshot.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "export/json_sink.h"
#include "graph/view.h"

namespace unleak::exporting {
namespace {

using graph::Heap;
using graph::Population;
using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr u64 kFields = 7;       // numbers a node
constexpr u32 kMostSize = 0xffffffff;  // readers keep sizes in 32 bits

constexpr char kMeta[] =
    R"("meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],)"
    R"("node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic",)"
    R"("concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","number","number"],)"
    R"("edge_fields":["type","name_or_index","to_node"],)"
    R"("edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],)"
    R"("trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],)"
    R"("trace_node_fields":["id","function_info_index","count","size","children"],)"
    R"("sample_fields":["timestamp_us","last_assigned_id"],)"
    R"("location_fields":["object_index","script_id","line","column"]})";

enum NodeType : u32 { kString = 2, kObject = 3, kCode = 4, kClosure = 5, kRegexp = 6, kNumber = 7, kNative = 8, kSynthetic = 9 };
enum EdgeType : u32 { kElement = 1, kProperty = 2, kInternal = 3, kWeak = 6 };

// What starts a path hangs below one of these.
constexpr auto kGroups = std::to_array<const char*>({"(modules)", "(classes)", "(interpreter)", "(threads)", "(frames)", "(other roots)",
                                                     "(held by nothing known)", "(garbage)", "(uncollectable)", "(frozen)", "(immortal)"});
constexpr u32 kFirstPopulationGroup = 6;

NodeType TypeOf(Role role) {
  switch (role) {
    case Role::kStr: return kString;
    case Role::kInt: case Role::kFloat: case Role::kComplex: case Role::kBool: return kNumber;
    case Role::kCode: return kCode;
    case Role::kFunction: case Role::kMethod: case Role::kBuiltinFunction: case Role::kPartial: return kClosure;
    case Role::kRegex: return kRegexp;
    default: return kObject;
  }
}

// Ids that the same object has in every look: a hash of its address; the few that collide get the next free one.
std::vector<u32> StableIds(const Columns& c) {
  std::vector<std::pair<u32, u32>> by_hash(c.node_count());
  for (u32 n = 0; n < c.node_count(); ++n)
    by_hash[n] = {static_cast<u32>(c.address[n] * 0x9e3779b97f4a7c15u >> 34) + 64, n};
  std::sort(by_hash.begin(), by_hash.end());
  std::vector<u32> ids(c.node_count());
  u32 next = 0;
  for (const auto& [hash, node] : by_hash) {
    next = std::max(next, hash);
    ids[node] = 2 * next + 1;
    ++next;
  }
  return ids;
}

class Exporter {
 public:
  Exporter(const Heap& heap, int fd, const std::string& path) : heap_(heap), c_(heap.columns()), out_(fd, path) {}

  Status Run() {
    FindEntries();
    FindRests();
    out_.Text("{\"snapshot\":{");
    out_.Text(kMeta);
    out_.Text(",\"node_count\":"), out_.Number(u64{FirstNode()} + c_.node_count() + rests_);
    out_.Text(",\"edge_count\":"), out_.Number(groups_used_ + entries_ + c_.edge_count() + rests_);
    out_.Text(",\"trace_function_count\":0},\n\"nodes\":[");
    Nodes();
    out_.Text("],\n\"edges\":[");
    Edges();
    out_.Text("],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":[");
    for (std::size_t i = 0; i < strings_.size(); ++i) {
      if (i) out_.Text(",\n");
      out_.Quoted(strings_[i]);
    }
    out_.Text("]}\n");
    return out_.Finish();
  }

 private:
  // Node 0 is the root, then come the groups, then the objects, then the rests of huge ones.
  static constexpr u32 FirstNode() { return kHeapSnapshotFirstObject; }
  static_assert(kHeapSnapshotFirstObject == 1 + kGroups.size());

  u32 GroupOf(u32 node) const {
    if (heap_.population(node) != Population::kRetained)
      return kFirstPopulationGroup + static_cast<u32>(heap_.population(node)) - 1;
    const u32 root = heap_.root_of(node);
    return root == kNone ? 5 : std::min<u32>(heap_.roots()[root].rank, 5);
  }

  void FindEntries() {
    for (u32 node : heap_.entries()) members_[GroupOf(node)].push_back(node);
    for (const auto& members : members_) {
      entries_ += members.size();
      groups_used_ += !members.empty();
    }
  }

  // An object of 4 GiB or more owns nodes that hold the rest of its size.
  u32 RestsOf(u32 node) const { return c_.size[node] == kMostSize ? static_cast<u32>((c_.size_of(node) - 1) / kMostSize) : 0; }
  void FindRests() {
    for (const auto& [node, bytes] : c_.big_size) rests_ += RestsOf(node);
  }

  u32 String(std::string_view text) {
    const auto [it, inserted] = string_ids_.try_emplace(std::string(text), static_cast<u32>(strings_.size()));
    if (inserted) strings_.emplace_back(text);
    return it->second;
  }
  // Names that come from the look's own table need no hashing.
  u32 LookString(u32 id) {
    if (of_look_.empty()) of_look_.assign(c_.strings.size(), kNone);
    if (id >= of_look_.size()) return String("");
    if (of_look_[id] == kNone) of_look_[id] = String(c_.strings.at(id));
    return of_look_[id];
  }

  void Node(NodeType type, u32 name, u64 id, u64 size, u64 edges) {
    out_.Text(first_ ? "" : ",\n");
    first_ = false;
    for (u64 field : {u64{type}, u64{name}, id, size, edges}) out_.Number(field), out_.Text(",");
    out_.Text("0,0");
  }

  void Nodes() {
    first_ = true;
    Node(kSynthetic, String(""), 1, 0, groups_used_);
    for (std::size_t g = 0; g < kGroups.size(); ++g) Node(kNative, String(kGroups[g]), 2 * g + 3, 0, members_[g].size());
    const std::vector<u32> ids = StableIds(c_);
    for (u32 n = 0; n < c_.node_count(); ++n) {
      const u32 edges = c_.edge_row[n + 1] - c_.edge_row[n] + RestsOf(n);
      Node(TypeOf(c_.role_of(n)), LookString(c_.types[c_.type[n]].name), ids[n], c_.size[n], edges);
    }
    u64 id = 0;
    for (const auto& [node, bytes] : c_.big_size) {
      u64 left = bytes - kMostSize;
      for (u32 i = RestsOf(node); i > 0; --i, left -= std::min<u64>(left, kMostSize))
        Node(kNative, String("(rest of a huge object)"), id += 2, std::min<u64>(left, kMostSize), 0);
    }
  }

  void Edge(EdgeType type, u64 name, u64 to) {
    out_.Text(first_ ? "" : ",\n");
    first_ = false;
    out_.Number(type), out_.Text(","), out_.Number(name), out_.Text(","), out_.Number(to * kFields);
  }

  void Edges() {
    first_ = true;
    for (u64 g = 0; g < kGroups.size(); ++g)
      if (!members_[g].empty()) Edge(kElement, g, 1 + g);
    for (const auto& members : members_)
      for (u32 node : members) {
        const u32 root = heap_.root_of(node);
        const bool is_root = root != kNone && heap_.roots()[root].node == node;
        Edge(kInternal, String(is_root ? heap_.roots()[root].name : "entry"), u64{FirstNode()} + node);
      }
    u64 rest = u64{FirstNode()} + c_.node_count();
    for (u32 n = 0; n < c_.node_count(); ++n) {
      for (u32 e = c_.edge_row[n]; e < c_.edge_row[n + 1]; ++e) Reference(c_.edge_label[e], c_.edge_target[e]);
      for (u32 i = RestsOf(n); i > 0; --i) Edge(kInternal, String("rest"), rest++);
    }
  }

  void Reference(u32 label, u32 target) {
    const u64 to = u64{FirstNode()} + target;
    if (!graph::kHoldingEdges.has(label)) return Edge(kWeak, LabelName(label), to);
    switch (Label::Kind(label)) {
      case LabelKind::kIndex: return Edge(kElement, Label::Value(label), to);
      case LabelKind::kName:
      case LabelKind::kLocal:
      case LabelKind::kKeyName: return Edge(kProperty, LookString(Label::Value(label)), to);
      default: return Edge(kInternal, LabelName(label), to);
    }
  }

  u32 LabelName(u32 label) {
    switch (Label::Kind(label)) {
      case LabelKind::kName:
      case LabelKind::kLocal:
      case LabelKind::kKeyName: return LookString(Label::Value(label));
      case LabelKind::kKeyNode: return String("{*}");
      case LabelKind::kKey: return String("{key}");
      case LabelKind::kType: return String("__class__");
      default: return String("[*]");
    }
  }

  const Heap& heap_;
  const Columns& c_;
  JsonSink out_;
  bool first_ = true;
  u64 entries_ = 0, groups_used_ = 0, rests_ = 0;
  std::array<std::vector<u32>, kGroups.size()> members_;
  std::vector<std::string> strings_;
  std::unordered_map<std::string, u32> string_ids_;
  std::vector<u32> of_look_;
};

}  // namespace

Status WriteHeapSnapshot(const Heap& heap, const std::string& path) {
  UNLEAK_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  UNLEAK_RETURN_IF_ERROR(Exporter(heap, file.fd(), path).Run());
  return file.Commit();
}

}  // namespace unleak::exporting
