#include "capture/interpreter_search.h"

#include <algorithm>
#include <cstring>

#include "pylayout/check.h"
#include "pylayout/tables.h"

namespace unleak::capture {
namespace {

constexpr u64 kMaxScan = u64{32} << 20;  // bytes of data of one object that are searched
constexpr std::size_t kLongestVersion = 24, kLongestText = 256;

// The writable data of the object `path`, and the zero pages behind each part of it.
std::vector<Mapping> DataOf(const std::vector<Mapping>& maps, const std::string& path) {
  std::vector<Mapping> found;
  u64 last_end = 0;
  for (const Mapping& mapping : maps) {
    const bool own = mapping.path == path;
    if (own) last_end = mapping.end;
    const bool behind = mapping.path.empty() && mapping.start == last_end;
    if (mapping.writable && (own || behind)) found.push_back(mapping);
  }
  return found;
}

// Bytes of the mapping, pages that cannot be read as zeros; at most `left`, which is lowered.
std::string Read(Memory& memory, const Mapping& mapping, u64* left) {
  constexpr u64 kPage = 4096;
  const u64 size = std::min(mapping.end - mapping.start, *left);
  *left -= size;
  std::string bytes(size, '\0');
  for (u64 at = 0; at < size; at += kPage)
    memory.Read(mapping.start + at, bytes.data() + at, std::min(kPage, size - at));
  return bytes;
}

bool IsText(char c) { return c >= ' ' && c <= '~'; }

// "3.10.13" of "3.10.13 (main, ...) [GCC ...]", where before 3.10 a line ends in front of the bracket; "" of anything
// else.
std::string_view VersionOfText(std::string_view text) {
  const std::size_t space = text.substr(0, kLongestVersion).find(" (");
  if (space == std::string_view::npos || space < 3 || text[1] != '.' || text[2] < '0' || text[2] > '9') return {};
  const std::string_view whole = text.substr(0, std::min(kLongestText, text.find('\0')));
  const bool has_compiler =
      whole.find(") [", space) != std::string_view::npos || whole.find(") \n[", space) != std::string_view::npos;
  return has_compiler ? text.substr(0, space) : std::string_view{};
}

bool IsMapped(const std::vector<Mapping>& maps, u64 address) {
  const auto next = std::upper_bound(maps.begin(), maps.end(), address,
                                     [](u64 value, const Mapping& mapping) { return value < mapping.start; });
  return next != maps.begin() && address < std::prev(next)->end && std::prev(next)->writable;
}

// struct pyinterpreters: head and main of the list, and the number of the next one (Include/internal/pycore_runtime.h).
struct Interpreters {
  u64 head, main, next_id;
};

// Is that the list of a runtime: two interpreters that are there, and a thread of the first one that points back to it?
bool LooksLikeList(Memory& memory, const std::vector<Mapping>& maps, const unleak_layout& layout,
                   const Interpreters& list) {
  constexpr u64 kMostInterpreters = u64{1} << 31;
  if (list.head % 8 != 0 || list.main % 8 != 0 || list.next_id == 0 || list.next_id > kMostInterpreters) return false;
  if (!IsMapped(maps, list.head) || !IsMapped(maps, list.main)) return false;
  const u64 interpreter = list.head;
  u64 thread = 0, back = 0;
  return memory.Read(interpreter + static_cast<u64>(layout.interpreter.threads_head), &thread, sizeof thread) &&
         thread != 0 && thread % 8 == 0 &&
         memory.Read(thread + static_cast<u64>(layout.thread.interpreter), &back, sizeof back) && back == interpreter;
}

}  // namespace

u32 ParseVersion(std::string_view text) {
  u32 part[3] = {0, 0, 0};
  size_t at = 0;
  int parts = 0;
  for (; parts < 3; ++parts) {
    const size_t start = at;
    while (at < text.size() && at - start < 3 && text[at] >= '0' && text[at] <= '9') {
      part[parts] = part[parts] * 10 + static_cast<u32>(text[at++] - '0');
    }
    if (at == start) break;
    if (at >= text.size() || text[at] != '.') {
      ++parts;
      break;
    }
    ++at;
  }
  if (parts < 2 || part[0] != 3 || part[1] > 99 || part[2] > 255) return 0;
  const u32 hex = part[0] << 24 | part[1] << 16 | part[2] << 8;
  const std::string_view rest = text.substr(at);
  const u32 level = rest.starts_with("a") ? 0xa0 : rest.starts_with("b") ? 0xb0 : rest.starts_with("rc") ? 0xc0 : 0xf0;
  return hex | level;
}

std::string VersionText(Memory& memory, const std::vector<Mapping>& maps, const std::string& path) {
  u64 left = kMaxScan;
  for (const Mapping& mapping : DataOf(maps, path)) {
    const std::string bytes = Read(memory, mapping, &left);
    const std::string_view all = bytes;
    for (std::size_t at = all.find('.'); at != std::string_view::npos; at = all.find('.', at + 1)) {
      if (at < 2 || (all[at - 1] != '2' && all[at - 1] != '3') || IsText(all[at - 2])) continue;
      const std::string_view version = VersionOfText(all.substr(at - 1));
      if (!version.empty()) return std::string(version);
    }
  }
  return {};
}

u64 RuntimeByShape(Memory& memory, const std::vector<Mapping>& maps, const std::string& path,
                   const unleak_layout& layout) {
  const auto read = [&](u64 address, void* out, std::size_t bytes) { return memory.Read(address, out, bytes); };
  const u64 head = static_cast<u64>(layout.runtime.interpreters_head);
  u64 left = kMaxScan;
  for (const Mapping& mapping : DataOf(maps, path)) {
    const std::string bytes = Read(memory, mapping, &left);
    for (u64 at = 0; at + head + sizeof(Interpreters) <= bytes.size(); at += 8) {
      Interpreters list;
      std::memcpy(&list, bytes.data() + at + head, sizeof list);
      if (!LooksLikeList(memory, maps, layout, list)) continue;
      if (pylayout::CheckLayout(layout, read, mapping.start + at).ok()) return mapping.start + at;
    }
  }
  return 0;
}

bool HasInterpreter(Memory& memory, u64 runtime, u32 python_hex, bool free_threaded) {
  const unleak_layout* layout = pylayout::FindLayout(python_hex, free_threaded);
  u64 interpreter = 0;
  return layout &&
         memory.Read(runtime + static_cast<u64>(layout->runtime.interpreters_head), &interpreter, sizeof interpreter) &&
         interpreter != 0;
}

}  // namespace unleak::capture
