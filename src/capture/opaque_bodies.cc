#include "capture/opaque_bodies.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>

#include "capture/names.h"
#include "pylayout/members.h"

namespace unleak::capture {
namespace {

using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr u32 kSample = 64;           // objects of a type that are looked at first
constexpr u64 kMostBytes = 64 << 20;  // of bodies that one look reads
constexpr u64 kMostBody = 1 << 14;    // bytes of one body
constexpr u64 kTypeName = 256;
constexpr u32 kMostReported = 1 << 12;  // edges of an object that is no container
constexpr int kMostBases = 64;

struct Body {
  u64 from = 0, to = 0;     // offsets; to == 0: nothing to look for
  i64 weak_references = 0;  // offset of the list of weak references, which are not counted
  u32 seen = 0;             // objects in the sample
  bool more = false;        // something was found
};

struct Found {
  u32 source, target;
};

class OpaqueBodies {
 public:
  OpaqueBodies(const NativeInput& in, Columns* columns) : in_(in), l_(in.layout), c_(*columns) {}

  void Run() {
    bodies_.resize(c_.types.size());
    bool any = false;
    for (u32 t = 0; t < bodies_.size(); ++t) any |= FindBody(t);
    if (!any) return;
    Look(Sample());
    found_.clear();
    Look(OfTypesWithMore());
    Keep();
    if (!found_.empty()) Insert();
  }

 private:
  u64 TypeWord(u32 type, i32 offset) {
    return offset < 0 ? 0 : in_.memory.Word(c_.types[type].address + static_cast<u64>(offset));
  }

  bool FindBody(u32 t) {
    const snapshot::Type& type = c_.types[t];
    if (type.address == 0 || type.basic_size > kMostBody) return false;
    Body& body = bodies_[t];
    if (type.role == Role::kNdarray) {
      body.from = static_cast<u64>(l_.object.type) + 8;
    } else if (!type.gc) {
      return false;
    } else if (type.role == Role::kType) {
      body.from = static_cast<u64>(l_.heap_type.size);
    } else if (type.role == Role::kOther || type.role == Role::kInstance) {
      if (IsKnown(t)) return false;
      body.from = static_cast<u64>(l_.object.type) + 8;
    } else {
      return false;
    }
    if (type.basic_size <= body.from) return false;
    body.to = type.basic_size & ~u64{7};
    body.weak_references = static_cast<i64>(TypeWord(t, l_.type.weaklist_offset));
    return true;
  }

  // Does pylayout know what its traverse visits? That of a class statement adds nothing that it does not tell.
  bool IsKnown(u32 type) {
    for (int depth = 0; type != kNone && depth < kMostBases; ++depth, type = c_.types[type].base) {
      const std::string name = in_.memory.CString(TypeWord(type, l_.type.name), kTypeName);
      if (pylayout::FindMembers(l_, name) != nullptr) return true;
      const bool python_class = c_.types[type].heap && name.find('.') == std::string::npos;
      if (!python_class) return false;
    }
    return true;
  }

  std::vector<u32> Sample() {
    std::vector<u32> nodes;
    for (u32 node = 0; node < c_.node_count(); ++node) {
      Body& body = bodies_[c_.type[node]];
      if (body.to != 0 && body.seen < kSample) ++body.seen, nodes.push_back(node);
    }
    return nodes;
  }

  std::vector<u32> OfTypesWithMore() const {
    std::vector<u32> nodes;
    u64 bytes = 0;
    for (u32 node = 0; node < c_.node_count() && bytes < kMostBytes; ++node) {
      const Body& body = bodies_[c_.type[node]];
      if (!body.more) continue;
      bytes += body.to - body.from;
      nodes.push_back(node);
    }
    return nodes;
  }

  void Look(const std::vector<u32>& nodes) {
    std::vector<BatchReader::Piece> pieces;
    for (u32 node : nodes) {
      const Body& body = bodies_[c_.type[node]];
      pieces.push_back({c_.address[node] + body.from, body.to - body.from});
    }
    BatchReader(in_.memory).Read(pieces, [&](size_t i, const u8* bytes) {
      if (bytes != nullptr) LookAt(nodes[i], bytes, pieces[i].size / 8);
    });
  }

  void LookAt(u32 node, const u8* bytes, u64 count) {
    Body& body = bodies_[c_.type[node]];
    const u32 first = c_.edge_row[node], last = c_.edge_row[node + 1];
    if (last - first > kMostReported || (c_.flags[node] & snapshot::kFaulted) != 0) return;
    reported_.assign(c_.edge_target.begin() + first, c_.edge_target.begin() + last);
    for (u64 i = 0; i < count; ++i) {
      u64 word;
      std::memcpy(&word, bytes + i * 8, sizeof word);
      if (word == 0 || (word & 7) != 0 || word >> 47 != 0) continue;
      const u32 target = in_.index.Find(word);
      if (target == kNone || c_.address[target] != word || (c_.flags[target] & snapshot::kImmortal) != 0) continue;
      if (static_cast<i64>(body.from + i * 8) == body.weak_references || target == node) continue;
      const auto known = std::find(reported_.begin(), reported_.end(), target);
      if (known != reported_.end()) {
        *known = kNone;
      } else {
        body.more = true;
        found_.push_back({node, target});
      }
    }
  }

  void Keep() {
    std::vector<u32> targets;
    for (const Found& found : found_) targets.push_back(found.target);
    const auto left = UncountedReferences(c_, targets);
    std::erase_if(found_, [&](const Found& found) { return left.at(found.target) <= 0; });
  }

  // Behind the other edges of their sources; from the last node on, so that all is moved once.
  void Insert() {
    std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) { return a.source < b.source; });
    u32 to = static_cast<u32>(c_.edge_target.size() + found_.size()), next = static_cast<u32>(found_.size());
    c_.edge_target.resize(to);
    c_.edge_label.resize(to);
    for (u32 node = c_.node_count(); node-- > 0 && next > 0;) {
      const u32 first = c_.edge_row[node], last = c_.edge_row[node + 1];
      c_.edge_row[node + 1] = to;
      while (next > 0 && found_[next - 1].source == node) {
        c_.edge_target[--to] = found_[--next].target;
        c_.edge_label[to] = Label::Pack(EdgeClass::kConservative, LabelKind::kNone, 0);
        c_.flags[node] |= snapshot::kOpaque;
      }
      std::copy_backward(c_.edge_target.begin() + first, c_.edge_target.begin() + last, c_.edge_target.begin() + to);
      std::copy_backward(c_.edge_label.begin() + first, c_.edge_label.begin() + last, c_.edge_label.begin() + to);
      to -= last - first;
    }
  }

  const NativeInput& in_;
  const unleak_layout& l_;
  Columns& c_;
  std::vector<Body> bodies_;  // by type
  std::vector<u32> reported_;
  std::vector<Found> found_;
};

}  // namespace

void AddOpaqueEdges(const NativeInput& input, Columns* columns) { OpaqueBodies(input, columns).Run(); }

}  // namespace unleak::capture
