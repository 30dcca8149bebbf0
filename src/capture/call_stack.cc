#include "capture/call_stack.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace unleak::capture {
namespace {

// What a function has to give back as it was: the others may be left from anything.
constexpr u8 kKept[] = {kRbx, kRbp, 12, 13, 14, 15};
constexpr size_t kMostCallers = 24, kMostLibraries = 3, kMostLines = 2, kMostWords = 64, kMostHeld = 12;

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

// Libraries whose frames only pass a call on.
bool PassesOn(std::string_view path) {
  const std::string_view name = BaseName(path);
  return name.starts_with("libc.so") || name.starts_with("libc-") || name.starts_with("ld-linux") ||
         name.starts_with("libstdc++") || name.starts_with("libffi") || name.starts_with("libpthread");
}

bool IsAllocator(std::string_view function) {
  for (const char* part :
       {"alloc", "Alloc", "_Znwm", "_Znam", "strdup", "PyMem_", "PyObject_New", "_PyObject_GC_New", "PyType_Generic"})
    if (function.find(part) != function.npos) return true;
  return false;
}

// Does the instruction before `code + 8` call? (E8 rel32; FF /2 with its forms of 2, 3, 6 and 7 bytes.)
bool EndsInCall(const u8* code) {
  if (code[3] == 0xe8) return true;
  for (int length : {2, 3, 6, 7}) {
    const u8* at = code + 8 - length;
    if (*at == 0xff && (at[1] >> 3 & 7) == 2) return true;
    if (length >= 3 && *at == 0x41 && at[1] == 0xff && (at[2] >> 3 & 7) == 2) return true;
  }
  return false;
}

// The program itself, which may be a small one, or the library that it loads.
bool IsInterpreter(std::string_view path) {
  const std::string_view name = BaseName(path);
  return name.starts_with("python") || name.starts_with("libpython");
}

u64 WordAt(std::span<const u8> bytes, u64 at) {
  u64 word;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

}  // namespace

CallStack::CallStack(Memory& memory, LedgerSymbols& symbols, Bytecode& bytecode, const std::vector<Mapping>& maps)
    : memory_(memory),
      symbols_(symbols),
      bytecode_(bytecode),
      unwinder_([&symbols](u64 address) { return symbols.FrameAt(address); }) {
  for (const Mapping& map : maps) {
    if (!map.executable || !map.path.starts_with('/')) continue;
    interpreter_is_known_ = interpreter_is_known_ || IsInterpreter(map.path);
    code_start_ = std::min(code_start_, map.start);
    code_end_ = std::max(code_end_, map.end);
  }
}

// Pointers into instructions of Python that a function keeps in registers and on its part of the stack.
void CallStack::TakeFrame(const CallSample& sample, const StackFrame& frame, CallTrace* trace) {
  const Mapping* map = symbols_.FileAt(frame.code);
  if (interpreter_is_known_ && (!map || !IsInterpreter(map->path)))
    return;  // what an extension holds is left from before
  EvalFrame out;
  out.function = frame.function;
  const auto take = [&](u32 slot, u64 word) {
    const u32 row = bytecode_.CodeAt(word);
    if (row != kNone && out.held.size() < kMostHeld) out.held.push_back({slot, row, word});
  };
  for (u8 reg : kKept)
    if (frame.known >> reg & 1) take(reg, frame.registers[reg]);
  for (u64 at = frame.stack; at + sizeof(u64) <= frame.end; at += sizeof(u64))
    if (!frame.Saved(at))
      take(EvalFrame::kFirstPlace + static_cast<u32>((frame.end - at) / sizeof(u64)),
           WordAt(sample.stack, at - sample.registers[kRsp]));
  slots_.Add(out, [&] { return symbols_.FunctionAt(frame.code); });
  if (!out.held.empty()) trace->evals.push_back(std::move(out));
}

// Words of the stack that may be what is looked for: return addresses behind the last function that is known, pointers
// into instructions of Python anywhere.
void CallStack::Scan(const CallSample& sample, const StackFrame& last, CallTrace* trace) {
  const auto point = [&](u64 word) {
    if (trace->pointers.size() < kMostHeld && bytecode_.CodeAt(word) != kNone) trace->pointers.push_back(word);
  };
  for (u8 reg : kKept) point(sample.registers[reg]);
  const u64 behind = last.stack - sample.registers[kRsp];
  for (u64 at = 0; at + sizeof(u64) <= sample.stack.size(); at += sizeof(u64)) {
    const u64 word = WordAt(sample.stack, at);
    point(word);
    if (at < behind || word < code_start_ || word >= code_end_ || trace->maybe.size() == kMostWords) continue;
    if (const Mapping* map = symbols_.FileAt(word); map && map->executable) trace->maybe.push_back(word);
  }
}

CallTrace CallStack::Follow(const CallSample& sample, Trap trap) {
  CallTrace trace;
  const bool wrote = trap == Trap::kWrite;
  const auto frames = unwinder_.Unwind(sample, wrote ? sample.instruction - 1 : sample.instruction);
  for (const StackFrame& frame : frames) {
    if (&frame != &frames[0] || wrote) trace.calls.push_back(frame.code);
    if (frame.end != 0) TakeFrame(sample, frame, &trace);
  }
  Scan(sample, frames.back(), &trace);
  return trace;
}

std::vector<NativeCaller> CallStack::Callers(const CallTrace& trace) {
  std::vector<NativeCaller> callers, of_python;
  const auto take = [&](u64 address) {
    const Mapping* map = symbols_.FileAt(address);
    if (!map || !map->executable || PassesOn(map->path)) return;
    std::string function = symbols_.FunctionAt(address);
    if (IsAllocator(function)) return;
    auto& list = IsInterpreter(map->path) ? of_python : callers;
    const bool known = std::any_of(list.begin(), list.end(), [&](const auto& c) { return c.library == map->path; });
    if (!known) list.push_back({map->path, std::move(function)});
  };
  size_t seen = 0;
  for (u64 code : trace.calls)
    if (seen++ < kMostCallers && callers.size() < kMostLibraries) take(code);
  for (u64 word : trace.maybe)
    if (seen < kMostCallers && callers.size() < kMostLibraries && IsReturn(word)) ++seen, take(word - 1);
  return callers.empty() ? of_python : callers;
}

bool CallStack::IsReturn(u64 address) {
  const Mapping* map = symbols_.FileAt(address);
  if (!map || !map->executable) return false;
  const auto [at, fresh] = returns_.try_emplace(address, false);
  u8 code[8];
  if (fresh && memory_.Read(address - 8, code, sizeof code)) at->second = EndsInCall(code);
  return at->second;
}

const PythonPlace& CallStack::PlaceOf(u32 row, u64 pointer) {
  const auto [at, fresh] = places_.try_emplace(pointer);
  if (fresh) at->second = bytecode_.PlaceOf(row, pointer);
  return at->second;
}

void CallStack::AddLine(u64 pointer, bool sure, std::vector<u32>* rows, std::vector<PythonPlace>* lines) {
  const u32 row = bytecode_.CodeAt(pointer);
  if (row == kNone || lines->size() == kMostLines || std::count(rows->begin(), rows->end(), row) != 0) return;
  const PythonPlace& place = PlaceOf(row, pointer);
  if (place.line == 0) return;
  rows->push_back(row);  // one line a code object: the nearest
  lines->push_back(place);
  lines->back().sure = sure;
}

std::vector<PythonPlace> CallStack::Lines(const CallTrace& trace) {
  std::vector<PythonPlace> lines;
  std::vector<u32> rows;
  const auto same = [&](const EvalFrame::Held& a, const EvalFrame::Held& b) {
    return a.row == b.row && PlaceOf(a.row, a.pointer).line == PlaceOf(b.row, b.pointer).line;
  };
  for (const EvalFrame& frame : trace.evals)
    if (const EvalSlots::Choice choice = slots_.Choose(frame, same); choice.held)
      AddLine(choice.held->pointer, choice.sure, &rows, &lines);
  if (lines.empty())
    for (u64 pointer : trace.pointers) AddLine(pointer, false, &rows, &lines);
  return lines;
}

}  // namespace unleak::capture
