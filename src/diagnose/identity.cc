#include "diagnose/identity.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

using graph::Heap;
using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr u32 kMostMembers = 32;  // of an element that are looked at
constexpr double kFewDescents =
    0.05;  // a rotated order has one place where it falls; a heap that was sorted anew has many

u64 Mix(u64 a, u64 b) {
  u64 x = (a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdull;
  return x ^ (x >> 33);
}

bool IsGuess(u32 label) { return Label::Class(label) == EdgeClass::kConservative; }

// The objects that only `element` holds, one bit each.
u32 Owned(const Heap& heap, u32 element) {
  const Columns& c = heap.columns();
  u32 bits = 0;
  const u32 end = std::min(c.edge_row[element + 1], c.edge_row[element] + kMostMembers);
  for (u32 e = c.edge_row[element]; e < end; ++e) {
    const u32 to = c.edge_target[e];
    if (IsGuess(c.edge_label[e]) || (c.flags[to] & snapshot::kImmortal) || heap.dominator(to) != element) continue;
    bits |= 1u << (SketchHash(c.address[to]) & 31);
  }
  return bits;
}

// The values of a map's entries whose keys are among `keys` (sorted nodes).
std::unordered_map<u32, u32> ValuesOf(const Columns& c, u32 map, const std::vector<u32>& keys) {
  std::unordered_map<u32, u32> values;
  for (u32 e = c.edge_row[map]; e < c.edge_row[map + 1]; ++e)
    if (Label::Kind(c.edge_label[e]) == LabelKind::kKeyNode &&
        std::binary_search(keys.begin(), keys.end(), Label::Value(c.edge_label[e])))
      values.emplace(Label::Value(c.edge_label[e]), c.edge_target[e]);
  return values;
}

// Longest run of positions that rise, not necessarily side by side.
size_t LongestRise(const std::vector<size_t>& positions) {
  std::vector<size_t> ends;
  for (size_t p : positions) {
    auto it = std::lower_bound(ends.begin(), ends.end(), p);
    if (it == ends.end())
      ends.push_back(p);
    else
      *it = p;
  }
  return ends.size();
}

size_t Descents(const std::vector<size_t>& positions) {
  size_t descents = 0;
  for (size_t i = 1; i < positions.size(); ++i) descents += positions[i] < positions[i - 1];
  return descents;
}

// A new object at an old place: it holds others alone than the one before.
bool Replaced(u32 before, u32 now) { return before != 0 && (before & now) == 0; }

}  // namespace

u32 SketchHash(u64 address) { return static_cast<u32>(Mix(address >> 4, 0x5bd1e995) >> 7); }

std::vector<u32> Elements(const Columns& c, u32 container) {
  std::vector<u32> keys, all;
  for (u32 e = c.edge_row[container]; e < c.edge_row[container + 1]; ++e) {
    const auto kind = Label::Kind(c.edge_label[e]);
    if (kind == LabelKind::kType || Label::Class(c.edge_label[e]) == EdgeClass::kType || IsGuess(c.edge_label[e]))
      continue;
    if (kind == LabelKind::kKey) keys.push_back(c.edge_target[e]);
    all.push_back(c.edge_target[e]);
  }
  return keys.empty() ? all : keys;
}

Fingerprint FingerprintOf(const Heap& heap, u32 element) {
  return u64{SketchHash(heap.columns().address[element])} << 32 | Owned(heap, element);
}

std::vector<Fingerprint> SketchOf(const Heap& heap, u32 container, size_t most) {
  const Columns& c = heap.columns();
  std::vector<u32> elements = Elements(c, container);
  const auto hash = [&](u32 n) { return SketchHash(c.address[n]); };
  if (elements.size() > most) {
    std::vector<u32> hashes;
    hashes.reserve(elements.size());
    for (u32 n : elements) hashes.push_back(hash(n));
    std::nth_element(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(most), hashes.end());
    const u32 limit = hashes[most];
    std::erase_if(elements, [&](u32 n) { return hash(n) >= limit; });
  }
  std::vector<u32> sorted = elements;
  std::sort(sorted.begin(), sorted.end());
  const auto values = ValuesOf(c, container, sorted);
  std::vector<Fingerprint> sketch;
  for (u32 n : elements) {
    auto value = values.find(n);
    sketch.push_back(u64{hash(n)} << 32 | Owned(heap, value == values.end() ? n : value->second));
  }
  return sketch;
}

ElementsNow::ElementsNow(const Heap& heap, u32 container) : heap_(heap) {
  const Columns& c = heap.columns();
  const Role role = c.role_of(container);
  ordered_ = role != Role::kSet && role != Role::kFrozenset;
  list_ = role == Role::kList;
  const std::vector<u32> elements = Elements(c, container);
  entries_.reserve(elements.size());
  for (size_t i = 0; i < elements.size(); ++i)
    entries_.emplace(SketchHash(c.address[elements[i]]), Entry{i, elements[i], elements[i]});
  for (u32 e = c.edge_row[container]; e < c.edge_row[container + 1]; ++e) {
    if (Label::Kind(c.edge_label[e]) != LabelKind::kKeyNode || Label::Value(c.edge_label[e]) >= c.node_count())
      continue;
    auto it = entries_.find(SketchHash(c.address[Label::Value(c.edge_label[e])]));
    if (it != entries_.end()) it->second.value = c.edge_target[e];
  }
}

double ElementsNow::Survival(const std::vector<Fingerprint>& sample) const {
  if (sample.empty()) return 1.0;
  std::vector<size_t> positions;
  for (Fingerprint f : sample) {
    auto it = entries_.find(HashOf(f));
    if (it == entries_.end() || (OwnedOf(f) != 0 && Replaced(OwnedOf(f), Owned(heap_, it->second.value)))) continue;
    positions.push_back(it->second.position);
  }
  size_t survived = positions.size();
  const bool sorted_anew =
      list_ && static_cast<double>(Descents(positions)) > 2 + kFewDescents * static_cast<double>(positions.size());
  if (ordered_ && !sorted_anew) survived = LongestRise(positions);
  return static_cast<double>(survived) / static_cast<double>(sample.size());
}

double SampleSurvival(const std::vector<Fingerprint>& first, const std::vector<Fingerprint>& now, size_t most) {
  u32 reach = kNone;
  std::unordered_map<u32, u32> there;
  if (now.size() >= most) reach = 0;
  for (Fingerprint f : now) {
    there.emplace(HashOf(f), OwnedOf(f));
    if (now.size() >= most) reach = std::max(reach, HashOf(f));
  }
  size_t asked = 0, found = 0;
  for (Fingerprint f : first) {
    if (HashOf(f) > reach) continue;
    ++asked;
    auto it = there.find(HashOf(f));
    found += it != there.end() && !Replaced(OwnedOf(f), it->second);
  }
  return asked ? static_cast<double>(found) / static_cast<double>(asked) : 1.0;
}

}  // namespace unleak::diagnose
