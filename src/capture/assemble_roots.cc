#include <algorithm>
#include <cstring>

#include "capture/assemble_steps.h"
#include "capture/code_lines.h"

namespace unleak::capture {
namespace {

using snapshot::RootKind;

constexpr u64 kMaxLineTable = 8 << 20;  // bytes of one code object's line table

class RootBuilder {
 public:
  explicit RootBuilder(Assembly& a) : a_(a), layout_(a.layout()), shim_(a.String("<shim>")) {}

  void Run() {
    ReadInstructions();
    for (size_t g = 0; g < a_.groups.size(); ++g) {
      const ArrivedGroup& group = a_.groups[g];
      switch (group.group) {
        case UNLEAK_GROUP_INTERPRETER: Interpreter(group); break;
        case UNLEAK_GROUP_THREAD: Thread(group); break;
        case UNLEAK_GROUP_FRAME: Frame(group, instructions_[g]); break;
        case UNLEAK_GROUP_STATIC_TYPES: Edges(group, RootKind::kStaticType, {}); break;
        default: ++a_.out.meta.bad_edges;
      }
    }
  }

 private:
  struct NamedRoots {
    const unleak_named_offset* names = nullptr;
    i32 count = 0;
  };

  // The instruction words of all frames at once: deep recursion has 10^5 of them.
  void ReadInstructions() {
    instructions_.assign(a_.groups.size(), 0);
    std::vector<BatchReader::Piece> pieces;
    std::vector<size_t> at;
    const i32 offset = layout_.frame.internal ? layout_.frame.instruction : layout_.frame.lasti;
    for (size_t g = 0; g < a_.groups.size(); ++g) {
      if (a_.groups[g].group != UNLEAK_GROUP_FRAME || offset < 0) continue;
      pieces.push_back({a_.groups[g].context + static_cast<u64>(offset), layout_.frame.internal ? u64{8} : u64{4}});
      at.push_back(g);
    }
    BatchReader(a_.in.memory).Read(pieces, [&](size_t i, const u8* bytes) {
      if (bytes) std::memcpy(&instructions_[at[i]], bytes, pieces[i].size);
    });
  }

  void Interpreter(const ArrivedGroup& group) {
    interpreter_ = static_cast<u32>(a_.out.collectors.size());
    a_.out.collectors.push_back(Collector(group.context));
    a_.interpreter_states.push_back(group.context);
    thread_ = kNone;
    Edges(group, RootKind::kInterpreter, {layout_.interpreter_roots, layout_.interpreter_roots_n});
  }

  void Thread(const ArrivedGroup& group) {
    snapshot::Thread thread;
    thread.interpreter = interpreter_;
    thread.ident = Word(group.context, layout_.thread.thread_id);
    thread.native_id = Word(group.context, layout_.thread.native_thread_id);
    thread_ = static_cast<u32>(a_.out.threads.size());
    depth_ = 0;
    a_.out.threads.push_back(thread);
    a_.thread_states.push_back(group.context);
    Edges(group, RootKind::kThread, {layout_.thread_roots, layout_.thread_roots_n});
  }

  void Frame(const ArrivedGroup& group, u64 instruction) {
    const u32 code = CodeAt(a_, group.extra);
    // Entry from C, no frame of the program: a code object of its own (3.12), or none (3.13+).
    if (group.extra == 0 || (code != kNone && a_.out.codes[code].file == shim_)) {
      Edges(group, RootKind::kThread, {});
      return;
    }
    const u32 frame = static_cast<u32>(a_.out.frames.size());
    a_.out.frames.push_back({thread_, depth_++, code, Line(code, group.extra, instruction)});
    for (u64 e = group.first; e < group.first + group.count; ++e) {
      const ArrivedEdge& edge = a_.group_edges[e];
      u32 name = 0;
      if ((edge.label() & 7) == UNLEAK_LABEL_LOCAL && code != kNone) {
        name = LocalName(a_, a_.out.codes[code].node, edge.label() >> 3);
      }
      Add(edge, RootKind::kFrame, name, frame);
    }
  }

  void Edges(const ArrivedGroup& group, RootKind kind, NamedRoots roots) {
    for (u64 e = group.first; e < group.first + group.count; ++e) {
      const ArrivedEdge& edge = a_.group_edges[e];
      const u64 index = edge.label() >> 3;
      const bool named = (edge.label() & 7) == UNLEAK_LABEL_ROOT;
      Add(edge, kind, named ? a_.String(RootName(roots, index)) : 0, kNone);
    }
  }

