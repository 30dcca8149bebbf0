#include "capture/reader.h"

#include <algorithm>
#include <utility>

#include "capture/ptrace.h"
#include "capture/reader_labels.h"
#include "capture/reader_state.h"
#include "capture/tracked_objects.h"
#include "capture/traverse_code.h"
#include "pylayout/decode_members.h"
#include "pylayout/tables.h"
#include "snapshot/columns.h"
#include "walker/flags.h"

namespace unleak::capture {
namespace {

using pylayout::At;
using pylayout::Edge;
using pylayout::HasFlag;
using pylayout::IsSane;

static_assert(static_cast<int>(Edge::kTraverse) == UNLEAK_TRAVERSE && static_cast<int>(Edge::kOmitted) == UNLEAK_OMITTED);
static_assert(static_cast<int>(Edge::kConservative) == UNLEAK_CONSERVATIVE && static_cast<int>(Edge::kType) == UNLEAK_TYPE_EDGE);
static_assert(pylayout::IndexLabel(0) == UNLEAK_LABEL_INDEX && pylayout::ValueLabel(8) == (8 | UNLEAK_LABEL_VALUE));
static_assert(pylayout::kKeyLabel == UNLEAK_LABEL_KEY && pylayout::BodyLabel(0) == UNLEAK_LABEL_BODY);
static_assert(pylayout::AttributeLabel(8) == (8 | UNLEAK_LABEL_ATTR) && pylayout::LocalLabel(0) == UNLEAK_LABEL_LOCAL);

constexpr u64 kMaxChain = 1 << 16, kMaxThreads = 1 << 20, kMaxFrames = 1 << 20, kMaxBrokenLinks = 1000;
constexpr u64 kNodesBetweenClocks = 4096;
constexpr std::size_t kMostNotes = 32;
constexpr u32 kMaxCount = 1u << 28;  // a larger reference count is that of an immortal object, or of none

using View = pylayout::View<PageCache>;

// Goes through one list of the collector after the other.
class ListWalk {
 public:
  explicit ListWalk(const View& view) : v_(view) {}

  // Calls take(object, generation) for each object of the four lists of an interpreter: 0 youngest, 3 permanent.
  template <class Take>
  void Walk(u64 interpreter, u64* broken, const Take& take) const {
    const auto& l = v_.layout.interpreter;
    for (i32 generation = 0; generation < 4; ++generation) {
      u64 head = At(interpreter, generation < 3 ? l.generation0 + generation * l.generation_size : l.permanent);
      if (!WalkList(head, broken, [&](u64 object) { return take(object, generation); })) return;
    }
  }

 private:
  // Low bits of the links are flags of the collector. A ring that leaves out the head is found by Brent's method.
  template <class Take>
  bool WalkList(u64 head, u64* broken, const Take& take) const {
    u64 link = head, mark = 0, steps = 0, limit = 1;
    for (;;) {
      u64 next = v_.Word(link, 0) & ~u64{3};
      if (next == head) return true;
      if (!IsSane(next) || next == mark || *broken > kMaxBrokenLinks) {
        ++*broken;
        return true;
      }
      if ((v_.Word(next, 8) & ~u64{3}) != link) ++*broken;
      if (++steps == limit) mark = next, limit *= 2, steps = 0;
      link = next;
      if (!take(next + static_cast<u64>(v_.layout.gc_header))) return false;
    }
  }

