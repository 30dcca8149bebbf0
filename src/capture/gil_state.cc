#include "capture/gil_state.h"

#include <algorithm>
#include <vector>

#include "capture/proc_memory.h"

namespace unleak::capture {
namespace {

constexpr size_t kMostInterpreters = 1000;

// The list of interpreters, newest first: the main one ends it (pystate.c: new ones are put in front).
std::vector<u64> Interpreters(Memory& memory, const unleak_layout& layout, u64 runtime) {
  std::vector<u64> out;
  u64 at = memory.Word(runtime + static_cast<u64>(layout.runtime.interpreters_head));
  while (at && out.size() < kMostInterpreters) {
    out.push_back(at);
    at = memory.Word(at + static_cast<u64>(layout.interpreter.next));
  }
  return out;
}

}  // namespace

GilState ReadGil(u32 pid, const unleak_layout& layout, u64 runtime) {
  RemoteMemory memory(pid);
  return ReadGil(memory, layout, runtime);
}

GilState ReadGil(Memory& memory, const unleak_layout& layout, u64 runtime) {
  GilState state;
  std::vector<u64> gils;
  for (u64 interpreter : Interpreters(memory, layout, runtime)) {
    ++state.interpreters;
    state.collecting |= memory.Word32(interpreter + static_cast<u64>(layout.interpreter.collecting)) != 0;
    if (!state.holder) state.interpreter = interpreter;
    const u64 gil = layout.runtime.gil != -1 ? runtime + static_cast<u64>(layout.runtime.gil)
                                             : memory.Word(interpreter + static_cast<u64>(layout.interpreter.gil));
    if (!gil || std::find(gils.begin(), gils.end(), gil) != gils.end()) continue;
    gils.push_back(gil);
    if (memory.Word32(gil + static_cast<u64>(layout.gil.locked)) != 1) continue;
    ++state.locked;
    if (!state.holder) state.holder = memory.Word(gil + static_cast<u64>(layout.gil.last_holder));
  }
  state.gils = static_cast<u32>(gils.size());
  if (state.holder) state.interpreter = memory.Word(state.holder + static_cast<u64>(layout.thread.interpreter));
  return state;
}

}  // namespace unleak::capture
