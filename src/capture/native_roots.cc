#include "capture/native_roots.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "capture/names.h"

namespace unleak::capture {
namespace {

using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::RootKind;

constexpr u64 kPage = 4096, kChunk = 64 * kPage;
constexpr u64 kMostBytes = u64{1} << 30;  // of native memory that one look goes through
constexpr u64 kMostState = 1 << 20;       // bytes of one module's state
constexpr size_t kMostHits = 1 << 24;
constexpr size_t kMostModules = 1 << 20;

// Where words were found; becomes the name of roots.
struct Place {
  RootKind kind;
  std::string name;
  u64 base = 0;  // kCaller: offsets are shown, from here on
  u32 thread = kNone;
};

struct Hit {
  u32 node;
  u32 place;
  u64 address;  // of the word
};

struct Span {
  u64 start, end;
};

class NativeScan {
 public:
  NativeScan(const NativeInput& in, Columns* columns) : in_(in), l_(in.layout), c_(*columns) {}

  void Run() {
    FindExactWords();
    StateRanges();
    DataRanges();
    Stacks();
    ModuleStates();
    AddRoots();
  }

 private:
  static u64 At(u64 base, i64 offset) { return base + static_cast<u64>(offset); }

  // Addresses of words whose references are counted already.
  void FindExactWords() {
    for (u64 interpreter : in_.interpreter_states) {
      for (i32 i = 0; i < l_.interpreter_roots_n; ++i)
        exact_.push_back(At(interpreter, l_.interpreter_roots[i].offset));
      const auto& s = l_.static_types;
      for (i32 i = 0; s.offset >= 0 && i < s.max; ++i) ExactStaticType(At(interpreter, s.offset + i64{i} * s.stride));
      for (i32 i = 0; s.offset2 >= 0 && i < s.max2; ++i)
        ExactStaticType(At(interpreter, s.offset2 + i64{i} * s.stride));
    }
    for (u64 thread : in_.thread_states) {
      for (i32 i = 0; i < l_.thread_roots_n; ++i) exact_.push_back(At(thread, l_.thread_roots[i].offset));
    }
    std::sort(exact_.begin(), exact_.end());
  }
  void ExactStaticType(u64 state) {
    exact_.push_back(At(state, l_.static_types.dict));
    exact_.push_back(At(state, l_.static_types.subclasses));
  }

  void StateRanges() {
    for (u64 interpreter : in_.interpreter_states) {
      AddState(interpreter, l_.interpreter.size, {RootKind::kInterpreter, "state", 0, kNone});
    }
    for (u32 i = 0; i < in_.thread_states.size(); ++i) {
      AddState(in_.thread_states[i], l_.thread.size, {RootKind::kThread, "state", 0, i});
    }
  }
  void AddState(u64 start, i32 size, Place place) {
    if (start == 0 || size <= 0) return;
    ScanRange({start, At(start, size)}, std::move(place));
    scanned_.push_back({start, At(start, size)});
  }

  void DataRanges() {
    std::sort(scanned_.begin(), scanned_.end(), [](const Span& a, const Span& b) { return a.start < b.start; });
    for (NativeRange& range : FindDataRanges(in_.memory, in_.maps)) {
      MarkStatic(range.start, range.end);
      ScanRange({range.start, range.end}, {RootKind::kCaller, std::move(range.name), range.base, kNone});
    }
  }
  void MarkStatic(u64 start, u64 end) {
    auto at = std::lower_bound(c_.address.begin(), c_.address.end(), start);
    for (; at != c_.address.end() && *at < end; ++at)
      c_.flags[static_cast<size_t>(at - c_.address.begin())] |= snapshot::kStatic;
  }

