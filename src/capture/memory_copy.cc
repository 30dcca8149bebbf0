#include "capture/memory_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

constexpr u64 kPage = 4096;
constexpr u64 kMaxMapped = u64{64} << 30;  // its page table is read while the process stands still: 16 MiB a 8 GiB
constexpr u64 kPresentOrSwapped = u64{3} << 62;  // Documentation/admin-guide/mm/pagemap.rst
constexpr u64 kPiece = u64{4} << 20;             // copied between two looks at the clock
constexpr size_t kEntries = 8192;

bool IsCopied(const Mapping& m) { return m.readable && m.writable && !m.shared; }
bool IsAnonymous(const Mapping& m) { return m.path.empty() || m.path.front() == '['; }

u64 Mapped(const std::vector<Mapping>& maps) {
  u64 bytes = 0;
  for (const Mapping& m : maps) bytes += IsCopied(m) ? m.end - m.start : 0;
  return bytes;
}

// Calls take(address of the first page, entries) for the page table of a mapping, piece by piece.
template <class Take>
bool EachEntry(int pagemap, const Mapping& mapping, const Take& take) {
  std::vector<u64> entries(kEntries);
  for (u64 page = mapping.start / kPage, end = mapping.end / kPage; page < end;) {
    const u64 want = std::min<u64>(kEntries, end - page);
    const ssize_t got = pread(pagemap, entries.data(), want * 8, static_cast<off_t>(page * 8));
    if (got < 8) return false;
    const u64 count = static_cast<u64>(got) / 8;
    take(page * kPage, std::span<const u64>(entries.data(), count));
    page += count;
  }
  return true;
}

UniqueFd OpenPagemap(u32 pid) {
  return UniqueFd(open(("/proc/" + std::to_string(pid) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC));
}

Status NoPagemap(u32 pid) {
  return Status(Code::kPermission,
                "cannot read the page table of process " + std::to_string(pid) + ": " + std::strerror(errno),
                "sudo unleak diagnose " + std::to_string(pid));
}

// The first element of `ranges` that ends behind `address`.
template <class Range>
const Range* FirstBehind(const std::vector<Range>& ranges, u64 address) {
  const auto it =
      std::upper_bound(ranges.begin(), ranges.end(), address, [](u64 a, const Range& range) { return a < range.end; });
  return it == ranges.end() ? nullptr : &*it;
}

}  // namespace

void MemoryCopy::Free() {
  if (room_) munmap(room_, room_bytes_);
  room_ = nullptr;
}

Status MemoryCopy::Reserve(const std::vector<Mapping>& maps) {
  const u64 mapped = Mapped(maps);
  if (mapped > kMaxMapped) {
    return Status(Code::kUnsupported,
                  "process " + std::to_string(pid_) + " has " + std::to_string(mapped >> 30) +
                      " GiB of writable address space, more than can be copied while it stands still");
  }
  const UniqueFd pagemap = OpenPagemap(pid_);
  if (!pagemap.valid()) return NoPagemap(pid_);
  u64 there = 0;
  for (const Mapping& m : maps) {
    if (!IsCopied(m)) continue;
    EachEntry(pagemap.get(), m, [&](u64, std::span<const u64> entries) {
      there += static_cast<u64>(
          std::count_if(entries.begin(), entries.end(), [](u64 e) { return (e & kPresentOrSwapped) != 0; }));
    });
  }
  constexpr u64 kSlack = u64{8} << 20;
  Free();
  room_bytes_ = there * kPage + there * kPage / 8 + kSlack;
  void* room = mmap(nullptr, room_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    return Status(Code::kExhausted, "no memory for a copy of " + std::to_string(room_bytes_ >> 20) + " MiB");
  room_ = static_cast<u8*>(room);
  for (u64 at = 0; at < there * kPage + kSlack; at += kPage) room_[at] = 0;
  return Status::Ok();
}

Status MemoryCopy::Take(const std::vector<Mapping>& maps, u64 deadline_ns) {
  runs_.clear();
  areas_.clear();
  used_ = 0;
  if (Mapped(maps) > kMaxMapped)
    return Status(Code::kExhausted, "process " + std::to_string(pid_) + " grew while it was looked at");
  const UniqueFd pagemap = OpenPagemap(pid_);
  if (!pagemap.valid()) return NoPagemap(pid_);
  for (const Mapping& m : maps) {
    if (IsCopied(m)) UNLEAK_RETURN_IF_ERROR(FindRuns(pagemap.get(), m));
  }
  return CopyRuns(deadline_ns);
}

Status MemoryCopy::FindRuns(int pagemap, const Mapping& mapping) {
  if (IsAnonymous(mapping)) areas_.push_back({mapping.start, mapping.end});
  const bool read = EachEntry(pagemap, mapping, [&](u64 address, std::span<const u64> entries) {
    for (u64 entry : entries) {
      if (entry & kPresentOrSwapped) {
        // Of kPiece at most: what a failed read loses, and what is copied between two looks at the clock.
        if (runs_.empty() || runs_.back().end != address || runs_.back().end - runs_.back().start >= kPiece) {
          runs_.push_back({address, address, used_});
        }
        runs_.back().end += kPage;
        used_ += kPage;
      }
      address += kPage;
    }
  });
  if (!read) return NoPagemap(pid_);
  if (used_ > room_bytes_)
    return Status(Code::kExhausted, "process " + std::to_string(pid_) + " grew while it was looked at");
  return Status::Ok();
}

Status MemoryCopy::CopyRuns(u64 deadline_ns) {
  std::vector<ReadRequest> requests;
  for (const Run& run : runs_) requests.push_back({run.start, room_ + run.at, run.end - run.start, false});
  for (size_t first = 0; first < requests.size();) {
    if (NowNs() > deadline_ns) {
      return Status(Code::kExhausted,
                    "copying process " + std::to_string(pid_) +
                        " took longer than --max-pause: " + std::to_string(used_ >> 20) + " MiB were to be copied",
                    "a longer --max-pause, or try again when the machine is less busy");
    }
    size_t end = first;
    for (u64 bytes = 0; end < requests.size() && bytes < kPiece; ++end) bytes += requests[end].size;
    live_.ReadMany(std::span(requests).subspan(first, end - first));
    first = end;
  }
  size_t kept = 0;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (requests[i].ok) runs_[kept++] = runs_[i];
  }
  runs_.resize(kept);
  return Status::Ok();
}

void MemoryCopy::ReadMany(std::span<ReadRequest> requests) {
  for (ReadRequest& request : requests) ReadOne(&request);
}

// From the pieces that a request covers, one after the other.
void MemoryCopy::ReadOne(ReadRequest* request) {
  u8* out = static_cast<u8*>(request->buffer);
  u64 address = request->address, left = request->size;
  request->ok = false;
  if (address + left < address) return;
  while (left) {
    const Run* run = FirstBehind(runs_, address);
    const Area* area = FirstBehind(areas_, address);
    u64 size = left;
    if (run && run->start <= address) {
      size = std::min(left, run->end - address);
      std::memcpy(out, room_ + run->at + (address - run->start), size);
    } else {
      if (run) size = std::min(size, run->start - address);
      if (area && area->start <= address) {
        size = std::min(size, area->end - address);
        std::memset(out, 0, size);
      } else {
        if (area) size = std::min(size, area->start - address);
        if (!live_.Read(address, out, size)) return;
      }
    }
    out += size;
    address += size;
    left -= size;
  }
  request->ok = true;
}

}  // namespace unleak::capture
