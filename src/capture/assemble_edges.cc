#include <algorithm>
#include <bit>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr u64 kMaxKeyLength = 200;            // characters of an attribute's or module's name
constexpr u64 kStray = ~u64{0} << 47;         // in a resolved label word: payload is an address, not a node id
constexpr size_t kAhead = 12;                 // edges between prefetch and use

u64 Kind(u64 label) { return label & 7; }

// The dicts of sys.modules: their keys are names of modules.
std::vector<u64> ModuleDicts(Assembly& a) {
  std::vector<u64> dicts;
  for (const ArrivedGroup& group : a.groups) {
    if (group.group != UNLEAK_GROUP_INTERPRETER) continue;
    dicts.push_back(a.in.memory.Word(group.context + static_cast<u64>(a.layout().interpreter.modules)));
  }
  return dicts;
}

void Want(Assembly& a, u32 key, u32 how) {
  u32& state = a.names[key];
  if (state & how || state == kNone) return;
  const bool text = a.in.types[a.out.type[key]].kind == UNLEAK_STR && a.out.length[key] <= kMaxKeyLength;
  if (text && state == 0) a.wanted.push_back(key);
  state = text ? state | how : kNone;
}

// Turns the key address of a label word into a node id, and notes that its text is wanted.
void ResolveKey(Assembly& a, ArrivedEdge& edge, u32 how) {
  const u64 kind = Kind(edge.label()), address = edge.label() & ~u64{7};
  const u32 key = a.Find(address);
  if (key != kNone) {
    Want(a, key, kind == UNLEAK_LABEL_ATTR ? u32{kWantAttribute} : how);
    edge.set_label(u64{key} << 3 | kind);
  } else if (kind == UNLEAK_LABEL_ATTR) {
    a.strays.emplace(address, 0);
    edge.set_label(kStray | (address & ~kStray) | kind);
  } else {
    edge.set_label(UNLEAK_LABEL_NONE);
  }
}

void ResolveNode(Assembly& a, const ArrivedNode& node, u32 how) {
  bool locals = false;
  for (size_t e = node.extra();; ++e) {
    ArrivedEdge& edge = a.edges[e];
    if (e + kAhead < a.edges.size()) a.index.Prefetch(a.edges[e + kAhead].target());
    const u64 flags = edge.target() & 7, kind = Kind(edge.label());
    const u32 target = a.Find(edge.target() & ~u64{7});
    if (target == kNone) ++a.out.meta.bad_edges;
    edge.set_target(u64{target} << 3 | flags);
    if (kind == UNLEAK_LABEL_VALUE || kind == UNLEAK_LABEL_ATTR) ResolveKey(a, edge, how);
    locals |= kind == UNLEAK_LABEL_LOCAL;
    if (flags & ArrivedEdge::kLast) break;
  }
  if (locals) a.local_sources.push_back(a.Find(node.address()));
}

bool Keep(u32 how, bool interned, const std::string& text) {
  if (how & kWantAttribute) return true;
  if (how & kWantModule && IsDottedIdentifier(text)) return true;
  const bool wanted = how & kWantIdentifier || (how & kWantInterned && interned);
  return wanted && text.size() <= kMaxNameLength && IsIdentifier(text);
}

// Writes the edges of one look, node by node in id order.
class EdgeWriter {
 public:
  explicit EdgeWriter(Assembly& a)
      : a_(a), out_(a.out), kept_(out_.node_count() / 64 + 1), dict_name_(a.String("__dict__")),
        defaults_name_(a.String("__defaults__")), kwdefaults_name_(a.String("__kwdefaults__")) {}

