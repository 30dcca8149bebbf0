#include "capi/inspect.h"
#include "graph/surplus.h"

namespace unleak::capi {
namespace {

using snapshot::Columns;
using snapshot::Meta;

double Milliseconds(u64 ns) { return static_cast<double>(ns) / 1e6; }

Json Texts(const Columns& c, const std::vector<u32>& strings) {
  Json texts = Json::array();
  for (u32 id : strings) texts.push_back(c.strings.at(id));
  return texts;
}

// How far reference counts are explained, and what is left over by type.
Json References(const Columns& c, const graph::Heap& heap) {
  constexpr size_t kMostTypes = 30;
  const graph::Completeness& sum = heap.completeness();
  Json types = Json::array();
  for (const graph::UnexplainedType& type : graph::UnexplainedByType(heap)) {
    if (types.size() == kMostTypes) break;
    types.push_back({{"type", c.strings.at(c.types[type.type].name)}, {"objects", type.objects}, {"references", type.references}});
  }
  return {{"mortal", sum.mortal}, {"explained", sum.explained}, {"by_possible_references", sum.possible_objects},
          {"surplus_objects", sum.surplus_objects}, {"surplus_references", sum.surplus_references},
          {"deficit_objects", sum.deficit_objects}, {"unexplained", types}};
}

}  // namespace

Json Info(const Columns& c, const graph::Heap* heap) {
  const Meta& m = c.meta;
  Json skipped = Json::array();
  for (u32 type : m.skipped_types) skipped.push_back(c.strings.at(c.types[type].name));
  return {{"pid", m.pid}, {"ppid", m.ppid}, {"python", snapshot::PythonVersion(m.python_hex)}, {"python_hex", m.python_hex}, {"free_threaded", m.free_threaded != 0},
          {"executable", c.strings.at(m.executable)}, {"comm", c.strings.at(m.comm)},
          {"argv", m.argv ? Json(c.strings.at(m.argv)) : Json()},
          {"producer", snapshot::NameOf(m.producer)}, {"stop", snapshot::NameOf(m.stop)}, {"retakes", m.retakes},
          {"boot_ns", m.boot_ns}, {"wall_ns", m.wall_ns}, {"process_start_ns", m.process_start_ns}, {"cpu_ns", m.cpu_ns},
          {"objects", c.node_count()}, {"edges", c.edge_count()}, {"types", c.types.size()}, {"threads", c.threads.size()}, {"frames", c.frames.size()},
          {"bytes", c.total_bytes()}, {"rss", m.rss_bytes}, {"peak_rss", m.peak_rss_bytes}, {"swap", m.swap_bytes},
          {"pause_ms", Milliseconds(m.pause_ns)}, {"total_pause_ms", Milliseconds(m.total_pause_ns)},
          {"capture_cpu_ms", Milliseconds(m.capture_cpu_ns)}, {"has_values", m.has_values != 0},
          {"bad_edges", m.bad_edges}, {"broken_links", m.broken_links}, {"faults", m.faults}, {"hangs", m.hangs},
          {"completeness", heap ? Json(heap->completeness().score()) : Json()},
          {"references", heap ? References(c, *heap) : Json()},
          {"skipped_types", skipped}, {"notes", Texts(c, m.notes)}};
}

}  // namespace unleak::capi
