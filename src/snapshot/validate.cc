#include "snapshot/validate.h"

#include <string>
#include <vector>

#include "snapshot/format.h"

namespace unleak::snapshot {
namespace {

constexpr i64 kIntLimit = i64{1} << 30;

class Validator {
 public:
  explicit Validator(const Columns& columns) : c_(columns), nodes_(columns.address.size()) {}

  Status Run() {
    Lengths();
    if (status_.ok()) Nodes();
    if (status_.ok()) Sparse();
    if (status_.ok()) Edges();
    if (status_.ok()) Types();
    if (status_.ok()) Tables();
    if (status_.ok()) Memory();
    if (status_.ok()) MetaFields();
    return status_;
  }

 private:
  void Fail(const char* column, u64 row, const std::string& what) {
    if (status_.ok())
      status_ = Status(Code::kCorrupt, std::string(column) + " row " + std::to_string(row) + ": " + what);
  }

  // `index` must be below `end`; kNone passes where `optional`.
  void Index(const char* column, u64 row, u32 index, u64 end, bool optional, const char* kind) {
    if (index < end || (optional && index == kNone)) return;
    Fail(column, row, std::to_string(index) + " is not a " + kind);
  }
  void String(const char* column, u64 row, u32 id) { Index(column, row, id, c_.strings.size(), false, "string"); }
  void Node(const char* column, u64 row, u32 id, bool optional) { Index(column, row, id, nodes_, optional, "node"); }

  void Lengths() {
    auto same = [&](const char* column, u64 rows, u64 expected) {
      if (rows != expected) Fail(column, rows, "the column should have " + std::to_string(expected) + " rows");
    };
    if (nodes_ > kMaxRows) Fail("node.address", nodes_, "too many nodes");
    if (c_.edge_target.size() > kMaxRows) Fail("edge.target", c_.edge_target.size(), "too many edges");
    same("node.type", c_.type.size(), nodes_);
    same("node.size", c_.size.size(), nodes_);
    same("node.refcount", c_.refcount.size(), nodes_);
    same("node.flags", c_.flags.size(), nodes_);
    same("node.length", c_.length.size(), nodes_);
    same("edge.label", c_.edge_label.size(), c_.edge_target.size());
    if (nodes_ != 0 || !c_.edge_row.empty()) same("edge.row", c_.edge_row.size(), nodes_ + 1);
  }

  void Nodes() {
    for (u64 n = 1; n < nodes_; ++n)
      if (c_.address[n] <= c_.address[n - 1]) return Fail("node.address", n, "addresses do not ascend");
    const u64 types = c_.types.size();
    for (u64 n = 0; n < nodes_; ++n)
      if (c_.type[n] >= types) return Index("node.type", n, c_.type[n], types, false, "type");
  }

  // Columns of (node, value), by node.
  template <class Pairs, class Check>
  void ByNode(const char* column, const Pairs& pairs, Check&& check) {
    for (u64 i = 0; i < pairs.size() && status_.ok(); ++i) {
      Node(column, i, pairs[i].first, false);
      if (i > 0 && pairs[i].first <= pairs[i - 1].first) Fail(column, i, "nodes do not ascend");
      if (status_.ok()) check(i, pairs[i].first, pairs[i].second);
    }
  }

  void Sparse() {
    ByNode("node.big_sizes", c_.big_size, [&](u64 i, u32 node, u64 bytes) {
      if (c_.size[node] != kNone || bytes < kNone) Fail("node.big_sizes", i, "its size fits the size column");
    });
    ByNode("node.big_lengths", c_.big_length, [&](u64 i, u32 node, u64 length) {
      if (c_.length[node] != kNone || length < kNone) Fail("node.big_lengths", i, "its length fits the length column");
    });
    ByNode("node.ints", c_.ints, [&](u64 i, u32, i64 value) {
      if (value >= kIntLimit || value <= -kIntLimit) Fail("node.ints", i, "is not an int of one digit");
    });
    for (u64 i = 0; i < c_.blocks.size() && status_.ok(); ++i) {
      Node("block.node", i, c_.blocks[i].node, false);
      if (i > 0 && c_.blocks[i].node < c_.blocks[i - 1].node) Fail("block.node", i, "nodes do not ascend");
    }
  }

  void Edges() {
    const auto& row = c_.edge_row;
    if (!row.empty() && row.front() != 0) return Fail("edge.row", 0, "is not 0");
    for (u64 n = 1; n < row.size(); ++n)
      if (row[n] < row[n - 1]) return Fail("edge.row", n, "does not ascend");
    const u64 last = row.empty() ? 0 : row.back();
    if (last != c_.edge_target.size()) return Fail("edge.row", row.size(), "does not end at the number of edges");
    for (u64 e = 0; e < c_.edge_target.size(); ++e)
      if (c_.edge_target[e] >= nodes_) return Node("edge.target", e, c_.edge_target[e], false);
    for (u64 e = 0; e < c_.edge_label.size() && status_.ok(); ++e) LabelAt(e, c_.edge_label[e]);
  }

  void LabelAt(u64 edge, u32 label) {
    const u32 value = Label::Value(label);
    if (value == Label::kMaxValue) return;  // saturated: not known
    switch (Label::Kind(label)) {
      case LabelKind::kName:
      case LabelKind::kKeyName:
      case LabelKind::kLocal: return String("edge.label", edge, value);
      case LabelKind::kKeyNode: return Node("edge.label", edge, value, false);
      default: return;
    }
  }

  void Types() {
    for (u64 t = 0; t < c_.types.size() && status_.ok(); ++t) {
      const Type& type = c_.types[t];
      Node("types", t, type.node, true);
      String("types", t, type.name);
      String("types", t, type.module);
      Index("types", t, type.base, c_.types.size(), true, "type");
      if (type.role > Role::kNdarray) Fail("types", t, "unknown role");
    }
    if (status_.ok()) BaseChains();
  }

