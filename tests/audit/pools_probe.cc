// pools_probe PID PY_VERSION_HEX: the pymalloc heap of a stopped process, as name=value on one line.
// pools_probe PID mimalloc: the heap of a stopped free-threaded one.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "capture/maps.h"
#include "capture/mimalloc_heap.h"
#include "capture/proc_memory.h"
#include "capture/pymalloc.h"

namespace {

unsigned long long N(unleak::u64 value) { return value; }

void PrintMimalloc(unleak::capture::Memory& memory, const std::vector<unleak::capture::Mapping>& maps) {
  const unleak::capture::MimallocHeap heap = unleak::capture::ReadMimalloc(memory, maps);
  unleak::u64 blocks = 0;
  for (const unleak::capture::MimallocPage& page : heap.pages) blocks += page.carved - page.free;
  std::printf("pages=%llu refused=%llu blocks=%llu\n", N(heap.pages.size()), N(heap.pages_refused), N(blocks));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: pools_probe PID PY_VERSION_HEX|mimalloc\n");
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
  if (std::string_view(argv[2]) == "mimalloc") {
    PrintMimalloc(memory, *maps);
    return 0;
  }
  unleak::capture::PymallocHeap heap = unleak::capture::ReadPymalloc(hex, false, memory, *maps);
  unleak::capture::FindArenas(memory, *maps, &heap);
  const unleak::capture::PymallocTotals t = unleak::capture::Total(heap);
  std::printf(
      "pools=%llu outside=%llu blocks=%llu used=%llu available=%llu headers=%llu quantization=%llu free_pools=%llu "
      "alignment=%llu arenas=%llu\n",
      N(heap.pools.size()), N(heap.pools_outside), N(t.blocks), N(t.used), N(t.available), N(t.headers),
      N(t.quantization), N(t.free_pools), N(t.alignment), N(t.arenas));
  return 0;
}