  const View v_;
};

// Finds what decoding needs to know of the process: see ProcessFacts. each(take) goes through its objects.
template <class Each>
pylayout::ProcessFacts FindFacts(const View& v, u64 runtime, const Each& each) {
  constexpr u64 kMostObjects = 1 << 20;
  const unleak_layout& l = v.layout;
  std::unordered_map<u64, u64> traverses;
  pylayout::ProcessFacts facts;
  u64 seen = 0;
  auto is_str = [&](u64 object) { return HasFlag(v.TypeFlags(v.TypeOf(object)), pylayout::kFlagStr); };
  each([&](u64 object, i32) {
    u64 meta_flags = v.TypeFlags(v.TypeOf(object));
    if (HasFlag(meta_flags, pylayout::kFlagType) && HasFlag(v.TypeFlags(object), pylayout::kFlagHeap)) {
      ++traverses[v.Word(object, l.type.traverse)];
    } else if (l.keys.old == 1 && facts.general_lookup == 0 && HasFlag(meta_flags, pylayout::kFlagDict)) {
      u64 keys = v.Word(object, l.dict.keys);
      pylayout::KeyTable table = pylayout::ReadKeyTable(v, keys);
      for (u64 i = 0; i < std::min<u64>(table.count, 16); ++i) {
        u64 key = v.memory.Word(table.KeyAddress(i));
        if (key != 0 && !is_str(key)) facts.general_lookup = v.Word(keys, l.keys.lookup);
      }
    }
    return ++seen < kMostObjects;
  });
  constexpr u64 kVersionOfDebugOffsets = 8;  // 3.13+: PY_VERSION_HEX of the process, with its patch release
  u64 hex = v.Word(At(runtime, l.runtime.debug_offsets), l.runtime.debug_offsets == -1 ? -1 : kVersionOfDebugOffsets);
  facts.dict_before_values = hex >= 0x030e0400 || (hex >= 0x030d0d00 && hex < 0x030e0000);
  u64 most = 0;
  for (auto [traverse, count] : traverses) {
    if (traverse != 0 && count > most) most = count, facts.subtype_traverse = traverse;
  }
  return facts;
}

class Reader {
 public:
  Reader(const unleak_layout& layout, Memory& memory, StreamSink& sink, const ReaderOptions& options)
      : l_(layout), options_(options), memory_(memory), cache_(memory), v_{layout, cache_}, out_(sink), extents_(v_),
        code_(layout, cache_, options.addresses), labels_(v_), visit_{*this}, members_(v_, extents_, process_, visit_) {}

  ReaderFacts RunSeeds(const KnownHeap& heap, std::span<const u64> seeds) {
    process_ = heap.facts;
    known_ = heap.known;
    types_ = std::make_unique<TypeTable>(v_, process_.subtype_traverse);
    for (u64 seed : seeds) {
      if (!visited_.Has(seed)) Meet(seed, Edge::kOmitted);
      EmitPending();
    }
    out_.Flush();
    return Finish();
  }

  Result<ReaderFacts> Run(u64 runtime) {
    u64 head = v_.Word(runtime, l_.runtime.interpreters_head);
    if (!IsSane(head)) return Status(Code::kCorrupt, "_PyRuntime has no interpreter: not an initialised CPython " + pylayout::VersionName(l_));
    PrepareCode(head);
    if (l_.free_threaded == 1) UNLEAK_RETURN_IF_ERROR(ListObjects());
    process_ = FindFacts(v_, runtime, [&](const auto& take) { EachListed(head, take); });
    facts_.broken_links = 0;
    if (process_.subtype_traverse == 0) {
      return Status(Code::kCorrupt, "the collector's lists hold no class of CPython " + pylayout::VersionName(l_));
    }
    types_ = std::make_unique<TypeTable>(v_, process_.subtype_traverse);
    Lists(head);
    Roots(head);
    StaticTypes(head);
    out_.Flush();
    if (late_) {
      return Status(Code::kExhausted, "reading the objects took too long: " + std::to_string(facts_.nodes) + " were read",
                    "try again when the machine is less busy");
    }
    if (facts_.nodes >= options_.max_nodes) return Status(Code::kExhausted, "more than " + std::to_string(options_.max_nodes) + " objects");
    return Finish();
  }

 private:
  struct Visit {
    Reader& reader;
    void operator()(u64 target, Edge edge, u64 label) const { reader.OnReference(target, edge, label); }
  };

  // Code that is interpreted asks which thread it is.
  void PrepareCode(u64 interpreter) {
    if (!options_.interpret) return;
    code_.set_deadline(options_.deadline_ns);
    u64 thread = options_.thread_state != 0 ? options_.thread_state : v_.Word(interpreter, l_.interpreter.threads_head);
    if (IsSane(thread)) code_.BecomeThread(thread);
  }

  Status ListObjects() {
    UNLEAK_ASSIGN(TrackedObjects found, FindTrackedObjects(l_, memory_, options_.maps));
    if (!found.complete) facts_.notes.push_back(kIncompletePages);
    all_objects_ = std::move(found.addresses);
    return Status::Ok();
  }

