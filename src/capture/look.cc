#include "capture/look.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "capture/assemble.h"
#include "capture/code_bodies.h"
#include "capture/deque_bounds.h"
#include "capture/ledger.h"
#include "capture/ledger_watch.h"
#include "capture/native_roots.h"
#include "capture/opaque_bodies.h"
#include "capture/pools.h"
#include "capture/proc_memory.h"
#include "capture/stopped_copy.h"
#include "pylayout/check.h"
#include "pylayout/tables.h"

namespace unleak::capture {

Result<const unleak_layout*> LayoutOf(u32 python_hex, bool free_threaded) {
  const unleak_layout* layout = pylayout::FindLayout(python_hex, free_threaded);
  if (layout) return layout;
  return Status(Code::kUnsupported,
                "the process runs Python 3." + std::to_string(python_hex >> 16 & 0xff) +
                    (free_threaded ? " (free-threaded)" : "") + ", whose layout is not known",
                "unleak looks at CPython 3.9 to 3.15 and at free-threaded 3.13");
}

void MarkGilHolder(const std::vector<u64>& states, u64 holder, snapshot::Columns* columns) {
  for (size_t i = 0; i < states.size() && i < columns->threads.size(); ++i) {
    columns->threads[i].holds_gil = holder != 0 && states[i] == holder;
  }
}

namespace {

// The live process changes while it is read, so a list may look torn once; a wrong table looks wrong every time.
Status CheckTable(const unleak_layout& layout, const Inspected& inspected) {
  // The process runs on while its lists are read: a collection, or an object made between two reads, looks like a wrong table
  // for a moment. A table that is wrong stays wrong.
  constexpr int kTries = 200;
  constexpr timespec kPause{0, 500'000};
  RemoteMemory memory(inspected.target.pid);
  const auto read = [&](u64 address, void* out, std::size_t bytes) { return memory.Read(address, out, bytes); };
  Status status;
  for (int i = 0; i < kTries; ++i) {
    status = pylayout::CheckLayout(layout, read, inspected.python->addresses.runtime);
    if (status.ok()) break;
    nanosleep(&kPause, nullptr);
  }
  return status;
}

// CLOCK_BOOTTIME at which the process started.
u64 StartNs(const Inspected& inspected) {
  const i64 ticks = sysconf(_SC_CLK_TCK);
  return inspected.stat.start_ticks * (1'000'000'000 / static_cast<u64>(std::max<i64>(ticks, 1)));
}

void Account(const Inspected& inspected, const Options& options, Memory& memory, const Residency& residency,
             const std::vector<Mapping>& maps, OrphanFacts orphans, snapshot::Columns* columns) {
  const Target& target = inspected.target;
  if (!options.orphans) orphans.heap = ReadPymalloc(target.python_hex, target.free_threaded, memory, maps);
  FindArenas(memory, maps, &orphans.heap);
  AddLedger({memory, residency, target.pid, maps, orphans.heap, orphans.unowned_of_size, options.proc_root}, columns);
}

Result<snapshot::Columns> Take(const Inspected& inspected, const Options& options, LookCost* cost) {
  UNLEAK_ASSIGN(const unleak_layout* layout, LayoutOf(inspected.target.python_hex, inspected.target.free_threaded));
  UNLEAK_RETURN_IF_ERROR(CheckTable(*layout, inspected));
  const u32 pid = inspected.target.pid;
  Assembler assembler;
  snapshot::Columns columns;
  const bool newer = options.parses_minor != 0 && (inspected.target.python_hex >> 16 & 0xff) > options.parses_minor;
  const SourceFiles sources(pid, options.proc_root, StartNs(inspected));
  const auto build = [&](Memory& memory, u32 frozen, std::vector<unleak_type_entry> types, const std::vector<Mapping>& maps,
                         const std::vector<ThreadStack>& stacks, const Residency* known) -> Status {
    Residency residency;
    if (options.ledger && !known) residency.Load(frozen, maps, options.proc_root);  // before anything is read
    OrphanFacts orphans;
    if (options.orphans) orphans = AddOrphans(*layout, inspected.target.python_hex, memory, maps, &assembler, &types);
    UNLEAK_RETURN_IF_ERROR(assembler.Build({*layout, memory, types}, &columns));
    if (options.orphans && orphans.pools == 0) {
      columns.meta.notes.push_back(columns.strings.Intern(
          inspected.target.free_threaded
              ? "the pages of Python's allocator were not found: objects that nobody reaches are not searched for"
              : "Python's own allocator is not in use (PYTHONMALLOC=malloc): objects that nobody reaches are not searched for"));
    }
    DescribeThreads(pid, options.proc_root, memory, &columns);
    if (options.conservative) {
      const NativeInput native{*layout, memory, assembler.index(), maps, stacks,
                               assembler.interpreter_states(), assembler.thread_states()};
      AddOpaqueEdges(native, &columns);
      AddDequeBounds(native, &columns);
      AddNativeRoots(native, &columns);
    }
    AddCodeBodies(*layout, memory, [&](const std::string& file) { return sources.Missing(file) || (newer && IsOwn(file)); }, &columns);
    if (options.ledger) Account(inspected, options, memory, known ? *known : residency, maps, std::move(orphans), &columns);
    return Status::Ok();
  };
  const auto while_frozen = [&](const Clone& clone) -> Status {
    CloneMemory memory(clone.memory.pid());
    return build(memory, clone.memory.pid(), clone.types, clone.maps, clone.stacks, clone.residency);
  };
  const auto from_copy = [&](Memory& memory, const TwinFacts& facts) -> Status {
    return build(memory, pid, facts.types, facts.maps, facts.stacks, nullptr);
  };
  const u64 cpu_before = ProcessCpu(pid);
  const RuntimeAddresses& addresses = inspected.python->addresses;
  UNLEAK_ASSIGN(const TwinFacts facts, inspected.by_copy ? ReadStoppedCopy(pid, options, *layout, addresses, assembler, from_copy)
                                                         : WalkTwin(pid, options, *layout, addresses, assembler, while_frozen));
  MarkGilHolder(assembler.thread_states(), facts.gil_holder, &columns);
  DescribeProcess(inspected, facts, options, &columns);
  columns.meta.cpu_before_ns = cpu_before;
  if (options.watch) WatchAllocations({pid, *layout, options.proc_root}, &columns);
  if (cost) *cost = {facts.clone_cpu_ns, facts.tracer_cpu_ns};
  return columns;
}

}  // namespace

Result<snapshot::Columns> Look(u32 pid, const Options& options, LookCost* cost) {
  const Inspected inspected = InspectAll(pid, options);
  if (!inspected.target.can_look.ok()) return inspected.target.can_look;
  try {
    return Take(inspected, options, cost);
  } catch (const std::bad_alloc&) {
    return Status(Code::kExhausted, "not enough memory for a look at process " + std::to_string(pid),
                  "close other programs, or run unleak outside of the target's control group");
  }
}

}  // namespace unleak::capture
