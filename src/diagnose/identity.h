// Is the object that lies at an address at a later look the same one? CPython gives memory back and hands it out again
// at once, so that in a flow of short-lived objects addresses alone look as if everything stayed.
//
// Three tests tell: the address; the objects that only this one holds (a new object at the old place holds others,
// while one that merely changed keeps some); and, where entries keep the order in which they came, their order (what
// left and came back is at the end).
#pragma once

#include <unordered_map>
#include <vector>

#include "graph/heap.h"

namespace unleak::diagnose {

// An element as a sketch keeps it: hash of its address in the upper half, so that fingerprints sort by it; below a set
// of the addresses that only it holds, one bit each; 0 where it holds nothing alone.
using Fingerprint = u64;

constexpr u32 HashOf(Fingerprint f) { return static_cast<u32>(f >> 32); }
constexpr u32 OwnedOf(Fingerprint f) { return static_cast<u32>(f); }

// Hash of an element's address.
u32 SketchHash(u64 address);

// The elements of a container in its order: keys of a map (values where keys are missing), members of the others.
std::vector<u32> Elements(const snapshot::Columns& columns, u32 container);

Fingerprint FingerprintOf(const graph::Heap& heap, u32 element);

// Fingerprints of the elements with the `most` smallest hashes, in the container's order: a sample that two looks take
// alike (bottom-k; Cohen & Kaplan 2007). Of a map's key the owned objects are those of the value.
std::vector<Fingerprint> SketchOf(const graph::Heap& heap, u32 container, size_t most);

// The elements of one container of the last look, to compare sketches of it from earlier looks with.
class ElementsNow {
 public:
  ElementsNow(const graph::Heap& heap, u32 container);
  // The share of the sample's elements that are still there, and, where the container keeps an order, still in it.
  double Survival(const std::vector<Fingerprint>& sample) const;

 private:
  struct Entry {
    size_t position;
    u32 node, value;  // value: of a map's entry, else the node itself
  };
  const graph::Heap& heap_;
  bool ordered_, list_;
  std::unordered_map<u32, Entry> entries_;  // by hash
};

// The same for two samples of a population, each with the smallest hashes of all (at most `most`).
double SampleSurvival(const std::vector<Fingerprint>& first, const std::vector<Fingerprint>& now, size_t most);

}  // namespace unleak::diagnose