  // All objects that the collector knows, each with its generation (-1: none).
  template <class Take>
  void EachListed(u64 interpreter, const Take& take) {
    if (l_.free_threaded != 1) return ListWalk(v_).Walk(interpreter, &facts_.broken_links, take);
    for (u64 object : all_objects_) {
      if (!take(object, -1)) return;
    }
  }

  bool GoesOn() {
    if (options_.deadline_ns != 0 && facts_.nodes >= next_clock_) {
      next_clock_ = facts_.nodes + kNodesBetweenClocks;
      late_ = late_ || NowNs() > options_.deadline_ns;
    }
    return !late_ && facts_.nodes < options_.max_nodes;
  }

  ReaderType* TypeAt(u64 object) {
    u64 type = v_.TypeOf(object);
    return IsSane(type) ? types_->Find(type) : nullptr;
  }

  bool IsTracked(u64 object, const ReaderType& t) {
    if (l_.free_threaded == 1) return t.info.gc && (v_.Byte(object, l_.object.gc_bits) & 1) != 0;
    return t.info.gc && members_.IsCollected(object, t.info) && v_.memory.Word(object - 16) != 0;
  }

  void OnReference(u64 target, Edge edge, u64 label) {
    if (edge == Edge::kConservative) return MaybeEdge(target, label);
    if (watch_tracked_ && edge == Edge::kTraverse && IsSane(target)) {
      ReaderType* t = TypeAt(target);
      if (t != nullptr && IsTracked(target, *t)) saw_tracked_ = true;
    }
    AddEdge(target, edge, label);
  }

  // A word that may be a pointer. Memory of a freed object may still look like one, so an object of a collected type
  // counts only if the collector tracks it, or something else has led to it: what is freed is not tracked.
  void MaybeEdge(u64 word, u64 label) {
    ReaderType* t = options_.conservative && IsSane(word) ? TypeAt(word) : nullptr;
    if (t == nullptr) return;
    u32 count = extents_.RefCount(word);
    if (l_.free_threaded != 1 && (v_.Word32(word, 4) & 0xffff) != 0) return;  // no count, but a link of a list of free blocks
    if (count == 0 || (count > kMaxCount && !extents_.IsImmortal(count))) return;
    if (t->info.gc && !visited_.Has(word) && !IsTracked(word, *t)) return;
    AddEdge(word, Edge::kConservative, label);
  }

  void AddEdge(u64 target, Edge edge, u64 label) {
    if (target == 0) return;
    if (!IsSane(target)) {
      ++facts_.bad_edges;
      return;
    }
    if (!visited_.Has(target) && !Meet(target, edge)) return;
    out_.Put(target | static_cast<u64>(edge), label);
    ++edges_;
    ++facts_.edges[static_cast<u64>(edge)];
    if (target == heap_type_) saw_type_ = true;
  }

  // First sight of an object; false if it is none, or none any more (reference count 0: being freed, or kept for
  // reuse). Tracked objects are left to the collector's lists.
  bool Meet(u64 object, Edge edge) {
    ReaderType* t = TypeAt(object);
    if (t == nullptr) {
      ++facts_.bad_edges;
      return false;
    }
    if (v_.memory.Word32(object) == 0 && l_.free_threaded != 1) {
      facts_.dead_targets += edge == Edge::kTraverse ? 1 : 0;
      return false;
    }
    visited_.Add(object);
    if (known_ && known_(object)) return true;
    if (t->info.leaf) WriteNode(object, *t, UNLEAK_LEAF_NODE, 0, LeafFlags(object, *t));
    else if (options_.follow_tracked || !IsTracked(object, *t)) pending_.push_back(object);
    return true;
  }

  u32 LeafFlags(u64 object, const ReaderType& t) {
    u32 flags = 0;
    if (extents_.IsImmortal(extents_.RefCount(object))) flags |= UNLEAK_NODE_IMMORTAL;
    if (t.info.kind == UNLEAK_STR && extents_.IsInterned(object)) flags |= UNLEAK_NODE_INTERNED;
    return flags;
  }

