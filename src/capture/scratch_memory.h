// Memory of another process as interpreted code sees it: what it writes goes to a copy of the page that only it sees,
// and its stack lies where no process has memory. Nothing is ever written to the process. Not thread safe.
#pragma once

#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "capture/page_cache.h"

namespace unleak::capture {

class ScratchMemory {
 public:
  static constexpr u64 kStackBase = u64{1} << 56, kStackBytes = u64{256} << 10;  // no canonical address
  static constexpr std::size_t kMaxPages = 4096;                                 // that code may write to

  explicit ScratchMemory(PageCache& below) : below_(below), stack_(kStackBytes) {}

  // All of `bytes` (at most 64) or false, and then nothing.
  bool Load(u64 address, void* out, u64 bytes) {
    if (address - kStackBase < kStackBytes) return LoadStack(address - kStackBase, out, bytes);
    if (changed_.empty() && kept_.empty()) return below_.Copy(address, out, bytes);
    u64 first = std::min(bytes, kPage - address % kPage);
    return LoadInPage(address, static_cast<u8*>(out), first) &&
           (first == bytes || LoadInPage(address + first, static_cast<u8*>(out) + first, bytes - first));
  }

  bool Store(u64 address, const void* data, u64 bytes) {
    if (address - kStackBase < kStackBytes) return StoreStack(address - kStackBase, data, bytes);
    u64 first = std::min(bytes, kPage - address % kPage);
    return StoreInPage(address, static_cast<const u8*>(data), first) &&
           (first == bytes || StoreInPage(address + first, static_cast<const u8*>(data) + first, bytes - first));
  }

  // What was written so far stays; Reset() goes back to here. The stack is of no call.
  void Keep() {
    for (auto& [page, bytes] : changed_) kept_[page] = bytes;
    changed_.clear();
  }
  void Reset() { changed_.clear(); }

 private:
  static constexpr u64 kPage = 4096;
  using Page = std::array<u8, kPage>;

  bool LoadStack(u64 at, void* out, u64 bytes) {
    if (bytes > kStackBytes - at) return false;
    std::memcpy(out, stack_.data() + at, bytes);
    return true;
  }
  bool StoreStack(u64 at, const void* data, u64 bytes) {
    if (bytes > kStackBytes - at) return false;
    std::memcpy(stack_.data() + at, data, bytes);
    return true;
  }
  const Page* Find(u64 page) const {
    if (auto it = changed_.find(page); it != changed_.end()) return &it->second;
    auto it = kept_.find(page);
    return it != kept_.end() ? &it->second : nullptr;
  }
  bool LoadInPage(u64 address, u8* out, u64 bytes) {
    const Page* page = Find(address / kPage);
    if (page == nullptr) return below_.Copy(address, out, bytes);
    std::memcpy(out, page->data() + address % kPage, bytes);
    return true;
  }
  bool StoreInPage(u64 address, const u8* data, u64 bytes) {
    u64 number = address / kPage;
    auto it = changed_.find(number);
    if (it == changed_.end()) {
      if (changed_.size() >= kMaxPages) return false;
      Page page;
      if (!LoadInPage(number * kPage, page.data(), kPage)) return false;
      it = changed_.emplace(number, page).first;
    }
    std::memcpy(it->second.data() + address % kPage, data, bytes);
    return true;
  }

  PageCache& below_;
  std::vector<u8> stack_;
  std::unordered_map<u64, Page> changed_, kept_;
};

}  // namespace unleak::capture
