#include "capture/traverse_code.h"

#include <cstdio>
#include <string_view>

#include "pylayout/decode_view.h"

namespace unleak::capture {
namespace {

using pylayout::At;
using pylayout::IsSane;

constexpr u64 kObjectSteps = u64{1} << 26;  // instructions
constexpr std::size_t kMaxTargets = std::size_t{1} << 27;
constexpr u64 kTlsBytes = 8192;  // how far below the thread pointer the variable is looked for

}  // namespace

TraverseCode::TraverseCode(const unleak_layout& layout, PageCache& memory, const RuntimeAddresses& addresses)
    : l_(layout), cache_(memory), addresses_(addresses), memory_(memory), interpreter_(memory_) {
  FindLibraryFunctions();
}

// Which of its forms of a function the library uses on that machine, it says itself.
void TraverseCode::FindLibraryFunctions() {
  using Library = arch::Interpreter::Library;
  constexpr std::pair<std::string_view, Library> kFunctions[] = {
      {"strcmp", Library::kStrcmp}, {"strncmp", Library::kStrncmp}, {"strlen", Library::kStrlen},
      {"memcmp", Library::kMemcmp}, {"memcpy", Library::kMemcpy},   {"memmove", Library::kMemmove},
      {"memset", Library::kMemset},
  };
  arch::Interpreter::Hook none = [](u64, u64) { return u64{0}; };
  for (const auto& [name, resolver] : addresses_.library_resolvers) {
    for (const auto& [known, function] : kFunctions) {
      if (name != known || interpreter_.Call(resolver, 0, 0, 0, kObjectSteps, none) != arch::Ended::kReturned) continue;
      interpreter_.Replace(interpreter_.result(), function);
    }
  }
  memory_.Reset();
}

void TraverseCode::BecomeThread(u64 thread_state) {
  memory_.Reset();
  // A thread's first TLS word points to itself (x86-64 ABI), and pthread_t is its address (glibc, musl).
  u64 pointer = cache_.Word(At(thread_state, l_.thread.thread_id));
  bool known = IsSane(pointer) && cache_.Word(pointer) == pointer;
  if (known) interpreter_.set_thread_pointer(pointer);
  if (l_.runtime.tstate_current != -1) {
    memory_.Store(At(addresses_.runtime, l_.runtime.tstate_current), &thread_state, sizeof thread_state);
  } else if (known) {
    WriteThreadVariable(pointer, thread_state);
  }
  memory_.Keep();
}

// 3.12+: the current thread state is a variable in the static TLS block. Where needs no symbol: with self-pointers all
// over the block below the thread pointer, the exported getter returns the address that it reads.
bool TraverseCode::WriteThreadVariable(u64 thread_pointer, u64 thread_state) {
  u64 low = thread_pointer;
  for (; low > thread_pointer - kTlsBytes && cache_.Has(low - 8); low -= 8) {
    u64 itself = low - 8;
    if (!memory_.Store(itself, &itself, sizeof itself)) break;
  }
  arch::Interpreter::Hook none = [](u64, u64) { return u64{0}; };
  bool returned =
      addresses_.thread_state_getter != 0 &&
      interpreter_.Call(addresses_.thread_state_getter, 0, 0, 0, kObjectSteps, none) == arch::Ended::kReturned;
  u64 variable = interpreter_.result();
  memory_.Reset();
  return returned && variable >= low && variable < thread_pointer &&
         memory_.Store(variable, &thread_state, sizeof thread_state);
}

bool TraverseCode::Run(u64 traverse, u64 object, std::vector<u64>* targets) {
  targets->clear();
  arch::Interpreter::Hook visit = [&](u64 target, u64) {
    if (target != 0 && targets->size() < kMaxTargets) targets->push_back(target);
    return u64{0};
  };
  ended_ = interpreter_.Call(traverse, object, arch::Interpreter::kHook, 0, kObjectSteps, visit);
  memory_.Reset();
  return ended_ == arch::Ended::kReturned;
}

// " (0f 0b ...)": the first bytes of it.
std::string TraverseCode::InstructionText() const {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (u64 i = 0; i < kShown; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, "%02x ", cache_.Byte(interpreter_.instruction() + i));
    text += byte;
  }
  text.back() = ')';
  return " (" + text;
}

std::string TraverseCode::Reason() const {
  switch (ended_) {
    case arch::Ended::kMemory:
      return "it reads memory that is not there";
    case arch::Ended::kInstruction:
      return "it uses an instruction that is not interpreted" + InstructionText();
    case arch::Ended::kSystemCall:
      return "it calls the system";
    case arch::Ended::kSteps:
      return "it takes too long";
    case arch::Ended::kRunning:
    case arch::Ended::kReturned:
      break;
  }
  return "";
}

}  // namespace unleak::capture
