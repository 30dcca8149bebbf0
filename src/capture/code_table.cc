#include "capture/code_table.h"

#include <algorithm>
#include <unordered_map>

#include "capture/code_lines.h"
#include "pylayout/layout.h"

namespace unleak::capture {
namespace {

constexpr u64 kUnit = 2;  // bytes of an instruction
constexpr u64 kMostInstructions = 16 << 20, kMostTable = 1 << 20;
constexpr size_t kMostCodes = 1 << 20;

// One word of each row, in batches.
std::vector<u64> WordsOf(Memory& memory, const std::vector<u64>& addresses) {
  std::vector<u64> words(addresses.size());
  std::vector<ReadRequest> requests;
  for (size_t i = 0; i < addresses.size(); ++i) requests.push_back({addresses[i], &words[i], sizeof(u64), false});
  memory.ReadMany(requests);
  for (size_t i = 0; i < words.size(); ++i)
    if (!requests[i].ok) words[i] = 0;
  return words;
}

}  // namespace

CodeTable TableOfCodes(const snapshot::Columns& columns) {
  CodeTable table;
  std::unordered_map<u32, u32> places;  // a string of the columns -> a text
  const auto text = [&](u32 string) {
    const auto [at, fresh] = places.try_emplace(string, static_cast<u32>(table.texts.size()));
    if (fresh) table.texts.emplace_back(columns.strings.at(string));
    return at->second;
  };
  for (const snapshot::CodeObject& code : columns.codes) {
    if (code.node >= columns.node_count() || table.rows.size() == kMostCodes) continue;
    table.rows.push_back({columns.address[code.node], text(code.file), text(code.qualname), code.first_line});
  }
  return table;
}

Bytecode::Bytecode(const unleak_layout& layout, Memory& memory, const CodeTable& codes)
    : layout_(layout), memory_(memory), codes_(codes) {
  if (layout.code.code_adaptive >= 0)
    AddInline();
  else
    AddObjects();
  std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.start < b.start; });
}

void Bytecode::AddInline() {
  std::vector<u64> sizes;
  for (const CodeTable::Row& row : codes_.rows)
    sizes.push_back(row.address + static_cast<u64>(layout_.code.code_bytes));
  sizes = WordsOf(memory_, sizes);
  for (u32 i = 0; i < codes_.rows.size(); ++i) {
    const u64 start = codes_.rows[i].address + static_cast<u64>(layout_.code.code_adaptive);
    if (sizes[i] != 0 && sizes[i] < kMostInstructions) ranges_.push_back({start, start + kUnit * sizes[i], i});
  }
}

void Bytecode::AddObjects() {
  std::vector<u64> objects;
  for (const CodeTable::Row& row : codes_.rows)
    objects.push_back(row.address + static_cast<u64>(layout_.code.code_bytes));
  objects = WordsOf(memory_, objects);
  std::vector<u64> sizes;
  for (u64 object : objects) sizes.push_back(object + static_cast<u64>(layout_.bytes_object.size));
  sizes = WordsOf(memory_, sizes);
  for (u32 i = 0; i < objects.size(); ++i) {
    const u64 start = objects[i] + static_cast<u64>(layout_.bytes_object.bytes);
    if (objects[i] != 0 && sizes[i] != 0 && sizes[i] < kUnit * kMostInstructions)
      ranges_.push_back({start, start + sizes[i], i});
  }
}

u32 Bytecode::CodeAt(u64 pointer) const {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), pointer,
                                [](u64 p, const Range& range) { return p < range.start; });
  if (after == ranges_.begin()) return kNone;
  --after;
  // The start itself is kept in other places too (3.9 and 3.10: first_instr), and is the next instruction of nothing
  // that has run.
  const bool inside = pointer > after->start && pointer <= after->end && (pointer - after->start) % kUnit == 0;
  return inside ? after->row : kNone;
}

PythonPlace Bytecode::PlaceOf(u32 row, u64 pointer) {
  const CodeTable::Row& code = codes_.rows[row];
  PythonPlace place{codes_.texts[code.file], codes_.texts[code.function], 0, false};
  const auto range = std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.row == row; });
  const u64 table = memory_.Word(code.address + static_cast<u64>(layout_.code.linetable));
  const u64 size = table ? memory_.Word(table + static_cast<u64>(layout_.bytes_object.size)) : 0;
  if (range == ranges_.end() || size == 0 || size > kMostTable) return place;
  std::vector<u8> bytes(size);
  if (!memory_.Read(table + static_cast<u64>(layout_.bytes_object.bytes), bytes.data(), size)) return place;
  const i64 instruction = static_cast<i64>(pointer - range->start - kUnit);
  place.line = LineOfInstruction(static_cast<u32>(layout_.hex), bytes, code.first_line, instruction);
  return place;
}

}  // namespace unleak::capture
