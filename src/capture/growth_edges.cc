#include "capture/growth_edges.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "capture/glibc_heap.h"
#include "capture/residency.h"

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096, kInMemory = u64{3} << 62;  // or swapped out
constexpr u64 kLeastMapping = 256 << 10, kMostPages = (u64{4} << 30) / kPage;
constexpr size_t kLeastUntouched = 16, kMostEdges = 4096, kBatch = 512, kMostTops = 2;
constexpr u64 kFlags = 7, kPrevInUse = 1, kIsMapped = 2, kLeastChunk = 32;  // of a chunk's size

bool MayGrow(const Mapping& map) {
  return map.writable && !map.shared && (map.path.empty() || map.path == "[heap]") &&
         map.end - map.start >= kLeastMapping;
}

}  // namespace

GrowthEdges::GrowthEdges(Memory& memory, u32 pid, const std::string& proc_root, const std::vector<Mapping>& maps,
                         const snapshot::Columns& columns)
    : memory_(memory),
      maps_(maps),
      pagemap_(open((proc_root + "/" + std::to_string(pid) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC)) {
  for (const snapshot::MemoryRegion& region : columns.memory_regions)
    if (region.allocator == snapshot::Allocator::kPymalloc) python_.emplace_back(region.start, region.end);
  std::sort(python_.begin(), python_.end());
  const Residency none;  // asked for chunks with mappings of their own only
  GlibcHeap heap(memory, maps, none);
  if (heap.FindArenas())
    for (const GlibcArena& arena : heap.arenas()) tops_.push_back({arena.top_field, arena.top});
  if (!pagemap_.valid()) return;
  for (const Mapping& map : maps)
    if (MayGrow(map)) FindPages(map);
}

std::vector<u64> GrowthEdges::Entries(u64 address, size_t pages) const {
  std::vector<u64> entries(pages);
  const ssize_t got =
      pread(pagemap_.get(), entries.data(), pages * sizeof(u64), static_cast<off_t>(address / kPage * sizeof(u64)));
  entries.resize(got > 0 ? static_cast<size_t>(got) / sizeof(u64) : 0);
  return entries;
}

bool GrowthEdges::IsPython(u64 address) const {
  const auto next = std::upper_bound(python_.begin(), python_.end(), std::pair(address, ~u64{0}));
  return next != python_.begin() && address < std::prev(next)->second;
}

// An edge is where pages that are in memory are followed by some that are not.
void GrowthEdges::FindPages(const Mapping& map) {
  size_t untouched = kLeastUntouched;  // as if some came before: the mapping begins with no edge
  for (u64 at = map.start; at < map.end && looked_through_ < kMostPages; at += kBatch * kPage) {
    const auto entries = Entries(at, std::min<u64>(kBatch, (map.end - at) / kPage));
    if (entries.empty()) return;
    looked_through_ += entries.size();
    for (size_t i = 0; i < entries.size(); ++i) {
      untouched = entries[i] & kInMemory ? 0 : untouched + 1;
      const u64 edge = at + (i + 1) * kPage - kLeastUntouched * kPage;
      if (untouched == kLeastUntouched && pages_.size() < kMostEdges && !IsPython(edge)) pages_.push_back(edge);
    }
  }
}

std::vector<u64> GrowthEdges::GrownTops() const {
  std::vector<u64> fields;
  for (const Top& top : tops_)
    if (fields.size() < kMostTops && memory_.Word(top.field) > top.chunk) fields.push_back(top.field);
  return fields;
}

u64 GrowthEdges::CutFrom(u64 top, u64 field) const {
  const u64 now = memory_.Word(field), word = memory_.Word(top + sizeof(u64)), size = word & ~kFlags;
  if (now <= top || size < kLeastChunk || size % 16 != 0 || size > now - top || (word & kIsMapped)) return 0;
  return memory_.Word(top + size + sizeof(u64)) & kPrevInUse ? size : 0;
}

u64 GrowthEdges::NextPage(u64 page) const {
  const Mapping* map = FindMapping(maps_, page);
  if (!map) return 0;
  const auto entries = Entries(page, std::min<u64>(kBatch, (map->end - page) / kPage));
  const auto next = std::find_if(entries.begin(), entries.end(), [](u64 entry) { return !(entry & kInMemory); });
  return next == entries.end() ? 0 : page + static_cast<u64>(next - entries.begin()) * kPage;
}

std::vector<u64> GrowthEdges::GrownPages(size_t most) const {
  std::vector<u64> pages;
  for (u64 page : pages_) {
    const u64 next = pages.size() < most ? NextPage(page) : 0;
    if (next != 0 && next != page && std::count(pages.begin(), pages.end(), next) == 0) pages.push_back(next);
  }
  return pages;
}

}  // namespace unleak::capture
