// Interprets x86-64 machine code of another process, on memory that is only read: what the code writes stays here
// (scratch_memory.h). For the small functions that a type gives the collector (tp_traverse): integer instructions, and
// those vector moves by which compilers copy words. Anything else ends the call.
//
// The code is hostile: every step is counted, system calls are not made, an address is only ever looked up.
// Not thread safe.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/types.h"
#include "capture/scratch_memory.h"

namespace unleak::capture::arch {

enum class Ended : u8 {
  kRunning,
  kReturned,
  kMemory,       // it read or wrote where nothing is
  kInstruction,  // one that is not known here, or that traps
  kSystemCall,
  kSteps,  // more than allowed, or the time is up
};

class Interpreter {
 public:
  // Called with the first two arguments when the code calls kHook; what it returns is the result.
  using Hook = std::function<u64(u64 first, u64 second)>;
  static constexpr u64 kHook = u64{1} << 57;

  explicit Interpreter(ScratchMemory& memory) : memory_(&memory) {}

  // Calls function(a0, a1, a2) on an empty stack; at most `steps` instructions. `result` is rax.
  Ended Call(u64 function, u64 a0, u64 a1, u64 a2, u64 steps, const Hook& hook);
  u64 result() const { return r_[0]; }
  u64 steps() const { return steps_; }
  // Where the last call ended, if it did not return.
  u64 instruction() const { return start_; }
  // Functions of the C library that it has in several forms, by vector instructions: done here instead.
  enum class Library : u8 { kStrcmp, kStrncmp, kStrlen, kMemcmp, kMemcpy, kMemmove, kMemset };
  void Replace(u64 function, Library by) { library_.emplace_back(function, by); }
  // CLOCK_MONOTONIC; 0 = none.
  void set_deadline(u64 ns) { deadline_ns_ = ns; }
  // The thread that the code takes itself for: its TLS lies around it.
  void set_thread_pointer(u64 pointer) { thread_pointer_ = pointer; }

 private:
  static constexpr u64 kReturn = u64{1} << 58;
  enum Register { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi };
  // Numbers of the first group of arithmetic instructions, as encoded.
  enum Arithmetic { kAdd, kOr, kAdc, kSbb, kAnd, kSub, kXor, kCmp };
  struct Vector {
    u64 low = 0, high = 0;
  };

  // Fetching and decoding
  void Step();
  bool Prefixes();
  u8 Fetch8();
  u64 FetchSigned(u32 bytes);
  u64 Immediate(u32 size) { return FetchSigned(size == 8 ? 4 : size); }
  void ModRm(u32 immediate_bytes = 0);
  u64 Effective(u8 mode, u32 immediate_bytes);
  u32 OperandSize() const { return wide_ ? 8 : short_ ? 2 : 4; }
  void End(Ended how) {
    if (ended_ == Ended::kRunning) ended_ = how;
  }

  // Operands
  static u64 Mask(u32 size) { return size == 8 ? ~u64{0} : (u64{1} << size * 8) - 1; }
  static u64 SignBit(u32 size) { return u64{1} << (size * 8 - 1); }
  static u64 Extend(u64 value, u32 size);
  u64 Get(u8 number, u32 size) const;
  void Set(u8 number, u32 size, u64 value);
  u64 Load(u64 address, u32 size);
  void Store(u64 address, u32 size, u64 value);
  u64 GetOperand(u32 size) { return memory_operand_ ? Load(address_, size) : Get(rm_, size); }
  void SetOperand(u32 size, u64 value) { memory_operand_ ? Store(address_, size, value) : Set(rm_, size, value); }
  void Push(u64 value);
  u64 Pop();
  void Enter(u64 function);
  u64 CallLibrary(Library function);
  u64 CompareText(u64 limit, bool ends_at_zero);
  u64 CopyBytes(bool fill);

  // Arithmetic and flags
  u64 Compute(int operation, u64 a, u64 b, u32 size);
  u64 AddFlags(u64 a, u64 b, bool carry, u32 size);
  u64 SubFlags(u64 a, u64 b, bool borrow, u32 size);
  u64 ResultFlags(u64 value, u32 size);
  u64 Shift(int operation, u64 value, u64 count, u32 size);
  u64 ShiftDouble(bool left, u64 value, u64 filling, u64 count, u32 size);
  u64 Multiply(u64 a, u64 b, u32 size);
  void MultiplyWide(u64 value, u32 size, bool is_signed);
  void Divide(u64 value, u32 size, bool is_signed);
  bool Condition(u8 code) const;

  // Instructions; false = the code is none of this group
  bool OneByte(u8 code);
  bool ArithmeticForms(u8 code);
  bool Moves(u8 code);
  bool Jumps(u8 code);
  bool Groups(u8 code);
  bool Strings(u8 code);
  void GroupF(u32 size);
  void GroupFf();
  bool TwoBytes(u8 code);
  bool Bits(u8 code);
  void BitTest(u8 operation, u64 index, bool from_register);
  bool Exchanges(u8 code);
  void CompareExchange16();
  bool Vectors(u8 code);
  bool VectorMoves(u8 code);
  bool VectorLogic(u8 code);
  bool VectorBytes(u8 code);
  bool VectorShift();
  Vector GetVector(u32 bytes);
  void SetVector(u32 bytes, const Vector& value);

  ScratchMemory* memory_;
  std::vector<std::pair<u64, Library>> library_;
  u64 r_[16] = {};
  Vector x_[16];
  u64 rip_ = 0, start_ = 0, thread_pointer_ = 0, steps_ = 0, deadline_ns_ = 0;
  bool carry_ = false, zero_ = false, sign_ = false, overflow_ = false, parity_ = false;
  Ended ended_ = Ended::kRunning;

  // Of the instruction at hand
  u8 bytes_[16] = {};
  u32 at_ = 0, there_ = 0;  // next byte; bytes that could be read
  bool wide_ = false, short_ = false, repeat_ = false, repeat_not_ = false, thread_segment_ = false, has_rex_ = false;
  u8 rex_r_ = 0, rex_x_ = 0, rex_b_ = 0;
  bool memory_operand_ = false;
  u8 reg_ = 0, rm_ = 0;
  u64 address_ = 0;
};

}  // namespace unleak::capture::arch
