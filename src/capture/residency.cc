#include "capture/residency.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "capture/proc_files.h"

namespace unleak::capture {
namespace {

constexpr u64 kPresent = u64{1} << 63, kSwapped = u64{1} << 62;
constexpr u64 kMostText = u64{256} << 20;

// The number of "Rss:   123 kB" in bytes, 0 if there is none.
u64 Kilobytes(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
  u64 value = 0;
  std::from_chars(line.data(), line.data() + line.size(), value);
  return value << 10;
}

void TakeField(std::string_view line, MapUse* use) {
  if (line.starts_with("Rss:")) use->resident = Kilobytes(line);
  if (line.starts_with("Anonymous:")) use->anonymous = Kilobytes(line);
  if (line.starts_with("AnonHugePages:")) use->huge = Kilobytes(line);
  if (line.starts_with("Swap:")) use->swapped = Kilobytes(line);
}

}  // namespace

std::vector<MapUse> ParseSmaps(std::string_view text) {
  std::vector<MapUse> uses;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // A mapping starts with lower-case hexadecimal digits, a field with a capital.
    if (line.empty() || (line[0] >= 'A' && line[0] <= 'Z')) {
      if (!uses.empty()) TakeField(line, &uses.back());
      continue;
    }
    std::vector<Mapping> map = ParseMaps(line);
    if (!map.empty()) uses.push_back({std::move(map[0])});
  }
  return uses;
}

std::vector<MapUse> ReadSmaps(u32 pid, const std::string& proc_root) {
  const auto text = ReadSmallFile(proc_root + "/" + std::to_string(pid) + "/smaps", kMostText);
  return text.ok() ? ParseSmaps(*text) : std::vector<MapUse>();
}

bool Residency::Load(u32 pid, const std::vector<Mapping>& maps, const std::string& proc_root) {
  const std::string path = proc_root + "/" + std::to_string(pid) + "/pagemap";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  u64 pages = 0;
  bool good = true;
  for (const Mapping& map : maps) {
    if (!map.readable || !map.writable || map.shared) continue;
    pages += (map.end - map.start) / kPage;
    if (pages > kMostPages) {
      pages -= (map.end - map.start) / kPage;
      incomplete_ = true;
      continue;
    }
    good = LoadArea(file, map) && good;
  }
  close(file);
  loaded_ = good;
  return good;
}

bool Residency::LoadArea(int pagemap, const Mapping& map) {
  constexpr u64 kBatch = 64 << 10;
  static_assert(kBatch % 64 == 0);
  const u64 count = (map.end - map.start) / kPage;
  Area area{map.start, map.end, std::vector<u64>(count / 64 + 1), std::vector<u64>(count / 64 + 1)};
  std::vector<u64> entries(std::min(count, kBatch));
  for (u64 done = 0; done < count;) {
    const u64 want = std::min(count - done, kBatch);
    const ssize_t got = pread(pagemap, entries.data(), want * sizeof(u64),
                              static_cast<off_t>((map.start / kPage + done) * sizeof(u64)));
    if (got < static_cast<ssize_t>(sizeof(u64))) return false;
    const u64 read = static_cast<u64>(got) / sizeof(u64);
    for (u64 i = 0; i < read; ++i) {
      if (entries[i] & kPresent) area.bits[(done + i) / 64] |= u64{1} << (done + i) % 64;
      if (entries[i] & kSwapped) swapped_ += kPage;
    }
    done += read;
  }
  u64 sum = 0;
  for (u64 i = 0; i < area.bits.size(); ++i) {
    area.before[i] = sum;
    sum += static_cast<u64>(std::popcount(area.bits[i]));
  }
  areas_.push_back(std::move(area));
  return true;
}

u64 Residency::PagesBefore(const Area& area, u64 page) {
  const u64 mask = (u64{1} << page % 64) - 1;
  return area.before[page / 64] + static_cast<u64>(std::popcount(area.bits[page / 64] & mask));
}

u64 Residency::BytesIn(const Area& area, u64 from, u64 to) {
  const auto resident = [&](u64 page) { return (area.bits[page / 64] >> page % 64 & 1) != 0; };
  const u64 first = (from - area.start) / kPage, last = (to - 1 - area.start) / kPage;
  if (first == last) return resident(first) ? to - from : 0;
  u64 bytes = (PagesBefore(area, last) - PagesBefore(area, first + 1)) * kPage;
  if (resident(first)) bytes += kPage - from % kPage;
  if (resident(last)) bytes += (to - 1) % kPage + 1;
  return bytes;
}

u64 Residency::ResidentBytes(u64 from, u64 to) const {
  u64 bytes = 0;
  auto area = std::upper_bound(areas_.begin(), areas_.end(), from, [](u64 a, const Area& b) { return a < b.end; });
  for (; area != areas_.end() && area->start < to; ++area)
    if (const u64 low = std::max(from, area->start), high = std::min(to, area->end); low < high)
      bytes += BytesIn(*area, low, high);
  return bytes;
}

}  // namespace unleak::capture