  // Following `base` must end: nobody who climbs it has to count steps.
  void BaseChains() {
    enum : u8 { kNew, kOnChain, kDone };
    std::vector<u8> state(c_.types.size(), kNew);
    for (u32 start = 0; start < c_.types.size(); ++start) {
      u32 t = start;
      for (; t != kNone && state[t] == kNew; t = c_.types[t].base) state[t] = kOnChain;
      if (t != kNone && state[t] == kOnChain) return Fail("types", t, "is its own base");
      for (t = start; t != kNone && state[t] == kOnChain; t = c_.types[t].base) state[t] = kDone;
    }
  }

  void Tables() {
    for (u64 i = 0; i < c_.roots.size() && status_.ok(); ++i) RootAt(i, c_.roots[i]);
    for (u64 i = 0; i < c_.threads.size() && status_.ok(); ++i) String("threads", i, c_.threads[i].name);
    for (u64 i = 0; i < c_.frames.size() && status_.ok(); ++i) {
      Index("frames", i, c_.frames[i].thread, c_.threads.size(), true, "thread");
      Index("frames", i, c_.frames[i].code, c_.codes.size(), true, "code object");
    }
    for (u64 i = 0; i < c_.codes.size() && status_.ok(); ++i) {
      const CodeObject& code = c_.codes[i];
      Node("codes", i, code.node, true);
      for (u32 id : {code.name, code.qualname, code.file}) String("codes", i, id);
    }
    CodeBodies();
    for (u64 i = 0; i < c_.maps.size() && status_.ok(); ++i) {
      String("maps", i, c_.maps[i].path);
      if (c_.maps[i].end < c_.maps[i].start) Fail("maps", i, "ends before it starts");
    }
  }

  void CodeBodies() {
    for (u64 i = 0; i < c_.code_bodies.size() && status_.ok(); ++i) {
      const CodeBody& body = c_.code_bodies[i];
      Index("code.bodies", i, body.code, c_.codes.size(), false, "code object");
      const u64 bytes = c_.code_bytes.size(), names = c_.code_names.size();
      const u64 own_names = u64{body.names} + body.locals;
      if (body.first_byte > bytes || u64{body.instruction_bytes} + body.line_bytes > bytes - body.first_byte)
        Fail("code.bodies", i, "its bytes end after the last one");
      if (body.first_name > names || own_names > names - body.first_name || body.fast > body.locals)
        Fail("code.bodies", i, "its names end after the last one");
    }
    for (u64 i = 0; i < c_.code_names.size() && status_.ok(); ++i) String("code.names", i, c_.code_names[i]);
  }

  void Memory() {
    for (u64 i = 0; i < c_.memory.size() && status_.ok(); ++i) {
      const MemoryPart& part = c_.memory[i];
      String("memory", i, part.name);
      const bool known = part.kind <= MemoryKind::kOther || (part.kind >= MemoryKind::kFirstFact && part.kind <= MemoryKind::kHugePages);
      if (!known) Fail("memory", i, "unknown kind");
    }
    for (u64 i = 0; i < c_.memory_sizes.size() && status_.ok(); ++i)
      if (c_.memory_sizes[i].allocator > Allocator::kPymalloc) Fail("memory.sizes", i, "unknown allocator");
    for (u64 i = 0; i < c_.memory_pointers.size() && status_.ok(); ++i) {
      String("memory.pointers", i, c_.memory_pointers[i].file);
      if (c_.memory_pointers[i].allocator > Allocator::kPymalloc) Fail("memory.pointers", i, "unknown allocator");
    }
    for (u64 i = 0; i < c_.memory_sites.size() && status_.ok(); ++i) {
      const MemorySite& site = c_.memory_sites[i];
      for (u32 id : {site.library, site.function, site.file, site.python_function}) String("memory.sites", i, id);
      if (site.allocator > Allocator::kPymalloc) Fail("memory.sites", i, "unknown allocator");
    }
    for (u64 i = 0; i < c_.memory_regions.size() && status_.ok(); ++i) {
      if (c_.memory_regions[i].allocator > Allocator::kPymalloc) Fail("memory.regions", i, "unknown allocator");
      if (c_.memory_regions[i].end < c_.memory_regions[i].start) Fail("memory.regions", i, "ends before it starts");
    }
  }

  void RootAt(u64 row, const Root& root) {
    Node("roots", row, root.node, false);
    String("roots", row, root.name);
    Index("roots", row, root.thread, c_.threads.size(), true, "thread");
    Index("roots", row, root.frame, c_.frames.size(), true, "frame");
    if (root.kind > RootKind::kCaller) Fail("roots", row, "unknown kind");
  }

  void MetaFields() {
    const Meta& meta = c_.meta;
    for (u32 id : {meta.executable, meta.comm, meta.argv}) String("meta", 0, id);
    if (meta.producer > Producer::kSynthetic) Fail("meta", 0, "unknown producer");
    if (meta.stop > Stop::kNone) Fail("meta", 0, "unknown kind of stop");
    for (u64 i = 0; i < meta.skipped_types.size() && status_.ok(); ++i)
      Index("meta.skipped_types", i, meta.skipped_types[i], c_.types.size(), false, "type");
    for (u64 i = 0; i < meta.notes.size() && status_.ok(); ++i) String("meta.notes", i, meta.notes[i]);
  }

  const Columns& c_;
  const u64 nodes_;
  Status status_;
};

}  // namespace

Status Validate(const Columns& columns) { return Validator(columns).Run(); }

}  // namespace unleak::snapshot
