#include "capture/ledger_pointers.h"

#include <algorithm>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr u64 kAll = 256, kSome = 4096;  // blocks of a size that are all looked at; then every 8th; then every 64th
constexpr u64 kMostTargets = 1 << 16;    // kept in all
constexpr size_t kMostFiles = 12, kMostTargetsOfSize = 8;
constexpr u64 kLeastBlocks = 4;  // a target met in fewer blocks tells nothing

u64 Mix(u64 x) {
  x = (x >> 4) * 0x9e3779b97f4a7c15ull;
  return x >> 40;
}

// In how many blocks one sampled block stands for; 0: not looked at.
u64 Weight(u64 seen, u64 address) {
  if (seen < kAll) return 1;
  const u64 every = seen < kSome ? 8 : 64;
  return Mix(address) % every == 0 ? every : 0;
}

template <class Value>
std::vector<std::pair<u64, Value>> Most(const std::unordered_map<u64, Value>& all, size_t most,
                                        u64 (*count)(const Value&)) {
  std::vector<std::pair<u64, Value>> rows(all.begin(), all.end());
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    const u64 x = count(a.second), y = count(b.second);
    return x != y ? x > y : a.first < b.first;
  });
  if (rows.size() > most) rows.resize(most);
  return rows;
}

}  // namespace

LedgerPointers::LedgerPointers(const std::vector<Mapping>& maps) {
  for (const Mapping& map : maps) {
    const bool file = map.path.starts_with('/') && !map.shared;
    // Data that starts as zeros follows the file's own in a mapping without a name.
    const bool rest = map.path.empty() && !images_.empty() && images_.back().end == map.start && map.writable;
    if (!file && !rest) continue;
    if (file && (files_.empty() || files_.back() != map.path)) files_.push_back(map.path);
    images_.push_back({map.start, map.end, static_cast<u32>(files_.size() - 1)});
  }
}

const LedgerPointers::Image* LedgerPointers::Find(u64 word) const {
  const auto after =
      std::upper_bound(images_.begin(), images_.end(), word, [](u64 a, const Image& i) { return a < i.start; });
  if (after == images_.begin()) return nullptr;
  return word < (after - 1)->end ? &*(after - 1) : nullptr;
}

void LedgerPointers::Add(u64 size_class, u64 address, const u8* content, u64 bytes) {
  if (images_.empty()) return;
  Size& size = sizes_[size_class];
  const u64 weight = Weight(size.seen++, address);
  if (weight == 0) return;
  const u64 lowest = images_.front().start, highest = images_.back().end;
  u32 files[4];
  size_t told = 0;
  for (u64 at = 0; at + sizeof(u64) <= bytes && told < std::size(files); at += sizeof(u64)) {
    u64 word;
    std::memcpy(&word, content + at, sizeof word);
    if (word < lowest || word >= highest) continue;
    const Image* image = Find(word);
    if (!image) continue;
    if (targets_ < kMostTargets || size.targets.count(word)) {
      Target& target = size.targets[word];
      targets_ += target.blocks == 0;
      target.file = image->file;
      target.blocks += weight;
    }
    if (std::find(files, files + told, image->file) != files + told) continue;
    files[told++] = image->file;
    size.files[image->file] += weight;
  }
}

void LedgerPointers::Fill(snapshot::Columns* columns) const {
  std::vector<u64> order;
  for (const auto& [size_class, size] : sizes_)
    if (!size.files.empty()) order.push_back(size_class);
  std::sort(order.begin(), order.end());
  for (const u64 size_class : order) {
    const Size& size = sizes_.at(size_class);
    const std::unordered_map<u64, u64> files(size.files.begin(), size.files.end());
    for (const auto& [file, blocks] : Most<u64>(files, kMostFiles, [](const u64& n) { return n; }))
      columns->memory_pointers.push_back(
          {snapshot::Allocator::kMalloc, size_class, 0, columns->strings.Intern(files_[file]), blocks});
    for (const auto& [target, t] :
         Most<Target>(size.targets, kMostTargetsOfSize, [](const Target& x) { return x.blocks; }))
      if (t.blocks >= kLeastBlocks)
        columns->memory_pointers.push_back(
            {snapshot::Allocator::kMalloc, size_class, target, columns->strings.Intern(files_[t.file]), t.blocks});
  }
}

}  // namespace unleak::capture