  void Run() {
    const u32 count = out_.node_count();
    ReserveInOldPages(&out_.edge_row, count + size_t{1}, a_.nodes);
    ReserveInOldPages(&out_.edge_target, a_.edges.size(), a_.nodes);
    ReserveInOldPages(&out_.edge_label, a_.edges.size(), a_.nodes);
    a_.nodes.Release();
    out_.edge_row.resize(count + size_t{1});
    for (u32 id = 0; id < count; ++id) {
      out_.edge_row[id] = static_cast<u32>(out_.edge_target.size());
      if (id + kAhead < count && a_.extra[id + kAhead] < a_.edges.size()) __builtin_prefetch(&a_.edges[a_.extra[id + kAhead]]);
      if (const u32 first = a_.extra[id]; first != kNone && !HasValue(id)) WriteNode(id, first);
    }
    out_.edge_row[count] = static_cast<u32>(out_.edge_target.size());
    KeepHolders();
    WriteInts();
  }

 private:
  void WriteNode(u32 source, size_t first) {
    const u32 type = out_.type[source];
    const bool cell = out_.types[type].role == Role::kCell;
    for (size_t e = first;; ++e) {
      const ArrivedEdge& edge = a_.edges[e];
      const u32 target = static_cast<u32>(edge.target() >> 3);
      if (target != kNone) {
        const u32 label = LabelOf(source, type, target, edge);
        out_.edge_target.push_back(target);
        out_.edge_label.push_back(label);
        if (Label::Kind(label) == LabelKind::kName) {
          KeepInt(target);
          NoteHolder(target, Label::Value(label));
        } else if (cell) {
          KeepInt(target);
        }
      }
      if (edge.target() & ArrivedEdge::kLast) return;
    }
  }

  u32 LabelOf(u32 source, u32 type, u32 target, const ArrivedEdge& edge) {
    const EdgeClass edge_class = static_cast<EdgeClass>(edge.target() & 3);
    const u64 label = edge.label(), payload = label >> 3;
    const auto pack = [&](LabelKind kind, u64 value) {
      return Label::Pack(edge_class, kind, static_cast<u32>(std::min<u64>(value, Label::kMaxValue)));
    };
    if (edge_class == EdgeClass::kType) return pack(LabelKind::kType, 0);
    switch (Kind(label)) {
      case UNLEAK_LABEL_INDEX: return pack(LabelKind::kIndex, payload);
      case UNLEAK_LABEL_VALUE: return KeyLabel(edge_class, static_cast<u32>(payload));
      case UNLEAK_LABEL_KEY: return pack(LabelKind::kKey, 0);
      case UNLEAK_LABEL_ATTR: return AttributeLabel(edge_class, label);
      case UNLEAK_LABEL_LOCAL: return LocalLabel(edge_class, source, payload);
      case UNLEAK_LABEL_BODY: {
        const i64 offset = static_cast<i64>(label) >> 3;
        if (offset == a_.layout().object.type) return pack(LabelKind::kType, 0);
        return pack(LabelKind::kName, MemberName(a_, type, offset));
      }
      default:
        return pack(target == out_.types[type].node ? LabelKind::kType : LabelKind::kNone, 0);
    }
  }

  u32 KeyLabel(EdgeClass edge_class, u32 key) {
    const u32 state = a_.names[key];
    if (state >= kNameFirst && state != kNone) return Label::Pack(edge_class, LabelKind::kKeyName, state - kNameFirst);
    if (key >= Label::kMaxValue) return Label::Pack(edge_class, LabelKind::kNone, 0);  // cannot be said in 27 bits
    return Label::Pack(edge_class, LabelKind::kKeyNode, key);
  }

  u32 AttributeLabel(EdgeClass edge_class, u64 label) {
    u32 name = 0;
    if (label & kStray) {
      name = a_.strays[label & ~kStray & ~u64{7}];
    } else {
      const u32 state = a_.names[label >> 3];
      if (state >= kNameFirst && state != kNone) name = state - kNameFirst;
    }
    return Label::Pack(edge_class, LabelKind::kName, name);
  }