  u32 NodeFlags(u64 object, const ReaderType& t, i32 generation) {
    u32 flags = LeafFlags(object, t);
    if (t.info.finalizer) flags |= UNLEAK_NODE_FINALIZER;
    if (t.info.scan) flags |= UNLEAK_NODE_OPAQUE;
    if (saw_tracked_) flags |= UNLEAK_NODE_BLIND;
    if (l_.free_threaded == 1 && t.info.gc) {
      u8 bits = v_.Byte(object, l_.object.gc_bits);  // _PyGC_BITS_TRACKED 1, _PyGC_BITS_FROZEN 8
      if ((bits & 1) != 0) flags |= UNLEAK_NODE_TRACKED;
      if ((bits & 8) != 0) flags |= UNLEAK_NODE_FROZEN;
      return flags;
    }
    if (generation < 0) return flags;
    constexpr u32 kAge[] = {UNLEAK_NODE_YOUNG, 0, UNLEAK_NODE_OLD, UNLEAK_NODE_FROZEN};
    return flags | UNLEAK_NODE_TRACKED | kAge[generation];
  }

  void WriteNode(u64 object, ReaderType& t, u64 tag, u64 edges, u32 flags) {
    u64 size = extents_.Size(object, t.info, [&](u64 address, u64 bytes) { out_.Put(address | UNLEAK_BLOCK, bytes); });
    if (size >= 0xffffffff) {
      out_.Put(UNLEAK_BLOCK, size);
      size = 0xffffffff;
    }
    u64 low = tag == UNLEAK_LEAF_NODE ? (t.info.kind == UNLEAK_INT ? extents_.IntValue(object) : 0) : edges;
    out_.Put(object | tag, u64{t.index} << 32 | size, u64{extents_.RefCount(object)} << 32 | low,
             extents_.Length(object, t.info) << 16 | flags);
    ++t.count;
    ++facts_.nodes;
  }

  void Emit(u64 object, i32 generation) {
    ReaderType* t = TypeAt(object);
    if (t == nullptr) {
      ++facts_.bad_edges;
      return;
    }
    edges_ = 0;
    saw_type_ = saw_tracked_ = false;
    heap_type_ = t->info.heap ? t->info.address : 0;
    if (!IsInternedDict(object, *t)) AllMembers(object, *t);
    WriteNode(object, *t, UNLEAK_NODE, edges_, NodeFlags(object, *t, generation));
  }

  // Owns neither its keys nor its values. 3.14+: tracked, and the interpreter says which it is; before, a pointer that no
  // table names: an untracked dict with one reference that maps interned strings to themselves.
  bool IsInternedDict(u64 object, const ReaderType& t) {
    if (t.info.kind != UNLEAK_DICT) return false;
    if (process_.interpreter != 0 && object == v_.Word(process_.interpreter, l_.interpreter.interned)) return true;
    return l_.interpreter.interned == -1 && !t.info.heap && extents_.RefCount(object) == 1 && !IsTracked(object, t) && MapsToItself(object);
  }

  bool MapsToItself(u64 object) {
    constexpr u64 kEnough = 64;  // entries that are looked at
    const pylayout::KeyTable table = pylayout::ReadKeyTable(v_, v_.Word(object, l_.dict.keys));
    u64 seen = 0;
    for (u64 i = 0; i < table.count && seen < kEnough; ++i) {
      const u64 key = v_.memory.Word(table.KeyAddress(i)), value = v_.memory.Word(table.ValueAddress(i));
      if (value == 0) continue;
      const ReaderType* t = key == value && IsSane(key) ? TypeAt(key) : nullptr;
      if (t == nullptr || t->info.kind != UNLEAK_STR || !extents_.IsInterned(key)) return false;
      ++seen;
    }
    return seen == kEnough;
  }

  void AllMembers(u64 object, ReaderType& t) {
    bool collected = members_.IsCollected(object, t.info);
    watch_tracked_ = collected && !IsTracked(object, t);
    if (!collected || members_.IsKnown(object, t.info) || !TraverseByCode(object, t)) members_.Traverse(object, t.info);
    watch_tracked_ = false;
    members_.Omitted(object, t.info);
    if (t.info.kind == UNLEAK_CALL_LINK) saw_type_ = true;  // its cache reports it
    if (heap_type_ != 0 && !saw_type_) AddEdge(heap_type_, Edge::kType, pylayout::BodyLabel(l_.object.type));
    if (t.info.scan && options_.conservative) members_.Scan(object, t.info);
    if (!collected && edges_ > (heap_type_ != 0 ? 1u : 0u)) saw_tracked_ = true;
  }

