#include "diagnose/place.h"

#include <algorithm>

#include "diagnose/look.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr size_t kMostMembers = 64;  // of one entry are looked at

bool Holds(u32 label) {
  const EdgeClass edge_class = Label::Class(label);
  return Label::Kind(label) != LabelKind::kType && edge_class != EdgeClass::kType &&
         edge_class != EdgeClass::kConservative;
}

// Members of the container's dominator subtree without itself, or its elements where they are shared with somebody.
std::vector<u32> Held(const Heap& heap, u32 node, const std::vector<u32>& elements) {
  std::vector<u32> held;
  held.reserve(heap.retained_objects(node));  // millions: a vector that doubles takes three times that
  for (u32 n = 0; n < heap.node_count(); ++n)
    if (n != node && heap.dominates(node, n)) held.push_back(n);
  if (held.size() >= elements.size()) return held;
  held.insert(held.end(), elements.begin(), elements.end());
  std::sort(held.begin(), held.end());
  held.erase(std::unique(held.begin(), held.end()), held.end());
  return held;
}

std::vector<u32> Owners(const Heap& heap, u32 node) {
  std::vector<u32> owners;
  for (u32 at = heap.parent(node); at != kNone && owners.size() < Place::kMostOwners; at = heap.parent(at))
    owners.push_back(at);
  return owners;
}

}  // namespace

bool Place::OwnedBy(Role wanted, size_t hops) const {
  for (size_t i = 0; i < owners.size() && i < hops; ++i)
    if (role(owners[i]) == wanted) return true;
  return false;
}

Place MakePlace(const Heap& heap, const Holder& holder, u32 node) {
  const Columns& c = heap.columns();
  Place place{heap, holder, node, {}, {}, {}, Owners(heap, node)};
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
    if (!Holds(c.edge_label[e])) continue;
    (Label::Kind(c.edge_label[e]) == LabelKind::kKey ? place.keys : place.values).push_back(c.edge_target[e]);
  }
  std::vector<u32> members = place.values;
  members.insert(members.end(), place.keys.begin(), place.keys.end());
  place.held = Held(heap, node, members);
  return place;
}

Place MakeLonePlace(const Heap& heap, const Holder& holder, u32 node) {
  return {heap, holder, node, {}, {node}, Held(heap, node, {}), Owners(heap, node)};
}

double Share(const std::vector<u32>& nodes, const NodeTest& test) {
  if (nodes.empty()) return 0.0;
  const size_t step = std::max<size_t>(1, nodes.size() / Place::kMostSampled);
  size_t asked = 0, passed = 0;
  for (size_t i = 0; i < nodes.size(); i += step) ++asked, passed += test(nodes[i]);
  return static_cast<double>(passed) / static_cast<double>(asked);
}

std::vector<u32> Members(const Columns& c, u32 node) {
  std::vector<u32> members;
  for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1] && members.size() < kMostMembers; ++e)
    if (Holds(c.edge_label[e])) members.push_back(c.edge_target[e]);
  return members;
}

bool ItselfOrMember(const Columns& c, u32 node, const NodeTest& test) {
  if (test(node)) return true;
  const Role role = c.role_of(node);
  if (role != Role::kTuple && role != Role::kInstance && role != Role::kOther) return false;
  for (u32 member : Members(c, node)) {
    if (test(member)) return true;
    if (role != Role::kTuple && c.role_of(member) == Role::kDict &&
        c.length_of(member) <= kMostMembers)  // its __dict__
      for (u32 value : Members(c, member))
        if (test(value)) return true;
  }
  return false;
}

}  // namespace unleak::diagnose
