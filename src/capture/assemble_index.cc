#include "capture/assemble_index.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace unleak::capture {
namespace {

void* Zeroed(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  return at;
}

constexpr size_t kLeaves = size_t{1} << (47 - 26);

}  // namespace

AddressIndex::AddressIndex() : leaves_(static_cast<Leaf**>(Zeroed(kLeaves * sizeof(Leaf*)))) {}

AddressIndex::~AddressIndex() {
  for (u32 number : used_) munmap(leaves_[number], sizeof(Leaf));
  munmap(leaves_, kLeaves * sizeof(Leaf*));
}

AddressIndex::Leaf* AddressIndex::NewLeaf(u64 number) {
  used_.push_back(static_cast<u32>(number));
  return static_cast<Leaf*>(Zeroed(sizeof(Leaf)));
}

u32 AddressIndex::Seal() {
  u32 count = 0;
  std::sort(used_.begin(), used_.end());
  for (u32 number : used_) {
    for (Entry& entry : leaves_[number]->entries) {
      if (!entry.bits) continue;  // not written, so pages without objects stay unmapped
      entry.before = count;
      count += Count(entry.bits);
    }
  }
  return count;
}

}  // namespace unleak::capture