  void Stacks() {
    std::unordered_map<u64, u32> by_tid;
    std::vector<u64> idents;
    for (u32 i = 0; i < c_.threads.size(); ++i) {
      by_tid.emplace(c_.threads[i].native_id, i);
      idents.push_back(c_.threads[i].ident);
    }
    const auto place_of = [&](u32 tid) {
      const auto found = by_tid.find(tid);
      return found == by_tid.end() ? Place{RootKind::kCaller, "stack of thread " + std::to_string(tid), 0, kNone}
                                   : Place{RootKind::kThread, "C stack", 0, found->second};
    };
    for (const NativeRange& range : FindStackRanges(in_.stacks, in_.maps, idents)) {
      ScanRange({range.start, range.end}, place_of(range.tid));
    }
    for (const ThreadStack& stack : in_.stacks) {
      const u32 place = NewPlace(place_of(stack.tid));
      for (u64 word : stack.registers) Look(word, 0, place);
    }
  }

  u32 NewPlace(Place place) {
    places_.push_back(std::move(place));
    return static_cast<u32>(places_.size() - 1);
  }

  void ScanRange(Span range, Place place) {
    const u32 index = NewPlace(std::move(place));
    buffer_.resize(kChunk / 8);
    SeekSkips(range.start);
    for (u64 at = range.start; at < range.end && read_ < kMostBytes;) {
      const u64 size = std::min(kChunk - at % kPage, range.end - at);
      if (in_.memory.Read(at, buffer_.data(), size)) {
        ScanWords(at, size / 8, index);
        at += size;
      } else {  // a page in between that is not there
        const u64 page = std::min(kPage - at % kPage, range.end - at);
        if (size > page && in_.memory.Read(at, buffer_.data(), page)) ScanWords(at, page / 8, index);
        at += page;
      }
      read_ += size;
    }
  }

  void ScanWords(u64 address, u64 count, u32 place) {
    for (u64 i = 0; i < count; ++i) {
      const u64 word = buffer_[i];
      if (word == 0 || (word & 7) != 0 || word >> 47 != 0) continue;
      const u64 at = address + i * 8;
      if (!Skipped(at)) Look(word, at, place);
    }
  }

  // The bodies of objects, and what was scanned before under another name. Addresses come ascending after SeekSkips.
  void SeekSkips(u64 start) {
    next_node_ = static_cast<u32>(std::lower_bound(c_.address.begin(), c_.address.end(), start) - c_.address.begin());
    body_end_ = 0;
    if (next_node_ > 0) body_end_ = BodyEnd(next_node_ - 1);
    next_scanned_ = 0;
  }
  bool Skipped(u64 at) {
    for (; next_node_ < c_.node_count() && c_.address[next_node_] <= at; ++next_node_) body_end_ = BodyEnd(next_node_);
    if (at < body_end_) return true;
    while (next_scanned_ < scanned_.size() && scanned_[next_scanned_].end <= at) ++next_scanned_;
    return next_scanned_ < scanned_.size() && scanned_[next_scanned_].start <= at;
  }
  // A static type is shorter than the class that a class statement makes, which is what its own type's size tells.
  u64 BodyEnd(u32 node) const {
    const snapshot::Type& type = c_.types[c_.type[node]];
    const u64 basic = type.role == snapshot::Role::kType
                          ? std::min<u64>(type.basic_size, static_cast<u64>(l_.type.size))
                          : type.basic_size;
    return c_.address[node] + basic;
  }

  void Look(u64 word, u64 at, u32 place) {
    const u32 node = in_.index.Find(word);
    if (node == kNone || c_.address[node] != word || (c_.flags[node] & snapshot::kImmortal) != 0) return;
    if (at != 0 && std::binary_search(exact_.begin(), exact_.end(), at)) return;
    if (hits_.size() < kMostHits) hits_.push_back({node, place, at});
  }

