#include "diagnose/audit_table.h"

#include <algorithm>
#include <cstdio>

#include "diagnose/audit.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using graph::Population;
using snapshot::Columns;

constexpr size_t kMostReferrers = 4;
constexpr u32 kPython312 = 0x030c0000;

struct Row {
  std::string type;
  u64 objects = 0, mortal = 0, surplus_objects = 0, surplus = 0, deficit_objects = 0, deficit = 0;
  u64 lost = 0, lost_bytes = 0, uncollectable = 0, orphans = 0;
};

// As graph/surplus.h: before 3.12 nobody counts references to what lies in an ELF image.
bool IsMortal(const Columns& c, u32 node) {
  if (c.flags[node] & snapshot::kImmortal || c.refcount[node] == kNone) return false;
  return !(c.flags[node] & snapshot::kStatic) || c.meta.python_hex >= kPython312;
}

std::vector<Row> CountRows(const Heap& heap) {
  const Columns& c = heap.columns();
  std::vector<Row> rows(c.types.size());
  for (size_t t = 0; t < rows.size(); ++t) rows[t].type = c.strings.at(c.types[t].name);
  for (u32 n = 0; n < c.node_count(); ++n) {
    Row& row = rows[c.type[n]];
    ++row.objects;
    row.mortal += IsMortal(c, n);
    row.uncollectable += heap.population(n) == Population::kUncollectable;
  }
  for (u32 n : heap.surplus_nodes()) {
    Row& row = rows[c.type[n]];
    const i64 left = heap.unexplained(n);
    if (left > 0) {
      ++row.surplus_objects;
      row.surplus += static_cast<u64>(left);
    } else if (left < 0) {
      ++row.deficit_objects;
      row.deficit += static_cast<u64>(-left);
    }
    if (left <= 0 || heap.population(n) != Population::kUnexplained) continue;
    ++row.lost;
    row.lost_bytes += c.size_of(n);
    row.orphans += heap.in_sources(n).empty() && !(c.flags[n] & snapshot::kTracked);
  }
  return rows;
}

Json ToJson(const Row& row) {
  const u64 explained = row.mortal - row.surplus_objects - row.deficit_objects;
  return {{"type", row.type},
          {"objects", row.objects},
          {"mortal", row.mortal},
          {"explained", explained},
          {"surplus_objects", row.surplus_objects},
          {"surplus", row.surplus},
          {"deficit_objects", row.deficit_objects},
          {"deficit", row.deficit},
          {"lost", row.lost},
          {"lost_bytes", row.lost_bytes},
          {"orphans", row.orphans},
          {"uncollectable", row.uncollectable}};
}

const char* NameOf(Population population) {
  switch (population) {
    case Population::kRetained:
      return "in use";
    case Population::kUnexplained:
      return "lost";
    case Population::kGarbage:
      return "garbage";
    case Population::kUncollectable:
      return "uncollectable";
    case Population::kFrozen:
      return "frozen";
    case Population::kImmortal:
      return "immortal";
  }
  return "";
}

// Where the object hangs, or who refers to it where nothing leads there.
std::string HeldBy(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  if (heap.population(node) == Population::kRetained) return heap.PathText(heap.path_to(node));
  std::string text;
  const auto sources = heap.in_sources(node), edges = heap.in_edges(node);
  for (size_t i = 0; i < sources.size() && i < kMostReferrers; ++i)
    text += (i ? ", " : "") + std::string(c.type_name(sources[i])) + heap.StepText(sources[i], c.edge_label[edges[i]]);
  return text.empty() ? "nothing that can be found" : text;
}

Json Objects(const Heap& heap, size_t limit) {
  const Columns& c = heap.columns();
  std::vector<std::pair<i64, u32>> most;
  for (u32 n : heap.surplus_nodes())
    if (const i64 left = heap.unexplained(n); left > 0) most.push_back({-left, n});
  const size_t count = std::min(limit, most.size());
  std::partial_sort(most.begin(), most.begin() + static_cast<std::ptrdiff_t>(count), most.end());
  Json out = Json::array();
  for (size_t i = 0; i < count; ++i) {
    const u32 n = most[i].second;
    char address[24];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(c.address[n]));
    out.push_back({{"address", address},
                   {"type", c.type_name(n)},
                   {"refcount", c.refcount[n]},
                   {"surplus", -most[i].first},
                   {"is", NameOf(heap.population(n))},
                   {"held_by", HeldBy(heap, n)}});
  }
  return out;
}

}  // namespace

Json AuditTable(const Heap& heap, size_t limit) {
  const Columns& c = heap.columns();
  std::vector<Row> rows = CountRows(heap);
  Row sum;
  for (const Row& row : rows) {
    sum.objects += row.objects;
    sum.mortal += row.mortal;
    sum.surplus_objects += row.surplus_objects;
    sum.surplus += row.surplus;
    sum.deficit_objects += row.deficit_objects;
    sum.deficit += row.deficit;
    sum.lost += row.lost;
    sum.lost_bytes += row.lost_bytes;
    sum.orphans += row.orphans;
    sum.uncollectable += row.uncollectable;
  }
  std::erase_if(rows, [](const Row& row) { return row.surplus == 0 && row.deficit == 0 && row.uncollectable == 0; });
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.surplus != b.surplus) return a.surplus > b.surplus;
    return a.uncollectable != b.uncollectable ? a.uncollectable > b.uncollectable : a.deficit > b.deficit;
  });
  Json table = Json::array();
  for (size_t i = 0; i < rows.size() && i < limit; ++i) table.push_back(ToJson(rows[i]));
  Json facts = ToJson(sum);
  facts.erase("type");
  facts["pid"] = c.meta.pid;
  facts["python"] = snapshot::PythonVersion(c.meta.python_hex);
  facts["explained_share"] =
      sum.mortal ? static_cast<double>(facts["explained"].get<u64>()) / static_cast<double>(sum.mortal) : 1.0;
  const StringLedger strings = FoldAudit(heap).strings;
  facts["interned_only"] = {{"strings", strings.strings}, {"bytes", strings.bytes}};
  return {{"facts", facts}, {"rows", table}, {"left_out", rows.size() - table.size()}, {"top", Objects(heap, limit)}};
}

}  // namespace unleak::diagnose