  // What the layout does not tell. False: nor does the code.
  bool TraverseByCode(u64 object, ReaderType& t) {
    constexpr u32 kMostFailures = 16;
    if (!options_.interpret || t.failures >= kMostFailures || !code_.Run(t.info.traverse, object, &targets_)) {
      if (t.failures++ == 0) t.why = options_.interpret ? code_.Reason() : "its code is not interpreted";
      return false;
    }
    labels_.Begin(object, t.info);
    for (u64 target : targets_) {
      bool type = target == heap_type_ && !saw_type_;
      OnReference(target, Edge::kTraverse, type ? pylayout::BodyLabel(l_.object.type) : labels_.LabelOf(target));
    }
    return true;
  }

  void EmitPending() {
    while (!pending_.empty() && GoesOn()) {
      u64 object = pending_.back();
      pending_.pop_back();
      Emit(object, -1);
    }
  }

  template <class Take>
  void EachInterpreter(u64 head, const Take& take) {
    u64 n = 0;
    for (u64 i = head; IsSane(i) && n < kMaxChain; i = v_.Word(i, l_.interpreter.next), ++n) {
      process_.interpreter = i;
      take(i);
    }
  }

  void Lists(u64 head) {
    bool first = true;  // free-threaded: one list for all
    EachInterpreter(head, [&](u64 interpreter) {
      if (!std::exchange(first, false) && l_.free_threaded == 1) return;
      EachListed(interpreter, [&](u64 object, i32 generation) {
        ++facts_.listed;
        if (TypeAt(object) == nullptr) {
          ++facts_.bad_edges;
          return true;
        }
        bool seen = visited_.Has(object);
        visited_.Add(object);
        if (!seen || !options_.follow_tracked) Emit(object, generation);
        EmitPending();
        return GoesOn();
      });
    });
  }

  void BeginGroup() {
    edges_ = 0;
    heap_type_ = 0;
  }
  void EndGroup(u64 group, u64 context, u64 extra) {
    out_.Put(UNLEAK_NODE, group, context, extra);
    facts_.roots += edges_;
    EmitPending();
  }
  void Root(u64 target, u64 label) { AddEdge(target, Edge::kTraverse, label); }
  static u64 RootLabel(u64 index) { return index << 3 | UNLEAK_LABEL_ROOT; }

  void Roots(u64 head) {
    EachInterpreter(head, [&](u64 interpreter) {
      Interpreter(interpreter);
      u64 n = 0;
      for (u64 t = v_.Word(interpreter, l_.interpreter.threads_head); IsSane(t) && n < kMaxThreads; t = v_.Word(t, l_.thread.next), ++n) {
        Thread(t);
      }
    });
  }

  void Interpreter(u64 interpreter) {
    BeginGroup();
    for (i32 i = 0; i < l_.interpreter_roots_n; ++i) {
      Root(v_.Word(interpreter, l_.interpreter_roots[i].offset), RootLabel(static_cast<u64>(i)));
    }
    u64 callbacks = v_.Word(interpreter, l_.interpreter.atexit_array), count = v_.Word32(interpreter, l_.interpreter.atexit_count);
    for (u64 i = 0; callbacks != 0 && i < count && i < kMaxChain; ++i) {
      u64 callback = v_.memory.Word(callbacks + i * 8);
      for (i64 part = 0; callback != 0 && part < 3; ++part) Root(v_.Word(callback, part * 8), RootLabel(UNLEAK_ROOT_ATEXIT));
    }
    u64 names = v_.Word(interpreter, l_.interpreter.ids_array), names_count = v_.Word(interpreter, l_.interpreter.ids_size);
    for (u64 i = 0; names != 0 && i < names_count && i < kMaxChain; ++i) {
      Root(v_.memory.Word(names + i * 8), RootLabel(UNLEAK_ROOT_IDENTIFIER));
    }
    EndGroup(UNLEAK_GROUP_INTERPRETER, interpreter, 0);
  }

