// Arithmetic of the interpreter, with the flags that instructions leave.
#include <bit>

#include "capture/arch/x86_64/interpreter.h"

namespace unleak::capture::arch {
namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

}  // namespace

u64 Interpreter::ResultFlags(u64 value, u32 size) {
  value &= Mask(size);
  zero_ = value == 0;
  sign_ = (value & SignBit(size)) != 0;
  parity_ = (std::popcount(value & 0xff) & 1) == 0;
  return value;
}

u64 Interpreter::AddFlags(u64 a, u64 b, bool carry, u32 size) {
  a &= Mask(size), b &= Mask(size);
  u64 sum = ResultFlags(a + b + (carry ? 1 : 0), size);
  carry_ = carry ? sum <= a : sum < a;
  overflow_ = ((a ^ sum) & (b ^ sum) & SignBit(size)) != 0;
  return sum;
}

u64 Interpreter::SubFlags(u64 a, u64 b, bool borrow, u32 size) {
  a &= Mask(size), b &= Mask(size);
  u64 difference = ResultFlags(a - b - (borrow ? 1 : 0), size);
  carry_ = borrow ? a <= b : a < b;
  overflow_ = ((a ^ b) & (a ^ difference) & SignBit(size)) != 0;
  return difference;
}

u64 Interpreter::Compute(int operation, u64 a, u64 b, u32 size) {
  switch (operation) {
    case kAdd:
      return AddFlags(a, b, false, size);
    case kAdc:
      return AddFlags(a, b, carry_, size);
    case kSbb:
      return SubFlags(a, b, carry_, size);
    case kSub:
    case kCmp:
      return SubFlags(a, b, false, size);
    default:
      break;
  }
  carry_ = overflow_ = false;
  return ResultFlags(operation == kOr ? a | b : operation == kAnd ? a & b : a ^ b, size);
}

// rol, ror, (rcl, rcr: not known), shl, shr, sal, sar
u64 Interpreter::Shift(int operation, u64 value, u64 count, u32 size) {
  u32 bits = size * 8;
  count &= size == 8 ? 63 : 31;
  value &= Mask(size);
  if (count == 0) return value;
  if (operation == 2 || operation == 3) return End(Ended::kInstruction), value;
  if (operation <= 1) {
    u64 by = count % bits;
    if (operation == 1) by = (bits - by) % bits;
    u64 turned = by == 0 ? value : (value << by | value >> (bits - by)) & Mask(size);
    carry_ = (operation == 0 ? turned & 1 : turned & SignBit(size)) != 0;
    return turned;
  }
  if (operation == 4 || operation == 6) {
    carry_ = count <= bits && (value >> (bits - count) & 1) != 0;
    u64 shifted = count >= bits ? 0 : value << count;
    ResultFlags(shifted, size);
    overflow_ = sign_ != carry_;
    return shifted & Mask(size);
  }
  if (operation == 5) {
    carry_ = count <= bits && (value >> (count - 1) & 1) != 0;
    overflow_ = (value & SignBit(size)) != 0;
    return ResultFlags(count >= bits ? 0 : value >> count, size);
  }
  i64 full = static_cast<i64>(Extend(value, size));
  carry_ = (full >> (count - 1) & 1) != 0;
  overflow_ = false;
  return ResultFlags(static_cast<u64>(full >> count), size);
}

u64 Interpreter::ShiftDouble(bool left, u64 value, u64 filling, u64 count, u32 size) {
  u32 bits = size * 8;
  count &= size == 8 ? 63 : 31;
  if (count == 0 || count >= bits) return value;
  u64 kept = left ? value << count : (value & Mask(size)) >> count;
  u64 filled = left ? (filling & Mask(size)) >> (bits - count) : filling << (bits - count);
  carry_ = (left ? value >> (bits - count) & 1 : value >> (count - 1) & 1) != 0;
  return ResultFlags(kept | filled, size);
}

u64 Interpreter::Multiply(u64 a, u64 b, u32 size) {
  SignedWide product = SignedWide{static_cast<i64>(Extend(a, size))} * static_cast<i64>(Extend(b, size));
  u64 low = static_cast<u64>(product) & Mask(size);
  carry_ = overflow_ = product != static_cast<i64>(Extend(low, size));
  return low;
}

void Interpreter::MultiplyWide(u64 value, u32 size, bool is_signed) {
  if (size == 1) return End(Ended::kInstruction);
  Wide product = is_signed ? static_cast<Wide>(SignedWide{static_cast<i64>(Extend(r_[kRax], size))} *
                                               static_cast<i64>(Extend(value, size)))
                           : Wide{Get(kRax, size)} * (value & Mask(size));
  u64 high = static_cast<u64>(product >> size * 8) & Mask(size), low = static_cast<u64>(product) & Mask(size);
  Set(kRax, size, low);
  Set(kRdx, size, high);
  u64 same = is_signed && (low & SignBit(size)) != 0 ? Mask(size) : 0;
  carry_ = overflow_ = high != same;
}

void Interpreter::Divide(u64 value, u32 size, bool is_signed) {
  value &= Mask(size);
  if (value == 0 || size == 1) return End(Ended::kInstruction);
  Wide whole = Wide{Get(kRdx, size)} << size * 8 | Get(kRax, size);
  Wide quotient = 0, rest = 0;
  if (is_signed) {
    SignedWide number = static_cast<SignedWide>(whole << (128 - size * 16)) >> (128 - size * 16);
    SignedWide by = static_cast<i64>(Extend(value, size));
    if (by == -1)
      quotient = Wide{0} - static_cast<Wide>(number);
    else
      quotient = static_cast<Wide>(number / by), rest = static_cast<Wide>(number % by);
    SignedWide fits = static_cast<i64>(Extend(static_cast<u64>(quotient), size));
    if (fits != static_cast<SignedWide>(quotient)) return End(Ended::kInstruction);
  } else {
    quotient = whole / value, rest = whole % value;
    if (quotient > Mask(size)) return End(Ended::kInstruction);
  }
  Set(kRax, size, static_cast<u64>(quotient));
  Set(kRdx, size, static_cast<u64>(rest));
}

bool Interpreter::Condition(u8 code) const {
  bool holds = false;
  switch (code >> 1) {
    case 0:
      holds = overflow_;
      break;
    case 1:
      holds = carry_;
      break;
    case 2:
      holds = zero_;
      break;
    case 3:
      holds = carry_ || zero_;
      break;
    case 4:
      holds = sign_;
      break;
    case 5:
      holds = parity_;
      break;
    case 6:
      holds = sign_ != overflow_;
      break;
    default:
      holds = zero_ || sign_ != overflow_;
      break;
  }
  return holds != ((code & 1) != 0);
}

}  // namespace unleak::capture::arch
