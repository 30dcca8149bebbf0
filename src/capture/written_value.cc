#include "capture/written_value.h"

#include <algorithm>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr size_t kLongest = 12;  // with LOCK, REX, SIB, a displacement and an immediate of 4 bytes
constexpr u64 kWord = 8, kVector = 16;

template <class Int>
i64 Signed(const u8* at) {
  Int value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// One instruction, read forward (Intel SDM 2, chapter 2).
struct Instruction {
  u8 rex = 0;
  bool two_bytes = false;  // 0F opcode
  u8 opcode = 0, reg = 0;  // reg: modrm.reg without REX.R
  u64 operand = 0;         // address of the memory operand
  size_t length = 0;       // with displacement, without immediate
  bool wide() const { return rex & 8; }
};

// Reads the operand that modrm at `code[at]` describes; false if it is a register, or the code ends.
bool ReadOperand(std::span<const u8> code, size_t at, u64 next, std::span<const u64> registers, Instruction* out) {
  if (at >= code.size()) return false;
  const u8 modrm = code[at++], mod = modrm >> 6, rm = modrm & 7;
  if (mod == 3) return false;
  out->reg = modrm >> 3 & 7;
  u64 address = 0;
  bool displaced = mod == 2;
  if (rm == 4) {
    if (at >= code.size()) return false;
    const u8 sib = code[at++], index = static_cast<u8>((sib >> 3 & 7) | (out->rex & 2) << 2), base = sib & 7;
    if (index != 4) address += registers[index] << (sib >> 6);
    if (base == 5 && mod == 0)
      displaced = true;
    else
      address += registers[base | (out->rex & 1) << 3];
  } else if (rm == 5 && mod == 0) {
    address = next;
    displaced = true;
  } else {
    address = registers[rm | (out->rex & 1) << 3];
  }
  const size_t bytes = mod == 1 ? 1 : displaced ? 4 : 0;
  if (at + bytes > code.size()) return false;
  if (bytes == 1) address += static_cast<u64>(Signed<i8>(code.data() + at));
  if (bytes == 4) address += static_cast<u64>(Signed<i32>(code.data() + at));
  out->operand = address;
  out->length = at + bytes;
  return true;
}

bool ReadInstruction(std::span<const u8> code, u64 next, std::span<const u64> registers, Instruction* out) {
  size_t at = 0;
  while (at < code.size() && (code[at] == 0xf0 || code[at] == 0x66 || code[at] == 0xf2 || code[at] == 0xf3)) ++at;
  if (at < code.size() && code[at] >> 4 == 4) out->rex = code[at++];
  if (at < code.size() && code[at] == 0x0f) out->two_bytes = true, ++at;
  if (at >= code.size()) return false;
  out->opcode = code[at++];
  return ReadOperand(code, at, next, registers, out);
}

WrittenValue Meaning(const Instruction& in, std::span<const u8> immediate, std::span<const u64> registers) {
  const u64 source = registers[in.reg | (in.rex & 4) << 1];
  const auto value = [&](u64 of) { return in.wide() ? of : of & 0xffffffff; };
  const auto is = [&](u8 opcode, size_t bytes) { return in.opcode == opcode && immediate.size() == bytes; };
  if (in.two_bytes) return {};
  if (is(0x89, 0)) return {WrittenValue::kStored, value(source), 0};
  if (is(0x01, 0)) return {WrittenValue::kAdded, 0, static_cast<i64>(source)};
  if (is(0x29, 0)) return {WrittenValue::kAdded, 0, -static_cast<i64>(source)};
  if (is(0xff, 0) && in.reg <= 1) return {WrittenValue::kAdded, 0, in.reg == 0 ? 1 : -1};
  if (is(0xc7, 4) && in.reg == 0)
    return {WrittenValue::kSet, value(static_cast<u64>(Signed<i32>(immediate.data()))), 0};
  if ((is(0x83, 1) || is(0x81, 4)) && (in.reg == 0 || in.reg == 5)) {
    const i64 amount = immediate.size() == 1 ? Signed<i8>(immediate.data()) : Signed<i32>(immediate.data());
    return {WrittenValue::kAdded, 0, in.reg == 0 ? amount : -amount};
  }
  return {};
}

// An instruction of vectors writes count and type at once: an object is being made.
bool StoresVector(const Instruction& in, u64 address) {
  const bool stores =
      in.two_bytes && (in.opcode == 0x11 || in.opcode == 0x29 || in.opcode == 0x7f || in.opcode == 0xd6);
  return stores && in.operand <= address && address < in.operand + kVector;
}

}  // namespace

WrittenValue DecodeWrite(std::span<const u8> code, u64 instruction, std::span<const u64> registers, u64 address) {
  // The longest first: without its prefix an instruction would be one of 32 bits.
  for (size_t length = std::min(kLongest, code.size()); length >= 2; --length) {
    const std::span<const u8> bytes = code.last(length);
    Instruction in;
    if (!ReadInstruction(bytes, instruction, registers, &in)) continue;
    if (in.length == length && StoresVector(in, address)) return {WrittenValue::kSet, 1, 0};
    if (in.operand < address || in.operand >= address + kWord) continue;
    if (const WrittenValue value = Meaning(in, bytes.subspan(in.length), registers);
        value.kind != WrittenValue::kUnknown)
      return value;
  }
  return {};
}

}  // namespace unleak::capture
