#include "diagnose/memory.h"

#include <algorithm>
#include <unordered_map>

namespace unleak::diagnose {
namespace {

using snapshot::Allocator;
using snapshot::Columns;
using snapshot::MemoryKind;
using snapshot::MemoryPart;

constexpr u64 kSparse = 4;  // an arena of which less than a fourth is used is held by what little lies in it

struct Line {
  const char* what;
  std::vector<MemoryKind> kinds;
};

// As the document names the parts, in its order.
const std::vector<Line>& Lines() {
  static const std::vector<Line> lines = {
      {"live Python objects", {MemoryKind::kPymallocUsed, MemoryKind::kMallocPython}},
      {"free inside pools", {MemoryKind::kPymallocFree}},
      {"unused pools", {MemoryKind::kPymallocFreePools}},
      {"native malloc", {MemoryKind::kMallocNative}},
      {"malloc free", {MemoryKind::kMallocCached, MemoryKind::kMallocFree, MemoryKind::kMallocTop}},
      {"malloc overhead", {MemoryKind::kMallocOverhead}},
      {"other allocator with objects", {MemoryKind::kOtherAllocator}},
      {"thread stacks", {MemoryKind::kStacks}},
      {"code", {MemoryKind::kCode}},
      {"files and library data", {MemoryKind::kFiles}},
      {"shared memory", {MemoryKind::kShared}},
      {"named mappings", {MemoryKind::kNamed}},
  };
  return lines;
}

MemoryPart Sum(const Columns& c, MemoryKind kind) {
  MemoryPart sum;
  for (const MemoryPart& part : c.memory) {
    if (part.kind != kind) continue;
    sum.bytes += part.bytes;
    sum.resident += part.resident;
    sum.blocks += part.blocks;
  }
  return sum;
}

u64 Bytes(const Columns& c, MemoryKind kind) { return Sum(c, kind).bytes; }
u64 Resident(const Columns& c, MemoryKind kind) { return Sum(c, kind).resident; }

u64 FreeResident(const Columns& c) {
  u64 sum = 0;
  for (MemoryKind kind : {MemoryKind::kPymallocFree, MemoryKind::kPymallocFreePools, MemoryKind::kMallocCached,
                          MemoryKind::kMallocFree, MemoryKind::kMallocTop})
    sum += Resident(c, kind);
  return sum;
}

Json Malloc(const Columns& c) {
  const MemoryPart native = Sum(c, MemoryKind::kMallocNative), python = Sum(c, MemoryKind::kMallocPython);
  return {{"system", Bytes(c, MemoryKind::kMallocSystem)},
          {"mapped", Bytes(c, MemoryKind::kMallocMapped)},
          {"mapped_chunks", Sum(c, MemoryKind::kMallocMapped).blocks},
          {"arenas", Sum(c, MemoryKind::kArenas).blocks},
          {"used_by_objects", python.bytes},
          {"used_native", native.bytes},
          {"native_blocks", native.blocks},
          {"cached", Bytes(c, MemoryKind::kMallocCached)},
          {"fast_bins", Bytes(c, MemoryKind::kArenas)},
          {"free", Bytes(c, MemoryKind::kMallocFree)},
          {"top", Bytes(c, MemoryKind::kMallocTop)},
          {"returnable", Bytes(c, MemoryKind::kReturnable)}};
}

Json Pymalloc(const Columns& c) {
  const MemoryPart used = Sum(c, MemoryKind::kPymallocUsed), inside = Sum(c, MemoryKind::kPymallocFree);
  u64 arenas = 0, sparse = 0;
  for (const auto& region : c.memory_regions) {
    if (region.allocator != Allocator::kPymalloc) continue;
    ++arenas;
    sparse += region.used < (region.end - region.start) / kSparse;
  }
  return {{"blocks", used.blocks},
          {"used", used.bytes},
          {"free_inside_pools", inside.bytes},
          {"unused_pools", Bytes(c, MemoryKind::kPymallocFreePools)},
          {"arenas", arenas},
          {"sparse_arenas", sparse}};
}

// Types of the objects in arenas of which little is used: they pin them.
Json Pins(const Columns& c, size_t limit) {
  std::unordered_map<u32, u64> types;
  auto node = c.address.begin();
  for (const auto& region : c.memory_regions) {
    if (region.allocator != Allocator::kPymalloc || region.used >= (region.end - region.start) / kSparse) continue;
    node = std::lower_bound(node, c.address.end(), region.start);
    for (; node != c.address.end() && *node < region.end; ++node)
      ++types[c.type[static_cast<size_t>(node - c.address.begin())]];
  }
  std::vector<std::pair<u64, u32>> rows;
  for (const auto& [type, count] : types) rows.emplace_back(count, type);
  std::sort(rows.begin(), rows.end(), std::greater<>());
  Json out = Json::array();
  for (const auto& [count, type] : rows) {
    if (out.size() == limit) break;
    out.push_back({{"type", c.strings.at(c.types[type].name)}, {"objects", count}});
  }
  return out;
}

template <class Row, class Less>
std::vector<Row> Largest(std::vector<Row> rows, size_t limit, Less less) {
  std::stable_sort(rows.begin(), rows.end(), less);
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

Json Heaps(const Columns& c, size_t limit) {
  Json out = Json::array();
  for (const auto& r :
       Largest(c.memory_regions, limit, [](const auto&a, const auto&b) { return a.resident > b.resident; }))
    out.push_back({{"allocator", r.allocator == Allocator::kMalloc ? "malloc" : "pymalloc"},
                   {"size", r.end - r.start},
                   {"used", r.used},
                   {"free", r.free},
                   {"resident", r.resident},
                   {"returnable", r.returnable}});
  return out;
}

Json Sizes(const Columns& c, size_t limit) {
  Json out = Json::array();
  const auto native = [](const snapshot::MemorySize& s) { return s.total - std::min(s.total, s.total_owned); };
  for (const auto& s :
       Largest(c.memory_sizes, limit, [&](const auto&a, const auto&b) { return native(a) > native(b); }))
    out.push_back({{"allocator", s.allocator == Allocator::kMalloc ? "malloc" : "pymalloc"},
                   {"block", s.bytes},
                   {"blocks", s.used - std::min(s.used, s.owned)},
                   {"bytes", native(s)}});
  return out;
}

}  // namespace

MemoryLook FoldMemory(const Columns& c) {
  MemoryLook look;
  look.measured = !c.memory.empty();
  look.resident = Resident(c, MemoryKind::kResident);
  look.python_bytes = Bytes(c, MemoryKind::kPymallocUsed) + Bytes(c, MemoryKind::kMallocPython);
  look.native_bytes = Bytes(c, MemoryKind::kMallocNative);
  look.native_blocks = Sum(c, MemoryKind::kMallocNative).blocks;
  look.free_resident = FreeResident(c);
  look.other_resident = Resident(c, MemoryKind::kOther) + Resident(c, MemoryKind::kOtherAllocator);
  look.returnable = Bytes(c, MemoryKind::kReturnable);
  for (const auto& s : c.memory_sizes) {
    if (s.used <= s.owned) continue;
    NativeSize& size = look.sizes[{s.allocator, s.bytes}];
    size.blocks = s.used - s.owned;
    size.bytes = s.total - std::min(s.total, s.total_owned);
  }
  for (const auto& p : c.memory_pointers) {
    NativeSize& size = look.sizes[{p.allocator, p.bytes}];
    const std::string file(c.strings.at(p.file));
    if (p.target == 0)
      size.files[file] += p.blocks;
    else
      size.targets[{file, p.target}] += p.blocks;
  }
  for (const auto& s : c.memory_sites)
    look.sites[{s.allocator, s.bytes}].push_back(
        {std::string(c.strings.at(s.library)), std::string(c.strings.at(s.function)), std::string(c.strings.at(s.file)),
         std::string(c.strings.at(s.python_function)), s.line, s.calls, s.sure});
  return look;
}

Json MemoryDocument(const Columns& c) {
  if (c.memory.empty()) return nullptr;
  Json ledger = Json::array();
  for (const Line& line : Lines()) {
    MemoryPart sum;
    for (MemoryKind kind : line.kinds) {
      const MemoryPart part = Sum(c, kind);
      sum.bytes += part.bytes, sum.resident += part.resident, sum.blocks += part.blocks;
    }
    if (sum.bytes != 0)
      ledger.push_back(
          {{"what", line.what}, {"bytes", sum.resident}, {"allocated", sum.bytes}, {"blocks", sum.blocks}});
  }
  const u64 rss = Resident(c, MemoryKind::kResident), unexplained = Resident(c, MemoryKind::kOther);
  return {{"rss", rss},
          {"ledger", ledger},
          {"unexplained", unexplained},
          {"explained", rss ? 1.0 - static_cast<double>(unexplained) / static_cast<double>(rss) : 0.0},
          {"malloc", Malloc(c)},
          {"pymalloc", Pymalloc(c)},
          {"fragmentation", {{"free_resident", FreeResident(c)}, {"returnable", Bytes(c, MemoryKind::kReturnable)}}},
          {"swapped", Bytes(c, MemoryKind::kSwapped)},
          {"huge_pages", Bytes(c, MemoryKind::kHugePages)},
          {"page_tables", Bytes(c, MemoryKind::kPageTables)}};
}

Json MemoryListing(const Columns& c, size_t limit) {
  Json listing = MemoryDocument(c);
  if (listing.is_null())
    return {{"rss", c.meta.rss_bytes},
            {"ledger", Json::array()},
            {"unexplained", c.meta.rss_bytes},
            {"note", "the look has no memory ledger: it is of an older version, or the page table could not be read"}};
  listing["heaps"] = Heaps(c, limit);
  listing["native_sizes"] = Sizes(c, limit);
  listing["pins"] = Pins(c, limit);
  return listing;
}

}  // namespace unleak::diagnose
