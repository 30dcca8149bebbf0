#include "capture/code_lines.h"

namespace unleak::capture {
namespace {

u32 Clamp(i64 line) { return line > 0 && line < i64{kNone} ? static_cast<u32>(line) : 0; }

u32 LineFromLnotab(std::span<const u8> table, i64 line, i64 instruction) {
  i64 address = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    address += table[i];
    if (address > instruction) break;
    line += static_cast<i8>(table[i + 1]);
  }
  return Clamp(line);
}

u32 LineFromRanges(std::span<const u8> table, i64 line, i64 instruction) {
  i64 end = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    const i8 delta = static_cast<i8>(table[i + 1]);
    const bool has_line = delta != -128;
    if (has_line) line += delta;
    end += table[i];
    if (instruction < end) return has_line ? Clamp(line) : 0;
  }
  return 0;
}

// Reads the numbers of a location table; past its end all are 0.
class LocationReader {
 public:
  explicit LocationReader(std::span<const u8> table) : table_(table) {}
  bool done() const { return at_ >= table_.size(); }
  u8 Byte() { return done() ? u8{0} : table_[at_++]; }
  void Skip(size_t bytes) { at_ += bytes; }

  u64 Varint() {  // 6 bits a byte, lowest first, bit 6 = more
    u64 value = 0;
    for (int shift = 0; shift < 60; shift += 6) {
      const u8 byte = Byte();
      value |= u64{byte & 63u} << shift;
      if (!(byte & 64)) break;
    }
    return value;
  }
  // `line` plus a signed number; wraps, as garbage may add up to anything.
  i64 Advance(i64 line) {
    const u64 value = Varint();
    return static_cast<i64>(value & 1 ? static_cast<u64>(line) - (value >> 1) : static_cast<u64>(line) + (value >> 1));
  }

 private:
  std::span<const u8> table_;
  size_t at_ = 0;
};

u32 LineFromLocations(std::span<const u8> table, i64 line, i64 instruction) {
  LocationReader reader(table);
  i64 end = 0;
  while (!reader.done()) {
    const u8 head = reader.Byte();
    const int kind = head >> 3 & 15;
    if (kind < 10) {  // same line, columns in one byte
      reader.Skip(1);
    } else if (kind < 13) {  // up to two lines on, columns in two bytes
      line += kind - 10;
      reader.Skip(2);
    } else if (kind == 13) {  // line only
      line = reader.Advance(line);
    } else if (kind == 14) {  // line, end line, two columns
      line = reader.Advance(line);
      for (int i = 0; i < 3; ++i) reader.Varint();
    }
    end += 2 * ((head & 7) + 1);
    if (instruction < end) return kind == 15 ? 0 : Clamp(line);
  }
  return 0;
}

}  // namespace

u32 LineOfInstruction(u32 python_hex, std::span<const u8> table, u32 first_line, i64 instruction) {
  if (instruction < 0) return first_line;
  if (python_hex < 0x030a0000) return LineFromLnotab(table, first_line, instruction);
  if (python_hex < 0x030b0000) return LineFromRanges(table, first_line, instruction);
  return LineFromLocations(table, first_line, instruction);
}

}  // namespace unleak::capture
