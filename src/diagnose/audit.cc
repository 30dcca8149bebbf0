#include "diagnose/audit.h"

#include <algorithm>
#include <unordered_set>

#include "base/hash.h"
#include "diagnose/look.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using graph::Population;
using snapshot::Columns;

constexpr size_t kMostHeld = 4096;

std::vector<u32> TypeHashes(const Columns& c) {
  std::vector<u32> hashes(c.types.size());
  for (size_t t = 0; t < c.types.size(); ++t) hashes[t] = static_cast<u32>(Fnv1a(c.strings.at(c.types[t].name)));
  return hashes;
}

void FoldStrings(const Heap& heap, StringLedger* out) {
  const Columns& c = heap.columns();
  for (u32 n = 0; n < c.node_count(); ++n) {
    if (!(c.flags[n] & snapshot::kInterned) || heap.population(n) != Population::kImmortal) continue;
    ++out->strings;
    out->bytes += c.size_of(n);
    AddToSketch(out->sketch, SketchHash(c.address[n]), kPathSketch);
  }
}

// A conservative reference holds what it leads to if that has a count which nothing else explains: a capsule and what
// its pointer stands for.
bool Holds(const Heap& heap, u32 edge) {
  const u32 label = heap.columns().edge_label[edge];
  if (snapshot::Label::Class(label) == snapshot::EdgeClass::kConservative)
    return heap.surplus(heap.columns().edge_target[edge]) > 0;
  return graph::kHoldingEdges.has(label);
}

}  // namespace

bool IsLost(const Heap& heap, u32 node) {
  return heap.population(node) == Population::kUnexplained && heap.unexplained(node) > 0;
}

void AddToSketch(std::vector<u32>& sketch, u32 hash, size_t most) {
  if (sketch.size() < most) {
    sketch.push_back(hash);
    std::push_heap(sketch.begin(), sketch.end());
  } else if (hash < sketch.front()) {
    std::pop_heap(sketch.begin(), sketch.end());
    sketch.back() = hash;
    std::push_heap(sketch.begin(), sketch.end());
  }
}

double SketchSurvival(const std::vector<u32>& first, const std::vector<u32>& now, size_t most) {
  const u32 reach = now.size() < most ? kNone : now.front();
  const std::unordered_set<u32> there(now.begin(), now.end());
  size_t asked = 0, found = 0;
  for (u32 hash : first)
    if (hash <= reach) ++asked, found += there.count(hash);
  return asked ? static_cast<double>(found) / static_cast<double>(asked) : 1.0;
}

AuditFold FoldAudit(const Heap& heap) {
  const Columns& c = heap.columns();
  const std::vector<u32> hashes = TypeHashes(c);
  std::vector<LostOfType> types(c.types.size());
  AuditFold out;
  for (u32 n : heap.surplus_nodes()) {
    const i64 references = heap.unexplained(n);
    if (references <= 0) continue;
    LostOfType& type = types[c.type[n]];
    if (heap.population(n) == Population::kUnexplained) {
      ++type.lost;
      type.lost_bytes += c.size_of(n);
      AddToSketch(type.sketch, SketchHash(c.address[n]), kPathSketch);
    } else if (heap.population(n) == Population::kRetained) {
      ++type.held;
      type.held_references += static_cast<u64>(references);
      out.held.push_back({c.address[n], static_cast<u64>(references), hashes[c.type[n]]});
    }
  }
  for (size_t t = 0; t < types.size(); ++t) {
    if (types[t].lost == 0 && types[t].held == 0) continue;
    LostOfType& sum = out.types[std::string(c.strings.at(c.types[t].name))];
    sum.lost += types[t].lost;
    sum.lost_bytes += types[t].lost_bytes;
    sum.held += types[t].held;
    sum.held_references += types[t].held_references;
    for (u32 hash : types[t].sketch) AddToSketch(sum.sketch, hash, kPathSketch);
  }
  if (out.held.size() > kMostHeld) {
    std::nth_element(out.held.begin(), out.held.begin() + kMostHeld, out.held.end(),
                     [](const HeldSurplus& a, const HeldSurplus& b) { return a.references > b.references; });
    out.held.resize(kMostHeld);
  }
  std::sort(out.held.begin(), out.held.end(),
            [](const HeldSurplus& a, const HeldSurplus& b) { return a.address < b.address; });
  FoldStrings(heap, &out.strings);
  return out;
}

std::vector<TypeCount> Dragged(const Heap& heap, const std::string& type) {
  const Columns& c = heap.columns();
  graph::Bits seen(c.node_count());
  std::vector<u32> stack, dragged;
  for (u32 n : heap.surplus_nodes())
    if (IsLost(heap, n) && c.type_name(n) == type) seen.set(n), stack.push_back(n);
  while (!stack.empty()) {
    const u32 node = stack.back();
    stack.pop_back();
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 to = c.edge_target[e];
      if (!Holds(heap, e) || heap.population(to) != Population::kUnexplained || IsLost(heap, to)) continue;
      if (!seen.insert(to)) continue;
      stack.push_back(to);
      dragged.push_back(to);
    }
  }
  return CountTypes(heap, dragged);
}

}  // namespace unleak::diagnose
