// Functions of the C library that the interpreter does itself.
#include <algorithm>

#include "capture/arch/x86_64/interpreter.h"

namespace unleak::capture::arch {
namespace {

constexpr u64 kMostBytes = u64{1} << 20;  // of one call

}  // namespace

// A call or jump has arrived at `function`.
void Interpreter::Enter(u64 function) {
  rip_ = function;
  for (const auto& [address, by] : library_) {
    if (address != function) continue;
    r_[kRax] = CallLibrary(by);
    rip_ = Pop();
    return;
  }
}

u64 Interpreter::CallLibrary(Library function) {
  switch (function) {
    case Library::kStrcmp:
      return CompareText(kMostBytes, true);
    case Library::kStrncmp:
      return CompareText(r_[kRdx], true);
    case Library::kMemcmp:
      return CompareText(r_[kRdx], false);
    case Library::kStrlen: {
      u64 length = 0;
      while (ended_ == Ended::kRunning && length < kMostBytes && Load(r_[kRdi] + length, 1) != 0) ++length;
      return length;
    }
    case Library::kMemcpy:
    case Library::kMemmove:
      return CopyBytes(false);
    case Library::kMemset:
      return CopyBytes(true);
  }
  return 0;
}

u64 Interpreter::CompareText(u64 limit, bool ends_at_zero) {
  for (u64 i = 0; i < limit && ended_ == Ended::kRunning; ++i) {
    if (i == kMostBytes) End(Ended::kSteps);
    u64 a = Load(r_[kRdi] + i, 1), b = Load(r_[kRsi] + i, 1);
    if (a != b) return Extend(a - b, 4) & Mask(4);
    if (ends_at_zero && a == 0) break;
  }
  return 0;
}

// memset, memcpy and memmove: as the last, so that it does not matter which it is.
u64 Interpreter::CopyBytes(bool fill) {
  u64 to = r_[kRdi], from = r_[kRsi], count = r_[kRdx];
  if (count > kMostBytes) return End(Ended::kSteps), to;
  std::vector<u8> bytes(count, static_cast<u8>(from));
  for (u64 i = 0; !fill && i < count && ended_ == Ended::kRunning; ++i) bytes[i] = static_cast<u8>(Load(from + i, 1));
  for (u64 i = 0; i < count && ended_ == Ended::kRunning; ++i) Store(to + i, 1, bytes[i]);
  return to;
}

}  // namespace unleak::capture::arch
