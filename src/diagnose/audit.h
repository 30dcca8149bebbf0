// What a look tells of reference counts that nothing explains, folded for the comparison of looks, and of interned
// strings that nothing but the interpreter's table of them keeps.
//
// An object is *lost* if it is in population B with a reference of its own that nothing explains: nobody can give it
// back any more. What only lost objects hold is *dragged*. An object that a root holds (A) may have references too many
// as well: its count grows although nothing new refers to it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "diagnose/names.h"
#include "graph/heap.h"

namespace unleak::diagnose {

struct LostOfType {
  u64 lost = 0, lost_bytes = 0;
  u64 held = 0, held_references = 0;  // objects in A with references too many, and how many those are
  std::vector<u32> sketch;            // smallest hashes of the lost ones' addresses, heap-ordered (look.h)
};

// One object in A with references too many.
struct HeldSurplus {
  u64 address = 0;
  u64 references = 0;
  u32 type_hash = 0;
};

// Interned strings in population I: immortal, and no object or root refers to them.
struct StringLedger {
  u64 strings = 0, bytes = 0;
  std::vector<u32> sketch;
};

struct AuditFold {
  std::unordered_map<std::string, LostOfType> types;
  std::vector<HeldSurplus> held;  // ascending by address; of many those with the largest surplus
  StringLedger strings;
};

// In population B with a reference of its own that nothing explains.
bool IsLost(const graph::Heap& heap, u32 node);

AuditFold FoldAudit(const graph::Heap& heap);

// Objects that only lost objects of the type hold, most telling first; the lost ones are left out.
std::vector<TypeCount> Dragged(const graph::Heap& heap, const std::string& type);

// Keeps the smallest `most` hashes; `sketch` is a max-heap.
void AddToSketch(std::vector<u32>& sketch, u32 hash, size_t most);

// Share of the addresses of the earlier sketch that are in the later one, where that one can tell; 1 if none can.
double SketchSurvival(const std::vector<u32>& first, const std::vector<u32>& now, size_t most);

}  // namespace unleak::diagnose
