#include "graph/fold.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/hash.h"
#include "graph/roots.h"
#include "graph/steps.h"

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::Role;

u64 Mix(u64 a, u64 b) {
  u64 x = (a ^ (b * 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
  x ^= x >> 29;
  x *= 0x94d049bb133111ebull;
  return x ^ (x >> 32);
}

u64 HashText(std::string_view text) {
  return Mix(Fnv1a(text), text.size());
}

// "thread 4711 local x of serve" -> "thread local x of serve": the number differs from run to run.
std::string WithoutThread(const NamedRoot& root) {
  std::string_view name = root.name;
  if (root.rank != 3 && root.rank != 4) return root.name;
  for (std::string_view start : {std::string_view("main thread "), std::string_view("thread ")}) {
    if (name.substr(0, start.size()) != start) continue;
    name.remove_prefix(start == "thread " ? std::min(name.find(' ', start.size()), name.size() - 1) + 1 : start.size());
    return "thread " + std::string(name);
  }
  return root.name;
}

}  // namespace

class Folder {
 public:
  Folder(const Heap& heap, const FoldOptions& options)
      : heap_(heap),
        c_(heap.columns()),
        options_(options),
        names_(c_.strings),
        folded_(heap.node_count(), kNone),
        table_(1024, kNone),
        type_text_(c_.types.size(), kNone) {}

  Fold Run() {
    immortal_text_ = out_.strings_.Intern("immortal");
    unexplained_text_ = out_.strings_.Intern("unexplained");
    for (const NamedRoot& root : heap_.roots()) root_text_.push_back(out_.strings_.Intern(WithoutThread(root)));
    FoldAll();
    TakeContainers();
    TakeTypes();
    return std::move(out_);
  }

 private:
  struct Key {  // of a root: step.value is the string of its name
    u32 parent, type;
    StepName step;
    bool operator==(const Key&) const = default;
  };

  void FoldAll() {
    std::vector<u32> stack;
    for (u32 node = 0; node < heap_.node_count(); ++node) {
      if (!IsReached(node)) continue;
      for (u32 at = node; at != kNone && folded_[at] == kNone; at = heap_.parent(at)) stack.push_back(at);
      for (; !stack.empty(); stack.pop_back()) FoldNode(stack.back());
    }
  }

  bool IsReached(u32 node) const {
    const Population p = heap_.population(node);
    return p == Population::kRetained || p == Population::kUnexplained || p == Population::kImmortal;
  }

  bool IsAttributes(u32 node) const {
    const u32 edge = heap_.parent_edge(node);
    return edge != kNone && names_.dict(c_.edge_label[edge]) && heap_.is_namespace(node);
  }

  void FoldNode(u32 node) {
    u32 parent = heap_.parent(node);
    StepName step;
    if (parent == kNone) {
      const u32 root = heap_.root_of(node);
      const bool immortal = heap_.population(node) == Population::kImmortal;
      const u32 held_by_none = immortal ? immortal_text_ : unexplained_text_;
      step = {StepKind::kRoot, root != kNone ? root_text_[root] : held_by_none};
    } else {
      step = NameStep(heap_, parent, c_.edge_label[heap_.parent_edge(node)]);
      if (IsAttributes(parent)) parent = heap_.parent(parent);
    }
    const u32 index = Find(parent == kNone ? kNone : folded_[parent], step, c_.type[node]);
    folded_[node] = index;
    ++out_.nodes_[index].objects;
    out_.nodes_[index].bytes += c_.size_of(node);
  }

  // The folded node of (parent, step, type), made if it is not there and there is room.
  u32 Find(u32 parent, StepName step, u32 type) {
    if (parent != kNone && keys_[parent].step == step && keys_[parent].type == type) {
      out_.nodes_[parent].run = true;
      return parent;
    }
    const Key key{parent, type, step};
    size_t slot = Slot(key);
    for (; table_[slot] != kNone; slot = (slot + 1) & (table_.size() - 1))
      if (keys_[table_[slot]] == key) return table_[slot];
    if (out_.nodes_.size() >= options_.most_nodes) {
      ++out_.merged_;
      return parent != kNone ? parent : OtherRoots(type);
    }
    table_[slot] = AddNode(key);
    if (keys_.size() * 2 > table_.size()) Grow();
    return static_cast<u32>(keys_.size() - 1);
  }

  size_t Slot(const Key& key) const {
    const u64 step = static_cast<u64>(key.step.kind) << 32 | key.step.value;
    return Mix(Mix(step, key.type), key.parent) & (table_.size() - 1);
  }

  u32 OtherRoots(u32 type) {
    if (other_roots_ == kNone)
      other_roots_ = AddNode({kNone, type, {StepKind::kRoot, out_.strings_.Intern("other roots")}});
    return other_roots_;
  }

  u32 AddNode(const Key& key) {
    keys_.push_back(key);
    FoldedNode node;
    node.parent = key.parent;
    const bool root = key.step.kind == StepKind::kRoot;
    const std::string step = root ? std::string(out_.strings_.at(key.step.value)) : TextOf(heap_, key.step);
    node.step = out_.strings_.Intern(step);
    node.type = TypeText(key.type);
    const u64 own = Mix(HashText(step), HashText(out_.strings_.at(node.type)));
    node.hash = Mix(own, key.parent == kNone ? 0 : out_.nodes_[key.parent].hash);
    out_.nodes_.push_back(node);
    return static_cast<u32>(out_.nodes_.size() - 1);
  }

  void Grow() {
    table_.assign(table_.size() * 2, kNone);
    for (u32 i = 0; i < keys_.size(); ++i) {
      size_t slot = Slot(keys_[i]);
      while (table_[slot] != kNone) slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = i;
    }
  }

  u32 TypeText(u32 type) {
    if (type_text_[type] == kNone) type_text_[type] = out_.strings_.Intern(c_.strings.at(c_.types[type].name));
    return type_text_[type];
  }

  bool IsKept(u32 node) const {
    return IsFoldedContainer(c_.role_of(node)) && folded_[node] != kNone && c_.length_of(node) >= out_.shortest_;
  }

  // The length from which on all containers fit.
  void ChooseShortest() {
    std::array<u64, 65> by_bits{};
    for (u32 node = 0; node < heap_.node_count(); ++node)
      if (IsKept(node)) ++by_bits[static_cast<size_t>(std::bit_width(c_.length_of(node)))];
    u64 kept = 0;
    for (size_t bits = by_bits.size(); bits-- > 0;) {
      kept += by_bits[bits];
      if (kept <= options_.most_containers || bits == 0) continue;
      out_.shortest_ = std::max(out_.shortest_, bits < 64 ? u64{1} << bits : ~u64{0});
      return;
    }
  }

  void TakeContainers() {
    out_.shortest_ = options_.shortest;
    ChooseShortest();
    for (u32 node = 0; node < heap_.node_count(); ++node) {
      if (!IsKept(node)) continue;
      u32 owner = heap_.parent(node);
      if (owner != kNone && IsAttributes(owner)) owner = heap_.parent(owner);
      out_.containers_.push_back({c_.address[node], c_.length_of(node), owner == kNone ? 0 : c_.address[owner],
                                  folded_[node], TypeText(c_.type[node]), c_.role_of(node)});
    }
  }

  void TakeTypes() {
    std::vector<TypeTotal> totals(c_.types.size());
    std::vector<u8> used(c_.types.size(), 0);
    for (u32 node = 0; node < heap_.node_count(); ++node) {
      const size_t p = static_cast<size_t>(heap_.population(node));
      used[c_.type[node]] = 1;
      ++totals[c_.type[node]].objects[p];
      totals[c_.type[node]].bytes[p] += c_.size_of(node);
    }
    for (u32 t = 0; t < totals.size(); ++t) {
      if (!used[t]) continue;
      totals[t].name = TypeText(t);
      out_.types_.push_back(totals[t]);
    }
  }

  const Heap& heap_;
  const Columns& c_;
  const FoldOptions& options_;
  const NameSets names_;
  Fold out_;
  std::vector<u32> folded_;     // heap node -> folded node
  std::vector<Key> keys_;       // parallel to out_.nodes_
  std::vector<u32> table_;      // open addressing over keys_
  std::vector<u32> type_text_;  // type -> string of out_
  std::vector<u32> root_text_;  // root -> string of out_
  u32 immortal_text_ = 0, unexplained_text_ = 0;
  u32 other_roots_ = kNone;  // where roots are counted that do not fit
};

Fold Fold::Make(const Heap& heap, const FoldOptions& options) { return Folder(heap, options).Run(); }

std::string Fold::PathText(u32 node) const {
  std::vector<u32> steps;
  for (u32 at = node; at != kNone; at = nodes_[at].parent) steps.push_back(at);
  std::string out;
  for (size_t i = steps.size(); i-- > 0;) {
    const FoldedNode& step = nodes_[steps[i]];
    constexpr std::string_view kModule = "module ";
    std::string_view word = strings_.at(step.step);
    if (step.parent == kNone && word.substr(0, kModule.size()) == kModule) word.remove_prefix(kModule.size());
    out.append(word);
    if (step.parent == kNone && (word == "unexplained" || word == "immortal"))
      out.append(" ").append(strings_.at(step.type));
    if (step.run) out.append("+");
  }
  return out;
}

bool IsFoldedContainer(Role role) {
  switch (role) {
    case Role::kDict:
    case Role::kList:
    case Role::kTuple:
    case Role::kSet:
    case Role::kFrozenset:
    case Role::kBytearray:
    case Role::kDeque:
    case Role::kOrderedDict:
    case Role::kDefaultdict:
    case Role::kCounter:
    case Role::kQueue:
    case Role::kArray:
      return true;
    default:
      return false;
  }
}

}  // namespace unleak::graph
