#include "snapshot/columns.h"

#include <algorithm>
#include <numeric>

namespace unleak::snapshot {

u32 StringTable::Intern(std::string_view text) {
  if (ids_.empty())
    for (u32 id = 0; id < size(); ++id) ids_.emplace(at(id), id);
  auto [it, inserted] = ids_.emplace(text, size());
  if (inserted) {
    bytes_.append(text);
    offsets_.push_back(bytes_.size());
  }
  return it->second;
}

bool StringTable::Assign(std::string bytes, std::vector<u64> offsets) {
  if (offsets.size() < 2 || offsets.front() != 0 || offsets[1] != 0 || offsets.back() != bytes.size()) return false;
  if (!std::is_sorted(offsets.begin(), offsets.end())) return false;
  bytes_ = std::move(bytes);
  offsets_ = std::move(offsets);
  ids_.clear();
  return true;
}

const char* NameOf(Producer producer) {
  constexpr const char* kNames[] = {"twin", "reader", "core", "agent", "synthetic"};
  return kNames[std::min<size_t>(static_cast<size_t>(producer), std::size(kNames) - 1)];
}

const char* NameOf(Stop stop) {
  constexpr const char* kNames[] = {"safe", "gil-free", "blind", "none"};
  return kNames[std::min<size_t>(static_cast<size_t>(stop), std::size(kNames) - 1)];
}

std::string PythonVersion(u32 hex) {
  return std::to_string(hex >> 24) + "." + std::to_string(hex >> 16 & 0xff) + "." + std::to_string(hex >> 8 & 0xff);
}

u64 Columns::total_bytes() const {
  u64 total = std::accumulate(size.begin(), size.end(), u64{0});
  for (const auto& [node, bytes] : big_size) total += bytes - size[node];
  return total;
}

namespace {
template <class Pairs>
u64 Find(const Pairs& pairs, u32 node, u64 otherwise) {
  auto it = std::lower_bound(pairs.begin(), pairs.end(), node, [](const auto& p, u32 n) { return p.first < n; });
  return it != pairs.end() && it->first == node ? static_cast<u64>(it->second) : otherwise;
}
}  // namespace

u64 Columns::size_of(u32 node) const {
  return size[node] != kNone ? size[node] : Find(big_size, node, kNone);
}

u64 Columns::length_of(u32 node) const {
  return length[node] != kNone ? length[node] : Find(big_length, node, 0);
}

}  // namespace unleak::snapshot
