// Names for people: which type an author would name, what holds an object, what a cycle looks like.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "graph/heap.h"

namespace unleak::diagnose {

using Json = nlohmann::json;

// Where a container hangs, as a question can ask for it (docs/questions.md, "holder").
struct Holder {
  std::string root;       // "module shop.sessions", "thread 1 frame serve", "interpreter atexit"
  std::string text;       // "shop.sessions.ACTIVE[*]"
  std::string kind;       // module-global, class-attribute, instance-attribute, closure-variable, local-variable, interpreter
  std::string module, owner_class, function, name;
  u32 owner = kNone;      // instance, class or module that has the attribute `name`
  std::vector<std::string> inner;
  Json path = Json::array();  // [{"edge", "type"}], folded
  bool via_frame = false;     // the path starts in a running frame
  bool guessed = false;       // the path starts at a word that only looks like a reference
  bool known = false;         // reached from a root at all
};

// Describes the shortest path to `node`.
Holder DescribeHolder(const graph::Heap& heap, u32 node);

// How telling a type is of an object's purpose, larger is better: classes of the program, then library classes, exceptions,
// frames and functions, then builtin containers, then plain values.
int Telling(const snapshot::Columns& columns, u32 type);

struct TypeCount {
  std::string type;
  u64 objects = 0, bytes = 0;
};

// Counts objects by type, one at a time, so that nobody has to list millions of them first.
class TypeCounter {
 public:
  explicit TypeCounter(const graph::Heap& heap) : heap_(heap), totals_(heap.columns().types.size()) {}
  void Add(u32 node) {
    Total& total = totals_[heap_.columns().type[node]];
    ++total.objects;
    total.bytes += heap_.columns().size_of(node);
  }
  // Most telling first, among equals by bytes.
  std::vector<TypeCount> Counts() const;

 private:
  struct Total {
    u64 objects = 0, bytes = 0;
  };
  const graph::Heap& heap_;
  std::vector<Total> totals_;  // by type
};

// The same of `nodes`, and of all that `node` dominates, itself included.
std::vector<TypeCount> CountTypes(const graph::Heap& heap, const std::vector<u32>& nodes);
std::vector<TypeCount> CountDominated(const graph::Heap& heap, u32 node);
Json ToJson(const std::vector<TypeCount>& counts, size_t limit);

// The last word of a qualified name: "app.Session" -> "Session".
std::string ShortName(std::string_view qualified);

// Of an instance's or module's dict: the object that owns it by its __dict__ edge, kNone otherwise.
u32 DictOwner(const graph::Heap& heap, u32 dict);

// The code object (index into columns.codes) of a function, method, frame, generator or code node; kNone if none is found.
u32 CodeOf(const graph::Heap& heap, u32 node);

// The target of the edge of `node` with that name; kNone if there is none.
u32 Member(const snapshot::Columns& columns, u32 node, std::string_view name);

// The value of an int, or the maxlen of a deque, where the look keeps it (Columns::ints); -1 if not, or for kNone.
i64 KnownInt(const snapshot::Columns& columns, u32 node);

std::string FormatBytes(double bytes);
std::string FormatCount(u64 count);

}  // namespace unleak::diagnose