  // What the state of an extension module holds and its traverse did not report.
  void ModuleStates() {
    size_t modules = 0;
    for (u32 node = 0; node < c_.node_count() && modules < kMostModules; ++node) {
      if (c_.role_of(node) != snapshot::Role::kModule) continue;
      ++modules;
      const u64 state = in_.memory.Word(At(c_.address[node], l_.module.state));
      const u64 size = state == 0 ? 0 : StateSize(c_.address[node]);
      if (size >= 8 && size <= kMostState && state % 8 == 0) ModuleState(node, state, size);
    }
  }
  u64 StateSize(u64 module) {
    if (l_.module.state_size >= 0) return in_.memory.Word(At(module, l_.module.state_size));
    const u64 definition = in_.memory.Word(At(module, l_.module.definition));
    return definition == 0 || l_.module.definition_size < 0
               ? 0
               : in_.memory.Word(At(definition, l_.module.definition_size));
  }
  void ModuleState(u32 node, u64 state, u64 size) {
    std::vector<u64> words(size / 8);
    if (!in_.memory.Read(state, words.data(), words.size() * 8)) return;
    std::unordered_map<u64, u32> reported;
    for (u32 e = c_.edge_row[node]; e < c_.edge_row[node + 1]; ++e) {
      if (Label::Class(c_.edge_label[e]) != EdgeClass::kConservative) ++reported[c_.address[c_.edge_target[e]]];
    }
    const u32 place = NewPlace({RootKind::kModuleState, ModuleName(c_.address[node]), 0, kNone});
    for (size_t i = 0; i < words.size(); ++i) {
      const auto seen = reported.find(words[i]);
      if (seen != reported.end() && seen->second > 0)
        --seen->second;
      else if (words[i] != 0 && (words[i] & 7) == 0 && words[i] >> 47 == 0)
        Look(words[i], state + i * 8, place);
    }
  }
  std::string ModuleName(u64 module) {
    std::string text;
    TextReader(l_, in_.memory).Read(in_.memory.Word(At(module, l_.module.name)), kMaxTextLength, &text);
    return text;
  }

  void AddRoots() {
    std::vector<u32> nodes;
    for (const Hit& hit : hits_) nodes.push_back(hit.node);
    const auto left = UncountedReferences(c_, nodes);
    for (const Hit& hit : hits_) {
      if (left.at(hit.node) <= 0) continue;
      const Place& place = places_[hit.place];
      snapshot::Root root;
      root.node = hit.node;
      root.kind = place.kind;
      root.thread = place.thread;
      root.conservative = 1;
      root.name = c_.strings.Intern(place.base == 0 ? place.name : place.name + Offset(hit.address - place.base));
      c_.roots.push_back(root);
    }
  }
  static std::string Offset(u64 value) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "+0x%llx", static_cast<unsigned long long>(value));
    return text.data();
  }

  const NativeInput& in_;
  const unleak_layout& l_;
  Columns& c_;
  std::vector<u64> exact_;     // ascending
  std::vector<Span> scanned_;  // ascending
  std::vector<Place> places_;
  std::vector<Hit> hits_;
  std::vector<u64> buffer_;
  u64 read_ = 0, body_end_ = 0;
  u32 next_node_ = 0;
  size_t next_scanned_ = 0;
};

}  // namespace

std::unordered_map<u32, i64> UncountedReferences(const Columns& c, const std::vector<u32>& nodes) {
  std::unordered_map<u32, i64> left;
  std::vector<u64> wanted(c.node_count() / 64 + 1);
  for (u32 node : nodes) {
    left.emplace(node, i64{c.refcount[node]});
    wanted[node >> 6] |= u64{1} << (node & 63);
  }
  for (u32 e = 0; e < c.edge_count() && !nodes.empty(); ++e) {
    const u32 to = c.edge_target[e];
    if ((wanted[to >> 6] >> (to & 63) & 1) == 0 || Label::Class(c.edge_label[e]) == EdgeClass::kConservative) continue;
    --left[to];
  }
  for (const snapshot::Root& root : c.roots) {
    if (root.node != kNone && !root.conservative && root.kind != RootKind::kImmortal && left.contains(root.node))
      --left[root.node];
  }
  return left;
}

void AddNativeRoots(const NativeInput& input, Columns* columns) { NativeScan(input, columns).Run(); }

}  // namespace unleak::capture
