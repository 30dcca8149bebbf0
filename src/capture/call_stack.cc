#include "capture/call_stack.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace unleak::capture {
namespace {

// What a function has to give back as it was: the others may be left from anything.
constexpr u8 kKept[] = {kRbx, kRbp, 12, 13, 14, 15};
constexpr size_t kMostCallers = 24, kMostLibraries = 3, kMostLines = 2;

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
    : memory_(memory), symbols_(symbols), bytecode_(bytecode) {
  for (const Mapping& map : maps) {
    if (!map.executable || !map.path.starts_with('/')) continue;
    code_start_ = std::min(code_start_, map.start);
    code_end_ = std::max(code_end_, map.end);
  }
}

std::vector<u8> CallStack::Trim(std::span<const u8> stack) const {
  std::vector<u8> kept;
  for (u64 at = 0; at + sizeof(u64) <= stack.size(); at += sizeof(u64)) {
    const u64 word = WordAt(stack, at);
    if ((word < code_start_ || word >= code_end_) && bytecode_.CodeAt(word) == kNone) continue;
    const auto bytes = stack.subspan(at, sizeof(u64));
    kept.insert(kept.end(), bytes.begin(), bytes.end());
  }
  return kept;
}

std::vector<NativeCaller> CallStack::Callers(const CallSample& sample, Trap trap) {
  std::vector<NativeCaller> callers, of_python;
  size_t seen = 0;
  const auto take = [&](u64 address) {  // inside of the instruction
    const Mapping* map = symbols_.FileAt(address);
    if (!map || PassesOn(map->path)) return;
    std::string function = symbols_.FunctionAt(address);
    if (IsAllocator(function)) return;
    auto& list = IsInterpreter(map->path) ? of_python : callers;
    const bool known = std::any_of(list.begin(), list.end(), [&](const auto& c) { return c.library == map->path; });
    if (!known) list.push_back({map->path, std::move(function)});
  };
  if (trap == Trap::kWrite) take(sample.instruction - 1);  // a watched function has not run yet
  for (u64 at = 0; at + sizeof(u64) <= sample.stack.size() && seen < kMostCallers && callers.size() < kMostLibraries;
       at += sizeof(u64)) {
    const u64 word = WordAt(sample.stack, at);
    const Mapping* map = symbols_.FileAt(word);
    if (!map || !map->executable || !IsReturn(word)) continue;
    ++seen;
    take(word - 1);
  }
  return callers.empty() ? of_python : callers;
}

bool CallStack::IsReturn(u64 address) {
  const auto [at, fresh] = returns_.try_emplace(address, false);
  u8 code[8];
  if (fresh && memory_.Read(address - 8, code, sizeof code)) at->second = EndsInCall(code);
  return at->second;
}

std::vector<PythonPlace> CallStack::Lines(const CallSample& sample) {
  std::vector<PythonPlace> lines;
  std::vector<u32> rows;  // one line a code object: the nearest
  const auto take = [&](u64 word) {
    const u32 row = bytecode_.CodeAt(word);
    if (row == kNone || std::find(rows.begin(), rows.end(), row) != rows.end()) return;
    const auto [at, fresh] = places_.try_emplace(word);
    if (fresh) at->second = bytecode_.PlaceOf(row, word);
    if (at->second.line == 0) return;
    rows.push_back(row);
    lines.push_back(at->second);
  };
  for (u8 reg : kKept) take(sample.registers[reg]);
  for (u64 at = 0; at + sizeof(u64) <= sample.stack.size() && lines.size() < kMostLines; at += sizeof(u64))
    take(WordAt(sample.stack, at));
  if (lines.size() > kMostLines) lines.resize(kMostLines);
  return lines;
}

}  // namespace unleak::capture
