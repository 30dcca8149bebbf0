// Instructions that start with 0f: conditions, bits, exchanges, and vector moves.
#include <bit>
#include <cstring>

#include "capture/arch/x86_64/interpreter.h"

namespace unleak::capture::arch {

bool Interpreter::TwoBytes(u8 code) {
  u32 size = OperandSize();
  if (code >= 0x40 && code <= 0x4f) {
    ModRm();
    u64 value = GetOperand(size);
    Set(reg_, size, Condition(code & 15) ? value : Get(reg_, size));
    return true;
  }
  if (code >= 0x80 && code <= 0x8f) {
    u64 by = FetchSigned(4);
    if (Condition(code & 15)) rip_ += by;
    return true;
  }
  if (code >= 0x90 && code <= 0x9f) return ModRm(), SetOperand(1, Condition(code & 15) ? 1 : 0), true;
  if (code == 0x05 || code == 0x34) return End(Ended::kSystemCall), true;
  if (code == 0x0d || (code >= 0x18 && code <= 0x1f)) return ModRm(), true;  // hints: prefetch, nop, endbr64
  switch (code) {
    case 0xaf:
      ModRm();
      Set(reg_, size, Multiply(Get(reg_, size), GetOperand(size), size));
      return true;
    case 0xb6:
      ModRm();
      Set(reg_, size, GetOperand(1));
      return true;
    case 0xb7:
      ModRm();
      Set(reg_, size, GetOperand(2));
      return true;
    case 0xbe:
      ModRm();
      Set(reg_, size, Extend(GetOperand(1), 1));
      return true;
    case 0xbf:
      ModRm();
      Set(reg_, size, Extend(GetOperand(2), 2));
      return true;
    default:
      return Bits(code) || Exchanges(code) || Vectors(code);
  }
}

bool Interpreter::Bits(u8 code) {
  u32 size = OperandSize();
  switch (code) {
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
      ModRm();
      BitTest(code >> 3 & 3, Get(reg_, size), true);
      return true;
    case 0xba: {
      ModRm(1);
      u64 index = Fetch8();
      if ((reg_ & 7) < 4) return false;
      BitTest(reg_ & 3, index, false);
      return true;
    }
    case 0xa4:
    case 0xac: {
      ModRm(1);
      u64 count = Fetch8();
      SetOperand(size, ShiftDouble(code == 0xa4, GetOperand(size), Get(reg_, size), count, size));
      return true;
    }
    case 0xa5:
    case 0xad:
      ModRm();
      SetOperand(size, ShiftDouble(code == 0xa5, GetOperand(size), Get(reg_, size), r_[kRcx], size));
      return true;
    case 0xb8: {
      if (!repeat_) return false;
      ModRm();
      u64 value = GetOperand(size);
      zero_ = value == 0;
      Set(reg_, size, static_cast<u64>(std::popcount(value)));
      return true;
    }
    case 0xbc:
    case 0xbd: {  // bsf, bsr; with f3 tzcnt, lzcnt, which differ for 0 and in what lzcnt counts
      ModRm();
      u64 value = GetOperand(size), bits = size * 8;
      u64 low = static_cast<u64>(std::countr_zero(value)), high = 63 - static_cast<u64>(std::countl_zero(value));
      u64 found = code == 0xbc ? low : repeat_ ? bits - 1 - high : high;
      if (value == 0) found = repeat_ ? bits : Get(reg_, size);
      zero_ = repeat_ ? found == 0 : value == 0;
      carry_ = value == 0;
      Set(reg_, size, found);
      return true;
    }
    default:
      if (code < 0xc8 || code > 0xcf) return false;
      u8 number = static_cast<u8>((code & 7) | rex_b_);
      u64 value = Get(number, size);
      Set(number, size, size == 8 ? __builtin_bswap64(value) : __builtin_bswap32(static_cast<u32>(value)));
      return true;
  }
}

// bt, bts, btr, btc. An index in a register may reach beyond the operand in memory.
void Interpreter::BitTest(u8 operation, u64 index, bool from_register) {
  u32 size = OperandSize(), bits = size * 8;
  if (memory_operand_ && from_register) {
    i64 word = static_cast<i64>(Extend(index, size)) >> (size == 8 ? 6 : size == 4 ? 5 : 4);
    address_ += static_cast<u64>(word) * size;
  }
  u64 bit = u64{1} << (index % bits), value = GetOperand(size);
  carry_ = (value & bit) != 0;
  if (operation == 1)
    SetOperand(size, value | bit);
  else if (operation == 2)
    SetOperand(size, value & ~bit);
  else if (operation == 3)
    SetOperand(size, value ^ bit);
}

bool Interpreter::Exchanges(u8 code) {
  u32 size = (code & 1) == 0 ? 1 : OperandSize();
  switch (code) {
    case 0xae:  // fences; fxsave, xsave, xrstor and their kin, around the binding of a function: our vectors stay
                // anyway
      ModRm();
      return !repeat_ && (memory_operand_ ? (reg_ & 7) != 2 && (reg_ & 7) != 3 : (reg_ & 7) >= 5);
    case 0xb0:
    case 0xb1: {
      ModRm();
      u64 value = GetOperand(size);
      SubFlags(Get(kRax, size), value, false, size);
      if (zero_)
        SetOperand(size, Get(reg_, size));
      else
        Set(kRax, size, value);
      return true;
    }
    case 0xc0:
    case 0xc1: {
      ModRm();
      u64 value = GetOperand(size), sum = AddFlags(value, Get(reg_, size), false, size);
      Set(reg_, size, value);
      SetOperand(size, sum);
      return true;
    }
    case 0xc7:
      ModRm();
      if (memory_operand_ && (reg_ & 7) == 4) return true;  // xsavec
      if (!memory_operand_ || !wide_ || (reg_ & 7) != 1) return false;
      CompareExchange16();
      return true;
    default:
      return false;
  }
}

void Interpreter::CompareExchange16() {
  u64 low = Load(address_, 8), high = Load(address_ + 8, 8);
  zero_ = low == r_[kRax] && high == r_[kRdx];
  if (zero_) {
    Store(address_, 8, r_[kRbx]);
    Store(address_ + 8, 8, r_[kRcx]);
  } else {
    r_[kRax] = low;
    r_[kRdx] = high;
  }
}

Interpreter::Vector Interpreter::GetVector(u32 bytes) {
  if (!memory_operand_) return x_[rm_];
  return {Load(address_, bytes < 8 ? bytes : 8), bytes == 16 ? Load(address_ + 8, 8) : 0};
}

void Interpreter::SetVector(u32 bytes, const Vector& value) {
  if (!memory_operand_) {
    x_[rm_] = value;
    return;
  }
  Store(address_, bytes < 8 ? bytes : 8, value.low);
  if (bytes == 16) Store(address_ + 8, 8, value.high);
}

bool Interpreter::Vectors(u8 code) { return VectorMoves(code) || VectorLogic(code) || VectorBytes(code); }

// movups, movaps, movdqa, movdqu, movd, movq, movlps, movhps and their kin: words from here to there.
bool Interpreter::VectorMoves(u8 code) {
  bool scalar = (repeat_ || repeat_not_) && (code == 0x10 || code == 0x11);
  u32 bytes = scalar ? (repeat_ ? 4 : 8) : 16;
  switch (code) {
    case 0x10:
    case 0x28:
    case 0x6f: {
      if (code == 0x6f && !short_ && !repeat_) return false;  // MMX
      ModRm();
      Vector value = GetVector(bytes);
      if (scalar && !memory_operand_)
        value = {bytes == 8 ? value.low : (x_[reg_].low & ~Mask(4)) | (value.low & Mask(4)), x_[reg_].high};
      x_[reg_] = value;
      return true;
    }
    case 0x11:
    case 0x29:
    case 0x7f:
    case 0xe7:
    case 0x2b: {
      if (code == 0x7f && !short_ && !repeat_) return false;
      ModRm();
      Vector value = x_[reg_];
      if (scalar && !memory_operand_)
        value = {bytes == 8 ? value.low : (x_[rm_].low & ~Mask(4)) | (value.low & Mask(4)), x_[rm_].high};
      SetVector(bytes, value);
      return true;
    }
    case 0x12:
    case 0x16: {
      if (repeat_ || repeat_not_) return false;
      ModRm();
      u64 word = memory_operand_ ? Load(address_, 8) : code == 0x12 ? x_[rm_].high : x_[rm_].low;
      (code == 0x12 ? x_[reg_].low : x_[reg_].high) = word;
      return true;
    }
    case 0x13:
    case 0x17:
      ModRm();
      Store(address_, 8, code == 0x13 ? x_[reg_].low : x_[reg_].high);
      return memory_operand_;
    case 0x6e:
      ModRm();
      x_[reg_] = {GetOperand(wide_ ? 8 : 4), 0};
      return short_;
    case 0x7e:
      ModRm();
      if (repeat_) return x_[reg_] = {memory_operand_ ? Load(address_, 8) : x_[rm_].low, 0}, true;
      SetOperand(wide_ ? 8 : 4, x_[reg_].low);
      return short_;
    case 0xd6:
      ModRm();
      if (memory_operand_)
        Store(address_, 8, x_[reg_].low);
      else
        x_[rm_] = {x_[reg_].low, 0};
      return short_;
    default:
      return false;
  }
}

// pxor, pand, por and their kin, punpcklqdq, punpckhqdq.
bool Interpreter::VectorLogic(u8 code) {
  constexpr u8 kKnown[] = {0x54, 0x56, 0x57, 0x6c, 0x6d, 0xdb, 0xeb, 0xef};
  bool known = false;
  for (u8 one : kKnown) known = known || one == code;
  if (!known || repeat_ || repeat_not_ || (code >= 0x60 && !short_)) return false;
  ModRm();
  Vector b = GetVector(16);
  Vector& a = x_[reg_];
  switch (code) {
    case 0x54:
    case 0xdb:
      a = {a.low & b.low, a.high & b.high};
      break;
    case 0x56:
    case 0xeb:
      a = {a.low | b.low, a.high | b.high};
      break;
    case 0x6c:
      a.high = b.low;
      break;
    case 0x6d:
      a = {a.high, b.high};
      break;
    default:
      a = {a.low ^ b.low, a.high ^ b.high};
      break;
  }
  return true;
}

// pcmpeqb, psubb, pminub, pmovmskb: by which the dynamic linker compares names when a function is called first.
bool Interpreter::VectorBytes(u8 code) {
  if (!short_ || repeat_ || repeat_not_) return false;
  if (code == 0x73) return VectorShift();
  if (code != 0x74 && code != 0xf8 && code != 0xda && code != 0xd7) return false;
  ModRm();
  if (code == 0xd7) {
    u64 mask = 0;
    for (u32 i = 0; i < 8; ++i)
      mask |= (x_[rm_].low >> (i * 8 + 7) & 1) << i | (x_[rm_].high >> (i * 8 + 7) & 1) << (i + 8);
    Set(reg_, 4, mask);
    return !memory_operand_;
  }
  Vector b = GetVector(16);
  auto bytes = [&](u64 x, u64 y) {
    u64 result = 0;
    for (u32 i = 0; i < 64; i += 8) {
      u64 left = x >> i & 0xff, right = y >> i & 0xff;
      u64 byte = code == 0x74   ? (left == right ? 0xff : 0)
                 : code == 0xda ? (left < right ? left : right)
                                : (left - right) & 0xff;
      result |= byte << i;
    }
    return result;
  };
  x_[reg_] = {bytes(x_[reg_].low, b.low), bytes(x_[reg_].high, b.high)};
  return true;
}

// psrldq, pslldq
bool Interpreter::VectorShift() {
  ModRm(1);
  u32 count = Fetch8();
  if (memory_operand_ || ((reg_ & 7) != 3 && (reg_ & 7) != 7)) return false;
  u8 from[16], to[16] = {};
  std::memcpy(from, &x_[rm_], sizeof from);
  for (u32 i = 0; i + count < 16; ++i) {
    if ((reg_ & 7) == 3)
      to[i] = from[i + count];
    else
      to[i + count] = from[i];
  }
  std::memcpy(&x_[rm_], to, sizeof to);
  return true;
}

}  // namespace unleak::capture::arch