  u32 LocalLabel(EdgeClass edge_class, u32 source, u64 index) {
    if (source != local_source_) {
      local_source_ = source;
      const auto code = a_.code_of.find(source);
      local_code_ = code == a_.code_of.end() ? kNone : code->second;
    }
    const u32 name = local_code_ == kNone ? 0 : LocalName(a_, local_code_, index);
    return name ? Label::Pack(edge_class, LabelKind::kLocal, name) : Label::Pack(edge_class, LabelKind::kNone, 0);
  }

  bool HasValue(u32 node) const { return a_.has_value[node >> 6] >> (node & 63) & 1; }

  // The ints that may be kept: held by an attribute, a default or a cell.
  void KeepInt(u32 node) {
    const u64 bit = a_.has_value[node >> 6] & u64{1} << (node & 63);
    kept_count_ += bit && !(kept_[node >> 6] & bit);
    kept_[node >> 6] |= bit;
  }

  void WriteInts() {
    out_.ints.reserve(kept_count_);
    for (size_t word = 0; word < kept_.size(); ++word) {
      for (u64 bits = kept_[word]; bits; bits &= bits - 1) {
        const u32 node = static_cast<u32>(word * 64) + static_cast<u32>(std::countr_zero(bits));
        out_.ints.emplace_back(node, i64{a_.extra[node]} - (i64{1} << 31));
      }
    }
  }

  void NoteHolder(u32 target, u32 name) {
    if (name == dict_name_ || name == defaults_name_ || name == kwdefaults_name_) holders_.push_back(target);
  }

  // Ints in the dict of an object, class or module, and in the defaults of a function.
  void KeepHolders() {
    for (u32 holder : holders_) {
      const Role role = out_.role_of(holder);
      if (role != Role::kDict && role != Role::kTuple) continue;
      for (u32 e = out_.edge_row[holder]; e < out_.edge_row[holder + 1]; ++e) {
        const LabelKind kind = Label::Kind(out_.edge_label[e]);
        if (kind == LabelKind::kKeyName || kind == LabelKind::kIndex) KeepInt(out_.edge_target[e]);
      }
    }
  }

  Assembly& a_;
  snapshot::Columns& out_;
  std::vector<u64> kept_;  // bit a node: its value goes into the snapshot
  size_t kept_count_ = 0;
  std::vector<u32> holders_;
  u32 dict_name_, defaults_name_, kwdefaults_name_;
  u32 local_source_ = kNone, local_code_ = kNone;
};

}  // namespace

void ResolveEdges(Assembly& a) {
  const std::vector<u64> modules = ModuleDicts(a);
  for (const ArrivedNode& node : a.nodes) {
    if (node.leaf() || node.extra() == kNone) continue;
    u32 how = node.Wide(a.wide).length > kLargeDict ? kWantInterned : kWantIdentifier;
    if (std::find(modules.begin(), modules.end(), node.address()) != modules.end()) how = kWantModule;
    ResolveNode(a, node, how);
  }
}

void ReadNames(Assembly& a) {
  std::vector<BatchReader::Piece> pieces;
  const TextReader texts(a.layout(), a.in.memory);
  std::sort(a.wanted.begin(), a.wanted.end());
  for (u32 id : a.wanted) {
    pieces.push_back({a.out.address[id], std::min<u64>(a.out.size[id], texts.BytesFor(kMaxKeyLength))});
  }
  std::string text;
  BatchReader(a.in.memory).Read(pieces, [&](size_t i, const u8* bytes) {
    const u32 id = a.wanted[i];
    const bool good = bytes && texts.Decode(bytes, pieces[i].size, kMaxKeyLength, &text) &&
                      Keep(a.names[id], a.out.flags[id] & snapshot::kInterned, text);
    a.names[id] = good ? a.String(text) + kNameFirst : kNone;
  });
  for (auto& [address, name] : a.strays) {
    if (texts.Read(address, kMaxKeyLength, &text)) name = a.String(text);
  }
}

void WriteEdges(Assembly& a) { EdgeWriter(a).Run(); }

}  // namespace unleak::capture
