// A growing array of plain values for columns of many millions: own pages, grown in place by mremap. std::vector would
// copy everything at each growth and touch every page twice. Huge pages are not asked for: where the machine is a virtual
// one, cold ones were measured to cost three times what small pages do.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "base/types.h"

namespace unleak::capture {

// Makes the pages that lie in [at, at + bytes) present, ahead of writing to all of them: one call of the kernel instead of
// a fault for each page. Where the kernel cannot (before 5.14), the faults come.
inline void PopulatePages(void* at, size_t bytes) {
  constexpr std::uintptr_t kPage = 4096;   // of x86-64
  constexpr int kMadvPopulateWrite = 23;  // MADV_POPULATE_WRITE, which older headers do not know
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(at) + kPage - 1) & ~(kPage - 1);
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(at) + bytes) & ~(kPage - 1);
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, kMadvPopulateWrite);
}

template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  Array(Array&& other) noexcept { Swap(other); }
  Array& operator=(Array&& other) noexcept {
    Swap(other);
    return *this;
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { Release(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& back() { return data_[size_ - 1]; }

  void push_back(const T& value) {
    if (size_ == capacity_) [[unlikely]] Reserve(size_ + 1);
    data_[size_++] = value;
  }

  // Room for `count` more, so that Append() needs no test, in pages that are there.
  void Prepare(size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] Reserve(size_ + count);
    const size_t bytes = (size_ + count) * sizeof(T);
    if (bytes <= populated_) return;
    PopulatePages(reinterpret_cast<u8*>(data_) + populated_, bytes - populated_ + kPage - 1);
    populated_ = bytes;
  }
  void Append(const T& value) { data_[size_++] = value; }

  // New elements are zero bytes.
  void Resize(size_t count) {
    if (count > capacity_) Reserve(count);
    if (count > size_) std::memset(static_cast<void*>(data_ + size_), 0, (count - size_) * sizeof(T));
    size_ = count;
  }

  // The same for an array that never had elements: the kernel's pages are zero already, those not used stay unmapped.
  void ResizeFresh(size_t count) {
    if (count > 0) Reserve(count);
    size_ = count;
  }

  void Truncate(size_t count) { size_ = std::min(size_, count); }

  // Moves pages of this array, as many as both have, into memory of somebody else that is to be filled: a page that the
  // kernel clears costs more than all that is done with it afterwards. What [to, to + bytes) held is lost, and the array
  // loses as many of its last elements.
  void GivePages(void* to, size_t bytes) {
    const auto begin = (reinterpret_cast<std::uintptr_t>(to) + kPage - 1) & ~(kPage - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(to) + bytes) & ~(kPage - 1);
    ShrinkToFit();
    const size_t mapped = capacity_ * sizeof(T) + slack_;
    const size_t moved = begin < end ? std::min<size_t>(end - begin, mapped) : 0;
    if (moved == 0) return;
    SetMapped(mapped - moved);
    u8* from = reinterpret_cast<u8*>(data_) + (mapped - moved);
    void* target = reinterpret_cast<void*>(begin);
    if (mremap(from, moved, moved, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) {
      // The target may be unmapped by now; what was to be moved is not.
      munmap(from, moved);
      const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
      if (mmap(target, moved, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) throw std::bad_alloc();
    }
    if (capacity_ == 0 && slack_ == 0) data_ = nullptr;
  }

  void Release() {
    if (data_) munmap(data_, capacity_ * sizeof(T) + slack_);
    data_ = nullptr;
    size_ = capacity_ = slack_ = populated_ = 0;
  }

 private:
  static constexpr size_t kUnit = size_t{2} << 20;
  static constexpr size_t kPage = 4096;  // of x86-64

  void Swap(Array& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(slack_, other.slack_);
    std::swap(populated_, other.populated_);
  }

  void Reserve(size_t count) {
    const size_t want = std::max(count, capacity_ + capacity_ / 2) * sizeof(T);
    const size_t bytes = (want + kUnit - 1) / kUnit * kUnit;
    void* at = data_ ? mremap(data_, capacity_ * sizeof(T) + slack_, bytes, MREMAP_MAYMOVE)
                     : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();  // as std::vector does; the tool ends with a message
    data_ = static_cast<T*>(at);
    SetMapped(bytes);
  }

  // Gives back the pages behind the last element.
  void ShrinkToFit() {
    const size_t mapped = capacity_ * sizeof(T) + slack_;
    const size_t used = (size_ * sizeof(T) + kPage - 1) & ~(kPage - 1);
    if (used == 0) return Release();
    if (used < mapped) munmap(reinterpret_cast<u8*>(data_) + used, mapped - used);
    SetMapped(used);
  }

  void SetMapped(size_t bytes) {
    capacity_ = bytes / sizeof(T);
    slack_ = bytes - capacity_ * sizeof(T);
    size_ = std::min(size_, capacity_);
    populated_ = std::min(populated_, bytes);
  }

  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  size_t slack_ = 0;  // mapped bytes behind the last whole element
  size_t populated_ = 0;  // bytes from the start whose pages Prepare() has asked for
};

}  // namespace unleak::capture
