// What a heap text says, before it becomes columns: nodes by name, edges to names.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.h"
#include "snapshot/columns.h"

namespace unleak::testing::heap {

// A node's name: an interned word and, for members of a range, an index.
struct Ref {
  static constexpr u32 kNoIndex = 0xffffffff;
  u32 word = kNone;
  u32 index = kNoIndex;
  u64 key() const { return u64{word} << 32 | index; }
};

struct Edge {
  snapshot::EdgeClass edge_class = snapshot::EdgeClass::kTraverse;
  snapshot::LabelKind kind = snapshot::LabelKind::kNone;
  bool make_key = false;  // {*}: a key of its own is made
  u32 value = 0;          // index, or the word of a name
  Ref key = {};           // of kKeyNode
  Ref target = {};
};

enum class Count : u8 { kComputed, kExact, kRelative };

struct Node {
  Ref name;
  u32 type = 0;
  u64 address = 0;
  std::optional<u64> size, length;
  std::optional<i64> value;        // of an int
  Count count = Count::kComputed;
  i64 refcount = 0;
  u16 set_flags = 0, clear_flags = 0;
  std::vector<u64> blocks;
  std::vector<Edge> edges;
};

struct RootSpec {
  snapshot::RootKind kind = snapshot::RootKind::kInterpreter;
  bool module = false;
  bool conservative = false;
  u32 name = 0;                    // word
  u32 thread = kNone, frame = kNone;
  Ref target;
};

// State of one look. Copied when the next look begins.
struct Model {
  snapshot::Meta meta;
  std::vector<snapshot::Type> types;         // name: word; node is set from type_nodes
  std::vector<Ref> type_nodes;               // parallel to types; word kNone: none
  std::unordered_map<u64, Node> nodes;       // by Ref::key()
  std::vector<RootSpec> roots;
  std::vector<snapshot::Thread> threads;     // name: word
  std::vector<snapshot::Frame> frames;
  std::vector<snapshot::CodeObject> codes;   // names: words
  std::vector<Ref> code_nodes;               // parallel to codes
  std::vector<snapshot::MemoryMap> maps;     // path: word
  std::vector<snapshot::CollectorState> collectors;
  std::vector<u32> notes;                    // words
  std::unordered_map<u32, u32> type_ids, thread_ids, frame_ids, code_ids;  // word to index
};

// Words by id, and the addresses of names: an object keeps its address from look to look.
class Words {
 public:
  u32 Intern(std::string_view text);
  const std::string& at(u32 word) const { return text_[word]; }
  std::string NameOf(Ref ref) const;
  // The address of a name, given out in the order of first mention.
  u64 AddressOf(Ref ref);
  bool HasAddress(Ref ref) const { return addresses_.contains(ref.key()); }

 private:
  std::deque<std::string> text_;
  std::unordered_map<std::string_view, u32> ids_;
  std::unordered_map<u64, u64> addresses_;
  u64 next_address_ = 0x7f0000000000;
};

// The index of a type, declared with what is known of builtin types when it is not there yet.
u32 TypeOf(Model& model, u32 word, const std::string& name);

}  // namespace unleak::testing::heap