  static std::string RootName(NamedRoots roots, u64 index) {
    if (index == UNLEAK_ROOT_ATEXIT) return "atexit callbacks";
    if (index == UNLEAK_ROOT_IDENTIFIER) return "identifier cache";
    if (index >= static_cast<u64>(std::max(roots.count, 0))) return {};
    const char* text = roots.names[index].name;
    return std::string(text, strnlen(text, sizeof roots.names[index].name));
  }

  void Add(const ArrivedEdge& edge, RootKind kind, u32 name, u32 frame) {
    snapshot::Root root;
    root.node = a_.Find(edge.target() & ~u64{7});
    if (root.node == kNone) {
      ++a_.out.meta.bad_edges;
      return;
    }
    root.kind = kind;
    root.name = name;
    if (kind == RootKind::kThread || kind == RootKind::kFrame) root.thread = thread_;
    root.frame = frame;
    root.conservative = (edge.target() & 3) == UNLEAK_CONSERVATIVE;
    a_.out.roots.push_back(root);
  }

  u32 Line(u32 code, u64 code_address, u64 instruction) {
    if (code == kNone) return 0;
    if (code != line_code_) {
      line_code_ = code;
      line_table_ = LineTable(code_address);
    }
    i64 offset = 0;
    if (layout_.frame.internal) {
      offset = static_cast<i64>(instruction - code_address - static_cast<u64>(layout_.code.code_adaptive));
    } else {
      const i64 lasti = static_cast<i32>(static_cast<u32>(instruction));
      offset = layout_.hex >= 0x030a0000 ? lasti * 2 : lasti;  // 3.10 counts code units
    }
    return LineOfInstruction(static_cast<u32>(layout_.hex), line_table_, a_.out.codes[code].first_line, offset);
  }

  std::vector<u8> LineTable(u64 code_address) {
    const u64 table = Word(code_address, layout_.code.linetable);
    const u64 size = table ? Word(table, layout_.bytes_object.size) : 0;
    if (size == 0 || size > kMaxLineTable) return {};
    std::vector<u8> bytes(size);
    if (!a_.in.memory.Read(table + static_cast<u64>(layout_.bytes_object.bytes), bytes.data(), size)) bytes.clear();
    return bytes;
  }

  snapshot::CollectorState Collector(u64 interpreter) {
    const auto& at = layout_.interpreter;
    snapshot::CollectorState state;
    state.enabled = Word32(interpreter, at.enabled) != 0;
    state.collecting = Word32(interpreter, at.collecting) != 0;
    for (i32 i = 0; i < 3; ++i) {
      if (at.threshold >= 0) state.threshold[i] = static_cast<i32>(Word32(interpreter, at.threshold + i * at.generation_size));
      if (at.count >= 0) state.count[i] = static_cast<i32>(Word32(interpreter, at.count + i * at.generation_size));
      const u64 entry = StatisticsEntry(interpreter, i);
      if (!entry) continue;
      state.collections[i] = Word(entry, at.stats_collections);
      state.collected[i] = Word(entry, at.stats_collected);
      state.uncollectable[i] = Word(entry, at.stats_uncollectable);
    }
    return state;
  }

  // Address of the statistics of one generation, 0 if the layout does not say.
  u64 StatisticsEntry(u64 interpreter, i32 generation) {
    const auto& at = layout_.interpreter;
    if (at.stats < 0) return 0;
    if (at.stats_pointer != 1) return interpreter + static_cast<u64>(at.stats + generation * at.stats_size);
    const u64 rings = Word(interpreter, at.stats);
    if (!rings) return 0;
    const i32 shift = generation ? (generation - 1) * at.stats_old_stride : 0;
    const i32 items = generation ? at.stats_old + shift : at.stats_young;
    const u64 index = Word32(rings, generation ? at.stats_old_index + shift : at.stats_young_index) & 0xff;
    return rings + static_cast<u64>(items) + index * static_cast<u64>(at.stats_size);
  }

  u64 Word(u64 base, i32 offset) { return offset < 0 ? 0 : a_.in.memory.Word(base + static_cast<u64>(offset)); }
  u32 Word32(u64 base, i32 offset) { return offset < 0 ? 0 : a_.in.memory.Word32(base + static_cast<u64>(offset)); }

  Assembly& a_;
  const unleak_layout& layout_;
  std::vector<u64> instructions_;  // by group
  u32 interpreter_ = 0, thread_ = kNone, depth_ = 0;
  u32 shim_;                       // string: file of the code that CPython runs between C and Python frames
  u32 line_code_ = kNone;
  std::vector<u8> line_table_;     // of line_code_
};

}  // namespace

void BuildRoots(Assembly& assembly) { RootBuilder(assembly).Run(); }

}  // namespace unleak::capture