  void Thread(u64 thread) {
    BeginGroup();
    for (i32 i = 0; i < l_.thread_roots_n; ++i) Root(v_.Word(thread, l_.thread_roots[i].offset), RootLabel(static_cast<u64>(i)));
    EndGroup(UNLEAK_GROUP_THREAD, thread, 0);
    u64 frame = l_.thread.cframe != -1 ? v_.Word(v_.Word(thread, l_.thread.cframe), l_.thread.cframe_current)
                                       : v_.Word(thread, l_.thread.frame);
    for (u64 n = 0; IsSane(frame) && n < kMaxFrames; ++n) {
      if (l_.frame.internal == 1) InternalFrame(frame);
      else FrameObject(frame);
      frame = v_.Word(frame, l_.frame.internal == 1 ? l_.frame.previous : l_.frame.back);
    }
  }

  // 3.14+: a slot with a tag holds an int or is borrowed: it owns nothing.
  u64 OwnedSlot(u64 word) const { return l_.frame.tagged == 1 && (word & 3) != 0 ? 0 : word; }

  // Depth of the evaluation stack: stacktop counts slots, -1 while the frame runs (3.11 - 3.13); stackpointer is an
  // address (3.14+). Slots that may be stale are conservative.
  void InternalFrame(u64 frame) {
    BeginGroup();
    u64 code = extents_.FrameCode(frame), slots = At(frame, l_.frame.localsplus);
    Root(OwnedSlot(v_.Word(frame, l_.frame.code)), UNLEAK_LABEL_NONE);
    if (v_.Byte(frame, l_.frame.owner) < l_.frame.owner_c_stack) {
      Root(OwnedSlot(v_.Word(frame, l_.frame.function)), UNLEAK_LABEL_NONE);
      Root(v_.Word(frame, l_.frame.locals), UNLEAK_LABEL_NONE);
      Root(v_.Word(frame, l_.frame.object), UNLEAK_LABEL_NONE);
      pylayout::FrameSlots known = code != 0 ? extents_.SlotsOf(code) : pylayout::FrameSlots{};
      i64 depth = static_cast<i32>(v_.Word32(frame, l_.frame.top));
      if (l_.frame.tagged == 1) {
        u64 top = v_.Word(frame, l_.frame.top);
        depth = top != 0 ? static_cast<i64>(top - slots) / 8 : -1;
      }
      u64 counted = known.locals;
      if (depth >= 0 && static_cast<u64>(depth) >= known.locals && static_cast<u64>(depth) <= known.all) counted = static_cast<u64>(depth);
      for (u64 i = 0; i < counted; ++i) Root(OwnedSlot(v_.memory.Word(slots + i * 8)), pylayout::LocalLabel(i));
      for (u64 i = known.locals; depth < 0 && i < known.all; ++i) {
        MaybeEdge(v_.memory.Word(slots + i * 8) & v_.SlotMask(), pylayout::LocalLabel(i));
      }
    }
    EndGroup(UNLEAK_GROUP_FRAME, frame, code);
  }

  // 3.9, 3.10: the frame object has its locals as members; its evaluation stack is not reported while it runs.
  void FrameObject(u64 frame) {
    BeginGroup();
    u64 code = v_.Word(frame, l_.frame.code), slots = At(frame, l_.frame.localsplus);
    bool is_code = extents_.IsCode(code);
    Root(frame, UNLEAK_LABEL_NONE);
    pylayout::FrameSlots known = is_code ? extents_.OldSlotsOf(code) : pylayout::FrameSlots{};
    for (u64 i = known.locals; i < known.all; ++i) MaybeEdge(v_.memory.Word(slots + i * 8), pylayout::LocalLabel(i));
    EndGroup(UNLEAK_GROUP_FRAME, frame, is_code ? code : 0);
  }

