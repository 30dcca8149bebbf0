// Native memory
//
// What: memory that native code takes from malloc (or from Python's small-object allocator) and never frees. No Python
// object owns it, so nothing of Python grows.
//
// Evidence: used bytes without owner, in all or of one block size, rise in every interval, as the ledger of each look
// counts them. Resident memory is no evidence: what is freed stays resident. Who is behind it: calls of the allocator
// for blocks of that size that were seen while the program ran, and libraries that the new blocks point into.
//
// Remedy: a release of the library in which it is mended, or the missing free; the call of Python that leads there can
// sometimes be made once instead of often.
//
// Example:
//     libc = ctypes.CDLL(None)
//
//     def checksum(data):
//         scratch = libc.malloc(20_000)      # never freed
//         ...
//
// Limits: places are seen only where the kernel lets unleak watch the process's calls for some milliseconds; a line of
// Python among them is probable or possible where the code that led to it has no tables for unwinding. A leak of less
// than 64 KiB in the whole time is below the floor; memory of allocators other than glibc's is not judged.
#include <algorithm>
#include <cmath>

#include "diagnose/detectors/detectors.h"
#include "diagnose/line_certainty.h"

namespace unleak::diagnose {
namespace {

using snapshot::Allocator;
using SizeKey = std::pair<Allocator, u64>;

constexpr size_t kLeastLooks = 3;
constexpr u64 kLeastBlocks = 8, kManyBlocks = 256;
constexpr size_t kMostSizes = 4, kMostPlaces = 3;
constexpr double kSteadyRatio = 1.5;  // between the intervals, of objects that come in step with blocks
constexpr double kOwnerShare =
    0.05;  // objects of a type for each block, at least and (inverted) at most, that may own them
constexpr double kLibraryShare = 0.5;  // of the growth of a size that points into a library

struct Grown {
  SizeKey key;
  Growth growth;  // of bytes
  double blocks_per_s = 0;
  u64 blocks = 0;  // more than at the first look
};

template <class Value>
Series Measure(const Evidence& evidence, Value value) {
  Series series;
  for (const LookSummary& look : evidence.looks) {
    AddTime(look.facts, series);
    series.value.push_back(value(look));
  }
  return series;
}

NativeSize SizeAt(const LookSummary& look, const SizeKey& key) {
  const auto it = look.memory.sizes.find(key);
  return it == look.memory.sizes.end() ? NativeSize() : it->second;
}

// Blocks of the small-object allocator that no object owns hardly change by themselves: there many blocks are enough,
// however small they are.
bool ManyMore(const Evidence& evidence, const SizeKey& key, u64 more) {
  if (key.first != Allocator::kPymalloc || more < kManyBlocks) return false;
  const Growth growth =
      Judge(Measure(evidence, [&](const LookSummary& l) { return SizeAt(l, key).blocks; }), Unit::kCount, 1.0);
  return growth.grows && growth.every_interval && growth.steady;
}

// Sizes whose blocks rise in every interval, fastest first.
std::vector<Grown> GrowingSizes(const Evidence& evidence) {
  std::vector<Grown> out;
  const double window = std::max(evidence.window_s(), 1e-3);
  for (const auto& [key, now] : evidence.looks.back().memory.sizes) {
    const u64 before = SizeAt(evidence.looks.front(), key).blocks;
    if (now.blocks < before + kLeastBlocks) continue;
    const u64 more = now.blocks - before;
    const Growth growth = Judge(
        Measure(evidence, [&, &size = key](const LookSummary& l) { return SizeAt(l, size).bytes; }), Unit::kBytes, 1.0);
    if (!(growth.grows && growth.every_interval) && !ManyMore(evidence, key, more)) continue;
    out.push_back({key, growth, static_cast<double>(more) / window, more});
  }
  std::sort(out.begin(), out.end(), [](const Grown& a, const Grown& b) { return a.growth.total > b.growth.total; });
  return out;
}

// Objects of a type for each block, interval by interval; 0 where the ratio changes: they do not come together.
double Together(const Series& objects, const Series& blocks) {
  double least = 1e300, most = 0;
  for (size_t i = 1; i < objects.value.size(); ++i) {
    if (objects.value[i] <= objects.value[i - 1] || blocks.value[i] <= blocks.value[i - 1]) return 0;
    const double ratio = static_cast<double>(objects.value[i] - objects.value[i - 1]) /
                         static_cast<double>(blocks.value[i] - blocks.value[i - 1]);
    least = std::min(least, ratio), most = std::max(most, ratio);
  }
  return most <= kSteadyRatio * least ? least : 0;
}

// A type whose objects, whatever holds them, come in step with the blocks: it may own them.
std::string OwnerType(const Evidence& evidence, const Grown& grown) {
  std::string owner;
  double nearest = 0;
  const Series blocks = Measure(evidence, [&](const LookSummary& look) { return SizeAt(look, grown.key).blocks; });
  for (const auto& [name, now] : evidence.looks.back().types) {
    const Series objects = Measure(evidence, [&, type = name](const LookSummary& look) {
      const auto it = look.types.find(type);
      u64 sum = 0;
      if (it != look.types.end())
        for (u64 n : it->second.objects) sum += n;
      return sum;
    });
    const double ratio = Together(objects, blocks);
    const double distance = ratio > 0 ? std::min(ratio, 1 / ratio) : 0;
    if (distance >= kOwnerShare && distance > nearest) nearest = distance, owner = name;
  }
  return owner;
}

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

// The C library and the loader serve everybody: that a block points at them says nothing.
bool ServesEverybody(const std::string& file) {
  const std::string name = BaseName(file);
  return name.starts_with("libc.so") || name.starts_with("libc-") || name.starts_with("ld-linux") ||
         name.starts_with("libpthread") || name.starts_with("libm.so") || name.starts_with("libdl.so");
}

// Libraries into which the blocks that came since the first look point.
Json PointedLibraries(const Evidence& evidence, const std::vector<Grown>& sizes) {
  std::map<std::string, u64> found;
  for (const Grown& size : sizes) {
    const NativeSize before = SizeAt(evidence.looks.front(), size.key), now = SizeAt(evidence.looks.back(), size.key);
    for (const auto& [file, blocks] : now.files) {
      const auto then = before.files.find(file);
      const u64 more = blocks - std::min(blocks, then == before.files.end() ? 0 : then->second);
      if (static_cast<double>(more) >= kLibraryShare * static_cast<double>(size.blocks) && !ServesEverybody(file))
        found[file] += more;
    }
  }
  std::vector<std::pair<u64, std::string>> order;
  for (const auto& [file, blocks] : found) order.emplace_back(blocks, file);
  std::sort(order.begin(), order.end(), std::greater<>());
  Json out = Json::array();
  for (const auto& [blocks, file] : order)
    if (out.size() < kMostPlaces)
      out.push_back({{"function", nullptr},
                     {"library", BaseName(file)},
                     {"file", nullptr},
                     {"line", nullptr},
                     {"blocks", blocks},
                     {"from", "content"}});
  return out;
}

struct Places {
  Json suspect = Json::array(), allocated = Json::array();
};

// Where calls for blocks of the growing sizes came from, most calls first. Where no size grows, who wrote to memory
// that was allocated before and never touched.
Places SeenPlaces(const Evidence& evidence, const std::vector<Grown>& sizes) {
  std::vector<SizeKey> keys;
  for (const Grown& size : sizes) keys.push_back(size.key);
  if (sizes.empty()) keys.push_back({Allocator::kMalloc, 0});
  std::map<std::pair<std::string, std::string>, u64> native;
  std::map<std::tuple<std::string, u32, std::string>, u64> python, sure;
  for (const LookSummary& look : evidence.looks)
    for (const SizeKey& size : keys) {
      const auto it = look.memory.sites.find(size);
      if (it == look.memory.sites.end()) continue;
      for (const NativeSite& site : it->second) {
        if (!site.library.empty() && !ServesEverybody(site.library))
          native[{site.library, site.function}] += site.calls;
        if (site.file.empty()) continue;
        python[{site.file, site.line, site.python_function}] += site.calls;
        sure[{site.file, site.line, site.python_function}] += site.sure;
      }
    }
  const auto ordered = [](const auto& counts) {
    std::vector<std::pair<u64, typename std::decay_t<decltype(counts)>::key_type>> rows;
    for (const auto& [key, count] : counts) rows.emplace_back(count, key);
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    return rows;
  };
  Places places;
  for (const auto& [calls, key] : ordered(native))
    if (places.suspect.size() < kMostPlaces)
      places.suspect.push_back({{"function", key.second.empty() ? Json(nullptr) : Json(key.second)},
                                {"library", BaseName(key.first)},
                                {"file", nullptr},
                                {"line", nullptr},
                                {"calls", calls},
                                {"from", "calls"}});
  for (const auto& [calls, key] : ordered(python))
    if (places.allocated.size() < kMostPlaces)
      places.allocated.push_back({{"file", std::get<0>(key)},
                                  {"line", std::get<1>(key)},
                                  {"function", std::get<2>(key)},
                                  {"objects", calls},
                                  {"bytes", 0},
                                  {"certainty", LineCertainty(calls, sure[key])}});
  return places;
}

std::string Describe(const SizeKey& key) {
  return std::string(key.first == Allocator::kMalloc ? "malloc" : "pymalloc") + " block of " + FormatCount(key.second) +
         " bytes";
}

Json What(const std::vector<Grown>& sizes) {
  Json what = Json::array();
  for (const Grown& size : sizes)
    if (what.size() < kMostSizes)
      what.push_back({{"type", Describe(size.key)}, {"objects", size.blocks}, {"bytes", size.growth.total}});
  return what;
}

Growth Total(const std::vector<Grown>& sizes) {
  Growth sum = sizes.front().growth;
  for (size_t i = 1; i < sizes.size(); ++i) {
    sum.total += sizes[i].growth.total;
    sum.per_s += sizes[i].growth.per_s;
  }
  return sum;
}

Candidate Make(const Evidence& evidence, const std::vector<Grown>& sizes, const Growth& growth, const Series& bytes) {
  Candidate c;
  c.family = Family::kNative;
  c.key = "native";
  c.growth = growth;
  c.bytes_per_s = growth.per_s;
  for (const Grown& size : sizes) c.objects_per_s += size.blocks_per_s;
  c.length = bytes.value.back();
  c.main_type = "native";
  const std::string owner = sizes.empty() ? "" : OwnerType(evidence, sizes.front());
  Places places = SeenPlaces(evidence, sizes);
  for (const Json& library : PointedLibraries(evidence, sizes)) {
    const bool told = std::any_of(places.suspect.begin(), places.suspect.end(),
                                  [&](const Json& p) { return p["library"] == library["library"]; });
    if (!told && places.suspect.size() < kMostPlaces) places.suspect.push_back(library);
  }
  Json series = Json::array(), blocks = Json::array();
  for (const LookSummary& look : evidence.looks) {
    u64 sum = 0;
    for (const Grown& size : sizes) sum += SizeAt(look, size.key).blocks;
    blocks.push_back(sum);
  }
  c.finding = {{"kind", "native-memory"},
               {"what", What(sizes)},
               {"sites", {{"allocated", places.allocated}, {"suspect", places.suspect}}},
               {"growth",
                {{"objects", blocks},
                 {"bytes", bytes.value},
                 {"references", Json::array()},
                 {"per_s", {{"objects", c.objects_per_s}, {"bytes", growth.per_s}, {"references", 0.0}}}}},
               {"evidence",
                {{"native_bytes", Measure(evidence, [](const LookSummary& l) { return l.memory.native_bytes; }).value},
                 {"resident", Measure(evidence, [](const LookSummary& l) { return l.memory.resident; }).value},
                 {"at_s", bytes.at_s},
                 {"owner", owner.empty() ? Json(nullptr) : Json(owner)}}}};
  return c;
}

// By how much waiting garbage rises; 0 unless it does so each time: then it was collected meanwhile, and what it owned
// with it.
double RiseOf(const Json& waiting) {
  for (size_t i = 1; i < waiting.size(); ++i)
    if (waiting[i].get<u64>() <= waiting[i - 1].get<u64>()) return 0;
  return waiting.empty() ? 0 : static_cast<double>(waiting.back().get<u64>() - waiting.front().get<u64>());
}

bool IsGarbage(const Candidate& c) {
  return c.family == Family::kCycle && !c.collector_off && c.finding["evidence"].contains("garbage_objects_per_s");
}

// Whether the objects of a candidate stay, so that native memory that comes as they do is theirs. A reference too many
// of an object that stays anyway owns nothing.
bool Stays(const Candidate& c) {
  if (c.family == Family::kNative || c.family == Family::kPeak || c.family == Family::kFree) return false;
  if (c.family == Family::kUnexplained && c.finding["evidence"].value("costs_nothing", false)) return false;
  return !IsGarbage(c);
}

}  // namespace

std::vector<Candidate> FindNativeMemory(const Evidence& evidence) {
  const auto& looks = evidence.looks;
  if (looks.size() < kLeastLooks ||
      !std::all_of(looks.begin(), looks.end(), [](const LookSummary& l) { return l.memory.measured; }))
    return {};
  const std::vector<Grown> sizes = GrowingSizes(evidence);
  if (!sizes.empty()) {
    const Series bytes = Measure(evidence, [&](const LookSummary& look) {
      u64 sum = 0;
      for (const Grown& size : sizes) sum += SizeAt(look, size.key).bytes;
      return sum;
    });
    return {Make(evidence, sizes, Total(sizes), bytes)};
  }
  // Of no one size: pools that double, blocks of many sizes.
  const Series bytes = Measure(evidence, [](const LookSummary& look) { return look.memory.native_bytes; });
  const Growth growth = Judge(bytes, Unit::kBytes, 1.0);
  if (!growth.grows || !growth.every_interval) return {};
  return {Make(evidence, {}, growth, bytes)};
}

void DropOwnedNative(std::vector<Candidate>& candidates) {
  double objects_per_s = 0, more_garbage = 0;  // of the fastest candidate whose objects stay, and of what waits
  std::string garbage;
  for (const Candidate& c : candidates) {
    if (Stays(c)) objects_per_s = std::max(objects_per_s, c.objects_per_s);
    if (IsGarbage(c) && garbage.empty()) garbage = c.main_type, more_garbage = RiseOf(c.finding["growth"]["objects"]);
  }
  std::erase_if(candidates, [&](const Candidate& c) {
    return c.family == Family::kNative && objects_per_s > 0 && objects_per_s >= kOwnerShare * c.objects_per_s;
  });
  for (Candidate& c : candidates) {
    if (c.family != Family::kNative) continue;
    const Json& blocks = c.finding["growth"]["objects"];
    const double more_blocks =
        static_cast<double>(blocks.back().get<u64>()) - static_cast<double>(blocks.front().get<u64>());
    if (more_garbage > 0 && more_garbage >= kOwnerShare * more_blocks) c.finding["evidence"]["owner"] = garbage;
  }
}

}  // namespace unleak::diagnose
