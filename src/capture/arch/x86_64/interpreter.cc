// Decoding, and the instructions of one byte. See the Intel 64 manual, volume 2, for the encodings.
#include "capture/arch/x86_64/interpreter.h"

#include "capture/ptrace.h"

namespace unleak::capture::arch {
namespace {

constexpr u64 kStepsBetweenClocks = 1 << 16;

}  // namespace

Ended Interpreter::Call(u64 function, u64 a0, u64 a1, u64 a2, u64 steps, const Hook& hook) {
  for (u64& value : r_) value = 0;
  r_[kRdi] = a0;
  r_[kRsi] = a1;
  r_[kRdx] = a2;
  r_[kRsp] = ScratchMemory::kStackBase + ScratchMemory::kStackBytes - 256;
  ended_ = Ended::kRunning;
  steps_ = 0;
  Push(kReturn);
  rip_ = function;
  while (ended_ == Ended::kRunning) {
    if (rip_ == kReturn) {
      ended_ = Ended::kReturned;
    } else if (rip_ == kHook) {
      r_[kRax] = hook(r_[kRdi], r_[kRsi]);
      rip_ = Pop();
    } else if (++steps_ > steps || (steps_ % kStepsBetweenClocks == 0 && deadline_ns_ != 0 && NowNs() > deadline_ns_)) {
      ended_ = Ended::kSteps;
    } else {
      Step();
    }
  }
  return ended_;
}

void Interpreter::Step() {
  start_ = rip_;
  at_ = 0;
  there_ = sizeof bytes_ - 1;
  if (!memory_->Load(rip_, bytes_, there_)) {
    for (there_ = 0; there_ < sizeof bytes_ - 1 && memory_->Load(rip_ + there_, bytes_ + there_, 1);) ++there_;
  }
  if (there_ == 0) return End(Ended::kMemory);
  if (!Prefixes()) return End(Ended::kInstruction);
  u8 code = Fetch8();
  bool known = code == 0x0f ? TwoBytes(Fetch8()) : OneByte(code);
  if (!known) End(Ended::kInstruction);
}

// False: too many, or a segment that has no meaning here.
bool Interpreter::Prefixes() {
  wide_ = short_ = repeat_ = repeat_not_ = thread_segment_ = has_rex_ = false;
  rex_r_ = rex_x_ = rex_b_ = 0;
  for (int i = 0; i < 8; ++i) {
    u8 byte = at_ < there_ ? bytes_[at_] : u8{0};
    switch (byte) {
      case 0x66:
        short_ = true;
        break;
      case 0xf3:
        repeat_ = true;
        break;
      case 0xf2:
        repeat_not_ = true;
        break;
      case 0x64:
        thread_segment_ = true;
        break;
      case 0x2e:
      case 0x3e:
      case 0xf0:
        break;  // hints, lock
      default:
        if ((byte & 0xf0) != 0x40) return byte != 0x65 && byte != 0x67;
        has_rex_ = true;
        wide_ = (byte & 8) != 0;
        rex_r_ = static_cast<u8>((byte & 4) << 1);
        rex_x_ = static_cast<u8>((byte & 2) << 2);
        rex_b_ = static_cast<u8>((byte & 1) << 3);
        ++at_;
        return true;
    }
    ++at_;
  }
  return false;
}

u8 Interpreter::Fetch8() {
  if (at_ >= there_) {
    End(Ended::kMemory);
    return 0;
  }
  u8 byte = bytes_[at_++];
  rip_ = start_ + at_;
  return byte;
}

u64 Interpreter::FetchSigned(u32 bytes) {
  u64 value = 0;
  for (u32 i = 0; i < bytes; ++i) value |= u64{Fetch8()} << i * 8;
  return Extend(value, bytes);
}

// `immediate_bytes` follow the operand: an address relative to the next instruction counts from behind them.
void Interpreter::ModRm(u32 immediate_bytes) {
  u8 byte = Fetch8(), mode = byte >> 6;
  reg_ = static_cast<u8>((byte >> 3 & 7) | rex_r_);
  rm_ = byte & 7;
  memory_operand_ = mode != 3;
  if (memory_operand_)
    address_ = Effective(mode, immediate_bytes);
  else
    rm_ = static_cast<u8>(rm_ | rex_b_);
}

u64 Interpreter::Effective(u8 mode, u32 immediate_bytes) {
  u64 base = 0;
  bool relative = false;
  if (rm_ == 4) {
    u8 sib = Fetch8();
    u8 index = static_cast<u8>((sib >> 3 & 7) | rex_x_), from = sib & 7;
    bool none = from == 5 && mode == 0;
    if (none)
      mode = 2;
    else
      base = r_[from | rex_b_];
    if (index != 4) base += r_[index] << (sib >> 6);
  } else if (rm_ == 5 && mode == 0) {
    relative = true;
    mode = 2;
  } else {
    base = r_[rm_ | rex_b_];
  }
  u64 displacement = mode == 1 ? FetchSigned(1) : mode == 2 ? FetchSigned(4) : 0;
  if (relative) base = rip_ + immediate_bytes;
  return base + displacement + (thread_segment_ ? thread_pointer_ : 0);
}

u64 Interpreter::Extend(u64 value, u32 size) {
  u64 sign = SignBit(size);
  value &= Mask(size);
  return (value ^ sign) - sign;
}

// Without a REX prefix the byte registers 4 to 7 are the second bytes of the first four.
u64 Interpreter::Get(u8 number, u32 size) const {
  if (size == 1 && !has_rex_ && number >= 4 && number < 8) return r_[number - 4] >> 8 & 0xff;
  return r_[number] & Mask(size);
}

void Interpreter::Set(u8 number, u32 size, u64 value) {
  if (size == 1 && !has_rex_ && number >= 4 && number < 8) {
    r_[number - 4] = (r_[number - 4] & ~u64{0xff00}) | (value & 0xff) << 8;
  } else if (size >= 4) {
    r_[number] = value & Mask(size);
  } else {
    r_[number] = (r_[number] & ~Mask(size)) | (value & Mask(size));
  }
}

u64 Interpreter::Load(u64 address, u32 size) {
  u64 value = 0;
  if (!memory_->Load(address, &value, size)) {
    End(Ended::kMemory);
    return 0;
  }
  return value;
}

void Interpreter::Store(u64 address, u32 size, u64 value) {
  if (ended_ == Ended::kRunning && !memory_->Store(address, &value, size)) End(Ended::kMemory);
}

void Interpreter::Push(u64 value) {
  r_[kRsp] -= 8;
  Store(r_[kRsp], 8, value);
}

u64 Interpreter::Pop() {
  u64 value = Load(r_[kRsp], 8);
  r_[kRsp] += 8;
  return value;
}

bool Interpreter::OneByte(u8 code) {
  if (code < 0x40 && (code & 7) < 6) return ArithmeticForms(code);
  return Moves(code) || Jumps(code) || Groups(code) || Strings(code);
}

// add, or, adc, sbb, and, sub, xor, cmp in their six forms.
bool Interpreter::ArithmeticForms(u8 code) {
  int operation = code >> 3 & 7;
  u32 size = (code & 1) == 0 ? 1 : OperandSize();
  switch (code & 7) {
    case 0:
    case 1: {
      ModRm();
      u64 value = Compute(operation, GetOperand(size), Get(reg_, size), size);
      if (operation != kCmp) SetOperand(size, value);
      return true;
    }
    case 2:
    case 3: {
      ModRm();
      u64 value = Compute(operation, Get(reg_, size), GetOperand(size), size);
      if (operation != kCmp) Set(reg_, size, value);
      return true;
    }
    default: {
      u64 value = Compute(operation, Get(kRax, size), Immediate(size), size);
      if (operation != kCmp) Set(kRax, size, value);
      return true;
    }
  }
}

bool Interpreter::Moves(u8 code) {
  u32 size = (code & 1) == 0 ? 1 : OperandSize();
  u8 low = static_cast<u8>((code & 7) | rex_b_);
  if (code >= 0x50 && code <= 0x57) return Push(r_[low]), true;
  if (code >= 0x58 && code <= 0x5f) return r_[low] = Pop(), true;
  if (code >= 0xb0 && code <= 0xb7) return Set(low, 1, Fetch8()), true;
  if (code >= 0xb8 && code <= 0xbf) return Set(low, OperandSize(), FetchSigned(OperandSize())), true;
  if (code >= 0x91 && code <= 0x97) {
    u64 value = Get(low, OperandSize());
    Set(low, OperandSize(), Get(kRax, OperandSize()));
    Set(kRax, OperandSize(), value);
    return true;
  }
  switch (code) {
    case 0x63:
      ModRm();
      Set(reg_, OperandSize(), Extend(GetOperand(4), 4));
      return true;
    case 0x68:
      Push(FetchSigned(4));
      return true;
    case 0x6a:
      Push(FetchSigned(1));
      return true;
    case 0x86:
    case 0x87: {
      ModRm();
      u64 value = GetOperand(size);
      SetOperand(size, Get(reg_, size));
      Set(reg_, size, value);
      return true;
    }
    case 0x88:
    case 0x89:
      ModRm();
      SetOperand(size, Get(reg_, size));
      return true;
    case 0x8a:
    case 0x8b:
      ModRm();
      Set(reg_, size, GetOperand(size));
      return true;
    case 0x8d:
      thread_segment_ = false;
      ModRm();
      Set(reg_, OperandSize(), address_);
      return memory_operand_;
    case 0x8f:
      ModRm();
      SetOperand(8, Pop());
      return true;
    case 0x90:
      return true;
    case 0x98:
      Set(kRax, OperandSize(), Extend(r_[kRax], OperandSize() / 2));
      return true;
    case 0x99:
      Set(kRdx, OperandSize(), (r_[kRax] & SignBit(OperandSize())) != 0 ? ~u64{0} : 0);
      return true;
    case 0xc6:
      ModRm(1);
      SetOperand(1, Fetch8());
      return true;
    case 0xc7:
      ModRm(short_ && !wide_ ? 2 : 4);
      SetOperand(OperandSize(), Immediate(OperandSize()));
      return true;
    case 0xc9:
      r_[kRsp] = r_[kRbp];
      r_[kRbp] = Pop();
      return true;
    default:
      return false;
  }
}

bool Interpreter::Jumps(u8 code) {
  if (code >= 0x70 && code <= 0x7f) {
    u64 by = FetchSigned(1);
    if (Condition(code & 15)) rip_ += by;
    return true;
  }
  u64 by = 0;
  switch (code) {
    case 0xc2:
      by = FetchSigned(2) & 0xffff;
      rip_ = Pop();
      r_[kRsp] += by;
      return true;
    case 0xc3:
      rip_ = Pop();
      return true;
    case 0xe3:
      by = FetchSigned(1);
      rip_ += r_[kRcx] == 0 ? by : 0;
      return true;
    case 0xe8:
      by = FetchSigned(4);
      Push(rip_);
      Enter(rip_ + by);
      return true;
    case 0xe9:
      by = FetchSigned(4);
      Enter(rip_ + by);
      return true;
    case 0xeb:
      by = FetchSigned(1);
      rip_ += by;
      return true;
    default:
      return false;
  }
}

bool Interpreter::Groups(u8 code) {
  u32 size = (code & 1) == 0 ? 1 : OperandSize();
  switch (code) {
    case 0x69: {
      ModRm(size == 2 ? 2 : 4);
      u64 by = Immediate(OperandSize());
      Set(reg_, size, Multiply(GetOperand(size), by, size));
      return true;
    }
    case 0x6b: {
      ModRm(1);
      u64 by = FetchSigned(1);
      size = OperandSize();
      Set(reg_, size, Multiply(GetOperand(size), by, size));
      return true;
    }
    case 0x80:
    case 0x81:
    case 0x83: {
      u32 immediate = code == 0x81 ? (size == 2 ? 2u : 4u) : 1u;
      ModRm(immediate);
      u64 by = FetchSigned(immediate), value = Compute(reg_ & 7, GetOperand(size), by, size);
      if ((reg_ & 7) != kCmp) SetOperand(size, value);
      return true;
    }
    case 0x84:
    case 0x85:
      ModRm();
      Compute(kAnd, GetOperand(size), Get(reg_, size), size);
      return true;
    case 0xa8:
    case 0xa9:
      Compute(kAnd, Get(kRax, size), Immediate(size), size);
      return true;
    case 0xc0:
    case 0xc1: {
      ModRm(1);
      u64 by = Fetch8();
      SetOperand(size, Shift(reg_ & 7, GetOperand(size), by, size));
      return true;
    }
    case 0xd0:
    case 0xd1:
      ModRm();
      SetOperand(size, Shift(reg_ & 7, GetOperand(size), 1, size));
      return true;
    case 0xd2:
    case 0xd3:
      ModRm();
      SetOperand(size, Shift(reg_ & 7, GetOperand(size), r_[kRcx], size));
      return true;
    case 0xf5:
      carry_ = !carry_;
      return true;
    case 0xf6:
    case 0xf7:
      GroupF(size);
      return true;
    case 0xf8:
    case 0xf9:
      carry_ = code == 0xf9;
      return true;
    case 0xfc:
      return true;  // cld: it is never otherwise
    case 0xfe:
    case 0xff: {
      ModRm();
      if (code == 0xff && (reg_ & 7) > 1) return GroupFf(), true;
      if ((reg_ & 7) > 1) return false;
      bool carry = carry_;  // inc and dec leave it
      u64 value = Compute((reg_ & 7) == 0 ? kAdd : kSub, GetOperand(size), 1, size);
      carry_ = carry;
      SetOperand(size, value);
      return true;
    }
    default:
      return false;
  }
}

// test, not, neg, mul, imul, div, idiv
void Interpreter::GroupF(u32 size) {
  u8 operation = static_cast<u8>(at_ < there_ ? bytes_[at_] >> 3 & 7 : 0);
  ModRm(operation > 1 ? 0 : size == 8 ? 4 : size);
  u64 value = GetOperand(size);
  switch (operation) {
    case 0:
    case 1:
      Compute(kAnd, value, Immediate(size), size);
      break;
    case 2:
      SetOperand(size, ~value);
      break;
    case 3:
      SetOperand(size, SubFlags(0, value, false, size));
      break;
    case 4:
      MultiplyWide(value, size, false);
      break;
    case 5:
      MultiplyWide(value, size, true);
      break;
    case 6:
      Divide(value, size, false);
      break;
    default:
      Divide(value, size, true);
      break;
  }
}

// call, jmp, push by operand
void Interpreter::GroupFf() {
  u64 value = GetOperand(8);
  switch (reg_ & 7) {
    case 2:
      Push(rip_);
      Enter(value);
      break;
    case 4:
      Enter(value);
      break;
    case 6:
      Push(value);
      break;
    default:
      End(Ended::kInstruction);
  }
}

// movs and stos, repeated or not. A repetition goes on at this same instruction, so that its steps are counted.
bool Interpreter::Strings(u8 code) {
  if (code != 0xa4 && code != 0xa5 && code != 0xaa && code != 0xab) return false;
  u32 size = (code & 1) == 0 ? 1 : OperandSize();
  if (repeat_ && r_[kRcx] == 0) return true;
  Store(r_[kRdi], size, code <= 0xa5 ? Load(r_[kRsi], size) : Get(kRax, size));
  r_[kRdi] += size;
  if (code <= 0xa5) r_[kRsi] += size;
  if (repeat_ && --r_[kRcx] != 0) rip_ = start_;
  return true;
}

}  // namespace unleak::capture::arch