  // Static types that objects have, and from 3.12 on those that the interpreter lists.
  void StaticTypes(u64 interpreter) {
    process_.interpreter = interpreter;
    BeginGroup();
    const auto& s = l_.static_types;
    for (i32 i = 0; s.offset != -1 && i < s.max; ++i) {
      u64 type = v_.Word(interpreter, s.offset + i64{i} * s.stride + s.type);
      if (IsSane(type)) types_->Find(type);
    }
    for (std::size_t i = 0; i < types_->all().size(); ++i) {
      const pylayout::TypeInfo& info = types_->all()[i].info;
      if (!info.heap) Root(info.address, UNLEAK_LABEL_NONE);
    }
    EndGroup(UNLEAK_GROUP_STATIC_TYPES, interpreter, 0);
  }

  static u8 ShapeOf(const pylayout::TypeInfo& info) {
    switch (info.attached) {
      case pylayout::Attached::kManagedDict: return UNLEAK_SHAPE_INSTANCE;
      case pylayout::Attached::kFrame: return UNLEAK_SHAPE_FRAME;
      case pylayout::Attached::kGenerator: return UNLEAK_SHAPE_GENERATOR;
      case pylayout::Attached::kNothing: break;
    }
    return UNLEAK_SHAPE_BODY;
  }

  ReaderFacts Finish() {
    for (const ReaderType& type : types_->all()) {
      const pylayout::TypeInfo& t = type.info;
      unleak_type_entry entry{};
      entry.address = t.address;
      entry.tp_flags = t.flags;
      entry.traverse = t.traverse;
      entry.is_gc = t.is_gc;
      entry.cached_keys = t.cached_keys;
      entry.count = type.count;
      entry.index = type.index;
      entry.basic_size = t.basic_size;
      entry.item_size = t.item_size;
      entry.spec = t.spec;
      entry.kind = t.kind;
      entry.gc = t.gc;
      entry.heap = t.heap;
      entry.conservative = t.scan;
      entry.presize = static_cast<u8>(t.presize);
      entry.finalizer = t.finalizer;
      entry.shape = ShapeOf(t);
      entry.leaf = t.leaf;
      facts_.types.push_back(entry);
      facts_.types_known.push_back(type.failures == 0 ? 1 : 0);
      if (type.failures != 0 && facts_.notes.size() < kMostNotes) {
        facts_.notes.push_back("members of " + t.name + " are guessed: what its traverse reports could not be found out, " + type.why);
      }
    }
    return std::move(facts_);
  }

  const unleak_layout& l_;
  const ReaderOptions options_;
  Memory& memory_;
  PageCache cache_;
  const View v_;
  StreamBuffer out_;
  pylayout::Extents<PageCache> extents_;
  TraverseCode code_;
  LabelFinder labels_;
  pylayout::ProcessFacts process_;
  Visit visit_;
  pylayout::Members<PageCache, Visit> members_;
  std::unique_ptr<TypeTable> types_;
  VisitedSet visited_;
  std::function<bool(u64)> known_;  // what is in the stream already; may be empty
  std::vector<u64> pending_, all_objects_, targets_;
  u64 next_clock_ = 0;
  bool late_ = false;

  // of the object or group at hand
  u64 edges_ = 0, heap_type_ = 0;
  bool saw_type_ = false, saw_tracked_ = false, watch_tracked_ = false;
  ReaderFacts facts_;
};

}  // namespace

Result<ReaderFacts> ReadHeap(const unleak_layout& layout, Memory& memory, u64 runtime, StreamSink& sink, const ReaderOptions& options) {
  return Reader(layout, memory, sink, options).Run(runtime);
}

ReaderFacts ReadObjects(const unleak_layout& layout, Memory& memory, const KnownHeap& heap, std::span<const u64> seeds,
                        StreamSink& sink) {
  return Reader(layout, memory, sink, {}).RunSeeds(heap, seeds);
}

void TakeReaderFacts(ReaderFacts read, TwinFacts* facts) {
  facts->nodes = read.nodes;
  facts->listed = read.listed;
  facts->roots = read.roots;
  std::copy(std::begin(read.edges), std::end(read.edges), facts->edges);
  facts->bad_edges = read.bad_edges;
  facts->dead_targets = read.dead_targets;
  facts->broken_links = read.broken_links;
  facts->types = std::move(read.types);
  facts->notes.insert(facts->notes.end(), read.notes.begin(), read.notes.end());
}

}  // namespace unleak::capture
