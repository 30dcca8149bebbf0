#include "capture/code_lines.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace unleak::capture {
namespace {

std::vector<u8> Hex(std::string_view text) {
  std::vector<u8> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<u8>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Tables and lines as CPython itself gives them (co_lnotab, co_linetable; dis.findlinestarts, co_lines; 0 = no line) for
//   def f(a,\n b=1):\n\n for i in range(a): if (i > b): try: g(a, b, i) finally: x = [y for y in a]; return x
struct Case {
  u32 hex;
  const char* table;
  std::vector<u32> lines;  // a code unit of two bytes each
};

const Case kCases[] = {
    {0x030912f0, "00030c01020102ff04020201060102ff0603060102ff0e0102ff0a02",
     {4, 4, 4, 4, 4, 4, 5, 6, 5, 5, 7, 8, 8, 8, 9, 8, 8, 8, 11, 11, 11, 12, 11, 11, 11, 11, 11, 11, 11, 12, 11, 11, 11,
      11, 11, 13, 13}},
    {0x030a0df0, "0c030201020104ff02020601020106ff060302010eff020108ff02fa0408",
     {4, 4, 4, 4, 4, 4, 5, 6, 5, 5, 7, 8, 8, 8, 9, 8, 8, 8, 11, 11, 11, 12, 11, 11, 11, 11, 11, 11, 11, 12, 11, 11, 11,
      11, 5, 13, 13}},
    {0x030d00f0,
     "8000f406000e1390318e588801d80c0dd81213f503010d14f004050d21dc10119021d81213f403011115f108001f20f303011521d91e1f9811f3"
     "03001617d91e1ff003001112f0000115219101f10f000e16f012000c0d8048f9f205011521f8d91e1ff303011521d91e1f9811f303001617d91e"
     "1ff003001112f0000115219001f9f200011521fa",
     {1,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  5,  6,  5,  5,  5,  5,  5,  5,  7,
      8,  8,  8,  8,  8,  8,  9,  8,  8,  8,  8,  8,  12, 12, 11, 11, 11, 11, 12, 12, 12, 11, 11, 11,
      11, 12, 12, 11, 11, 11, 11, 4,  4,  13, 13, 0,  0,  11, 11, 11, 0,  12, 12, 11, 11, 11, 11, 12,
      12, 12, 11, 11, 11, 11, 12, 12, 11, 11, 11, 0,  0,  11, 11, 11, 0,  0,  0}},
};

TEST(CodeLinesTest, SameLinesAsTheInterpreter) {
  for (const Case& c : kCases) {
    const std::vector<u8> table = Hex(c.table);
    for (size_t i = 0; i < c.lines.size(); ++i) {
      EXPECT_EQ(LineOfInstruction(c.hex, table, 1, static_cast<i64>(2 * i)), c.lines[i]) << std::hex << c.hex << " unit " << i;
    }
  }
}

TEST(CodeLinesTest, BeforeTheFirstInstructionIsTheFirstLine) {
  for (const Case& c : kCases) EXPECT_EQ(LineOfInstruction(c.hex, Hex(c.table), 17, -2), 17u);
}

TEST(CodeLinesTest, PastTheEndIsNoLineFrom310On) {
  for (const Case& c : kCases) {
    if (c.hex < 0x030a0000) continue;  // co_lnotab does not say where the code ends
    EXPECT_EQ(LineOfInstruction(c.hex, Hex(c.table), 1, static_cast<i64>(2 * c.lines.size())), 0u);
  }
}

TEST(CodeLinesTest, GarbageEndsAndGivesSomeLine) {
  std::vector<u8> table;
  u32 state = 1;
  for (int i = 0; i < 4096; ++i) table.push_back(static_cast<u8>((state = state * 1664525 + 1013904223) >> 24));
  for (u32 hex : {0x03090000u, 0x030a0000u, 0x030b0000u}) {
    for (size_t size = 0; size < table.size(); size += 37) {
      LineOfInstruction(hex, {table.data(), size}, kNone, i64{1} << 40);
    }
  }
}

TEST(CodeLinesTest, LongestVarintsDoNotOverflow) {
  std::vector<u8> table;
  for (int i = 0; i < 64; ++i) {
    table.push_back(0x80 | 13 << 3);
    for (int k = 0; k < 9; ++k) table.push_back(0x7f - 1);
    table.push_back(0x3f);
  }
  EXPECT_EQ(LineOfInstruction(0x030d0000, table, 1, i64{1} << 30), 0u);
}

}  // namespace
}  // namespace unleak::capture
