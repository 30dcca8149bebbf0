#include "diagnose/inherited.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace unleak::diagnose {
namespace {

using snapshot::Columns;

struct Portion {
  u64 objects = 0, bytes = 0;

  void Take(u64 size) {
    ++objects;
    bytes += size;
  }
  nlohmann::json ToJson() const { return {{"objects", objects}, {"bytes", bytes}}; }
};

// For each type of the child, the parent's type that it is, kNone where the parent has none.
std::vector<u32> CommonTypes(const Columns& parent, const Columns& child) {
  std::map<std::pair<u64, std::string_view>, u32> known;
  for (u32 t = 0; t < parent.types.size(); ++t)
    known.emplace(std::pair(parent.types[t].address, parent.strings.at(parent.types[t].name)), t);
  std::vector<u32> common(child.types.size(), kNone);
  for (u32 t = 0; t < child.types.size(); ++t)
    if (const auto it = known.find({child.types[t].address, child.strings.at(child.types[t].name)}); it != known.end())
      common[t] = it->second;
  return common;
}

nlohmann::json Largest(const Columns& child, const std::vector<Portion>& by_type, size_t limit) {
  std::vector<u32> order(by_type.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](u32 a, u32 b) { return by_type[a].bytes > by_type[b].bytes; });
  nlohmann::json out = nlohmann::json::array();
  for (const u32 t : order) {
    if (out.size() == limit || by_type[t].objects == 0) break;
    nlohmann::json row = by_type[t].ToJson();
    row["type"] = child.strings.at(child.types[t].name);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

nlohmann::json Inherited(const Columns& parent, const Columns& child, size_t limit) {
  const std::vector<u32> common = CommonTypes(parent, child);
  std::vector<Portion> by_type(child.types.size());
  Portion shared, added, freed;
  u64 grown = 0;
  u32 p = 0;
  for (u32 c = 0; c < child.node_count(); ++c) {  // both ascend by address
    for (; p < parent.node_count() && parent.address[p] < child.address[c]; ++p) freed.Take(parent.size_of(p));
    const u64 size = child.size_of(c);
    if (p < parent.node_count() && parent.address[p] == child.address[c] && common[child.type[c]] == parent.type[p]) {
      shared.Take(size);
      grown += size - std::min(size, parent.size_of(p));
      ++p;
    } else {
      added.Take(size);
      by_type[child.type[c]].Take(size);
    }
  }
  for (; p < parent.node_count(); ++p) freed.Take(parent.size_of(p));
  nlohmann::json out = {
      {"shared", shared.ToJson()}, {"added", added.ToJson()}, {"freed", freed.ToJson()}, {"grown_bytes", grown}};
  out["added"]["types"] = Largest(child, by_type, limit);
  return out;
}

}  // namespace unleak::diagnose
