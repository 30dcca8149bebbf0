#include "graph/view.h"

namespace unleak::graph {

Reverse MakeReverse(std::span<const u32> row, std::span<const u32> target) {
  const u32 nodes = static_cast<u32>(row.size() - 1);
  Reverse out;
  out.row.assign(row.size(), 0);
  out.source.resize(target.size());
  out.edge.resize(target.size());
  // row[t + 1] is used as the cursor of t: at the end it is where t's edges end, which is what it has to be.
  for (u32 t : target)
    if (t + 2 < row.size()) ++out.row[t + 2];
  for (size_t i = 2; i < out.row.size(); ++i) out.row[i] += out.row[i - 1];
  for (u32 source = 0; source < nodes; ++source)
    for (u32 e = row[source]; e < row[source + 1]; ++e) {
      const u32 at = out.row[target[e] + 1]++;
      out.source[at] = source;
      out.edge[at] = e;
    }
  return out;
}

}  // namespace unleak::graph
