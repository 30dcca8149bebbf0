// Fragmentation
//
// What: memory that the program has freed and that stays resident, because something small lies between or behind it.
// Not a leak: it is used again.
//
// Evidence: bytes that the allocators hold free and that are in memory, by the ledger of the last look: at least 16
// MiB, and a fourth of all that is resident.
//
// Remedy: `malloc_trim(0)` where whole pages are free, fewer arenas (MALLOC_ARENA_MAX), long-lived objects made before
// the big work, or the big work in a process of its own.
//
// Example:
//     rows = [parse(line) for line in big_file]
//     kept = rows[::1000]
//     del rows                               # the kept ones hold most pages
//
// Limits: which object lies at the end of a heap is told for Python's small-object allocator only.
#include <algorithm>

#include "diagnose/detectors/detectors.h"

namespace unleak::diagnose {
namespace {

constexpr u64 kLeastFree = u64{16} << 20;
constexpr double kLeastFreeShare = 0.25;  // of resident memory

}  // namespace

std::vector<Candidate> FindFragmentation(const Evidence& evidence) {
  const auto& looks = evidence.looks;
  if (looks.empty() || !std::all_of(looks.begin(), looks.end(), [](const LookSummary& l) { return l.memory.measured; }))
    return {};
  const MemoryLook& now = looks.back().memory;
  if (now.free_resident < kLeastFree ||
      static_cast<double>(now.free_resident) < kLeastFreeShare * static_cast<double>(now.resident))
    return {};
  Series resident, free;
  bool used_grows = looks.size() > 1;
  for (size_t i = 0; i < looks.size(); ++i) {
    const MemoryLook& m = looks[i].memory;
    resident.at_s.push_back(looks[i].facts.at_s), resident.value.push_back(m.resident);
    free.at_s.push_back(looks[i].facts.at_s), free.value.push_back(m.free_resident);
    if (i > 0)
      used_grows &=
          m.native_bytes + m.python_bytes > looks[i - 1].memory.native_bytes + looks[i - 1].memory.python_bytes;
  }
  Candidate c;
  c.family = Family::kFree;
  c.key = "free";
  c.growth = Judge(resident, Unit::kBytes, 1.0);
  if (used_grows) c.growth.grows = false;  // then resident memory rises for that reason
  c.length = now.free_resident;
  c.main_type = "free";
  const Json memory = MemoryListing(evidence.last.columns(), 4);
  c.finding = {{"kind", "fragmentation"},
               {"what", Json::array()},
               {"growth",
                {{"objects", Json::array()},
                 {"bytes", free.value},
                 {"references", Json::array()},
                 {"per_s", {{"objects", 0.0}, {"bytes", 0.0}, {"references", 0.0}}}}},
               {"evidence",
                {{"free_resident", now.free_resident},
                 {"returnable", now.returnable},
                 {"resident", resident.value},
                 {"arenas", memory["malloc"]["arenas"]},
                 {"pins", memory["pins"]},
                 {"heaps", memory["heaps"]}}}};
  return {c};
}

}  // namespace unleak::diagnose
