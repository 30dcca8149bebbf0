// What an instruction wrote to a word: decoded from the machine code before the place where a processor's watchpoint
// stopped, and the registers there. Knows the forms in which compilers count references (x86-64).
#pragma once

#include <span>

#include "base/types.h"

namespace unleak::capture {

struct WrittenValue {
  enum Kind : u8 {
    kUnknown,  // another form: nothing can be told
    kSet,      // a constant: `value`
    kStored,   // a register's: `value`
    kAdded,    // `change` was added
  };
  Kind kind = kUnknown;
  u64 value = 0;
  i64 change = 0;
};

// `code` are the bytes before the next instruction, which is at `instruction`; `registers` by their numbers; `address`
// is the word that was written. A form counts only if its operand is that word.
WrittenValue DecodeWrite(std::span<const u8> code, u64 instruction, std::span<const u64> registers, u64 address);

}  // namespace unleak::capture
