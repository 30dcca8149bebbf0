// Roots in memory that only C code knows (native_memory.h), in the states of interpreters and threads beyond their
// known fields, and in the state blocks of extension modules: words that are exactly the address of an object of the
// look.
//
// They are conservative, never proof: such a word may be borrowed or stale. Only those are added that may matter, of
// objects whose reference count the counted edges and roots do not explain. Words that are counted already (known
// fields, what a module's traverse reported, bodies of objects that lie in an image) are left out. Nodes that lie in an
// ELF image get snapshot::kStatic.
#pragma once

#include <unordered_map>
#include <vector>

#include "capture/assemble_index.h"
#include "capture/native_memory.h"
#include "pylayout/layout.h"
#include "snapshot/columns.h"

namespace unleak::capture {

struct NativeInput {
  const unleak_layout& layout;
  Memory& memory;             // of the frozen target
  const AddressIndex& index;  // of the nodes, sealed
  const std::vector<Mapping>& maps;
  const std::vector<ThreadStack>& stacks;
  const std::vector<u64>& interpreter_states;  // addresses
  const std::vector<u64>& thread_states;       // of Columns::threads
};

// Of each of `nodes`: its reference count without those that counted edges and roots explain.
std::unordered_map<u32, i64> UncountedReferences(const snapshot::Columns& columns, const std::vector<u32>& nodes);

// `columns` must be complete but for this; the threads' native ids name stacks.
void AddNativeRoots(const NativeInput& input, snapshot::Columns* columns);

}  // namespace unleak::capture
