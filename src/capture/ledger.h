// The ledger of a look: where the resident memory of the process goes, part by part (snapshot::MemoryPart), with the
// population of malloc's blocks by size, who they point at, and the heaps they lie in.
//
// Anonymous memory is read from the frozen process and its page table; what is mapped from files is not part of a clone
// until it is touched, so its resident bytes come from smaps of the target itself, which is not stopped for it.
// Nothing here stops, writes or calls anything. All sizes are bytes. Not thread safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/pymalloc.h"
#include "capture/residency.h"
#include "snapshot/columns.h"

namespace unleak::capture {

struct LedgerInput {
  Memory& memory;              // of the frozen process
  const Residency& residency;  // of the frozen process; read before anything else was: a read maps a page of zeros
                               // where there was none
  u32 pid;                     // the target
  const std::vector<Mapping>& maps;  // of the frozen process
  const PymallocHeap& pymalloc;      // with its arenas
  std::span<const u64> unowned;      // blocks of it that no object owns, by bytes / 16
  const std::string& proc_root;
};

// Fills columns->memory and its companions. Needs the nodes, owned blocks and threads of the look. What cannot be read
// is left out, and a note says so.
void AddLedger(const LedgerInput& input, snapshot::Columns* columns);

}  // namespace unleak::capture
