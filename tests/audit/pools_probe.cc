// pools_probe PID PY_VERSION_HEX: the pymalloc heap of a stopped process, as name=value on one line.
#include <cstdio>
#include <cstdlib>

#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/pymalloc.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: pools_probe PID PY_VERSION_HEX\n");
    return 2;
  }
  const auto pid = static_cast<unleak::u32>(std::strtoul(argv[1], nullptr, 10));
  const auto hex = static_cast<unleak::u32>(std::strtoul(argv[2], nullptr, 0));
  auto maps = unleak::capture::ReadMaps(pid);
  if (!maps.ok()) {
    std::fprintf(stderr, "%s\n", maps.status().message().c_str());
    return 1;
  }
  unleak::capture::RemoteMemory memory(pid);
  unleak::capture::PymallocHeap heap = unleak::capture::ReadPymalloc(hex, false, memory, *maps);
  unleak::capture::FindArenas(memory, *maps, &heap);
  const unleak::capture::PymallocTotals t = unleak::capture::Total(heap);
  const auto n = [](unleak::u64 value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "pools=%llu outside=%llu blocks=%llu used=%llu available=%llu headers=%llu quantization=%llu free_pools=%llu "
      "alignment=%llu arenas=%llu\n",
      n(heap.pools.size()), n(heap.pools_outside), n(t.blocks), n(t.used), n(t.available), n(t.headers),
      n(t.quantization), n(t.free_pools), n(t.alignment), n(t.arenas));
  return 0;
}
