#include "capture/walker_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "walker/blob.h"

namespace unleak::capture {
namespace {

constexpr u64 kSharedBytes = UNLEAK_CONTEXT_BYTES + u64{UNLEAK_RING_SLOTS} * UNLEAK_SLOT_BYTES;
static_assert(sizeof(unleak_context) <= UNLEAK_CONTEXT_BYTES);

constexpr u64 kTypeSlots = 1 << 18;
constexpr u64 kTopBytes = 1 << 20;         // of the bitmap: a word per GiB of 47 bits
constexpr u64 kLeafBytes = 8 << 20;        // a bit for 16 bytes of a GiB
constexpr u64 kStackBytes = 1 << 20, kGuardBytes = 64 << 10;
constexpr u64 kPendingFloor = 64 << 20, kPendingMost = 1ull << 40;
constexpr std::size_t kMostGibs = 1 << 16;
constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// Memory of a process in use, resident or swapped out.
u64 UsedBytes(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  u64 kib = 0;
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmRSS:", 0) == 0 || line.rfind("VmSwap:", 0) == 0) kib += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
  return kib * 1024;
}

u64 PageUp(u64 bytes) { return (bytes + 4095) & ~4095ull; }

Status Refused(const std::string& what) {
  return Status(Code::kExhausted, "the copy of the process could not get " + what,
                "its address space may be limited (ulimit -v) or executable memory forbidden: use the reader");
}

}  // namespace

const unleak_blob_header& WalkerImage::header() { return *reinterpret_cast<const unleak_blob_header*>(kWalkerBlob); }

bool WalkerImage::InCode(u64 address) const { return address >= code_ && address < code_ + kWalkerBlobSize; }

const u64* WalkerImage::Slot(u64 number) const {
  const char* ring = reinterpret_cast<const char*>(context_) + UNLEAK_CONTEXT_BYTES;
  return reinterpret_cast<const u64*>(ring + number % UNLEAK_RING_SLOTS * UNLEAK_SLOT_BYTES);
}

WalkerImage::~WalkerImage() {
  if (context_) munmap(context_, kSharedBytes);
}

Result<std::unique_ptr<WalkerImage>> WalkerImage::Place(ClonedProcess& clone, const unleak_layout& layout,
                                                        const RuntimeAddresses& addresses, const Options& options) {
  if (!kWalkerBlobSize)
    return Status(Code::kUnsupported, "the walker exists for x86-64 only", "use the reader");
  std::unique_ptr<WalkerImage> image(new WalkerImage(clone));
  UNLEAK_RETURN_IF_ERROR(image->MapRing());
  UNLEAK_RETURN_IF_ERROR(image->MapPrivate());
  UNLEAK_RETURN_IF_ERROR(image->MapCode());
  image->FillContext(layout, addresses, options);
  return image;
}

// A memfd of the clone, mapped by both: nothing of the stream is copied out of it.
Status WalkerImage::MapRing() {
  const Mapping* named = nullptr;  // any zero-terminated string will do for its name
  for (const Mapping& m : clone_.maps())
    if (m.path == "[vdso]" || (!named && m.readable && !m.path.empty())) named = &m;
  long file = clone_.SystemCall(SYS_memfd_create, named ? named->start : 0, MFD_CLOEXEC);
  if (file < 0 || clone_.SystemCall(SYS_ftruncate, static_cast<u64>(file), kSharedBytes) < 0) return Refused("a memory file");
  shared_ = clone_.Map(kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  std::string path = "/proc/" + std::to_string(clone_.tid()) + "/fd/" + std::to_string(file);
  int own = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (!shared_ || own < 0) return Refused("shared memory");
  void* here = mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
  close(own);
  if (here == MAP_FAILED) return Refused("shared memory");
  context_ = static_cast<unleak_context*>(here);
  return Status::Ok();
}

// One reservation: type table, bitmap (leaves for the GiBs that have mappings, so that a missing leaf means that nothing
// is there), stack of pending objects, guard, stack. Only what is touched takes memory.
Status WalkerImage::MapPrivate() {
  std::set<u64> gibs;
  u64 writable = 0;
  for (const Mapping& m : clone_.maps()) {
    if (!m.readable || m.path == "[vsyscall]" || m.end >> 47) continue;
    for (u64 gib = m.start >> 30; gib <= (m.end - 1) >> 30; ++gib) gibs.insert(gib);
    if (m.writable) writable += m.end - m.start;
  }
  if (gibs.size() > kMostGibs) return Refused("a bitmap for " + std::to_string(gibs.size()) + " GiB of mappings");
  u64 table = PageUp(kTypeSlots * sizeof(unleak_type_entry));
  u64 pending = PageUp(std::min(writable / 2, kPendingMost) + kPendingFloor);
  u64 leaves = gibs.size() * kLeafBytes, total = table + kTopBytes + leaves + pending + kGuardBytes + kStackBytes;
  types_ = clone_.Map(total, PROT_READ | PROT_WRITE, kPrivate);
  if (!types_) return Refused("memory for the walker");
  bitmap_top_ = types_ + table;
  pending_ = bitmap_top_ + kTopBytes + leaves;
  pending_end_ = pending_ + pending;
  stack_top_ = types_ + total - 64;
  clone_.SystemCall(SYS_mprotect, pending_end_, kGuardBytes, PROT_NONE);
  u64 leaf = bitmap_top_ + kTopBytes;
  for (u64 gib : gibs) {
    if (!clone_.memory().Write(bitmap_top_ + gib * 8, &leaf, sizeof leaf)) return Refused("memory for the walker");
    leaf += kLeafBytes;
  }
  return Status::Ok();
}

// Read and execute, never writable: the code is written through /proc/PID/mem.
Status WalkerImage::MapCode() {
  code_ = clone_.Map(PageUp(kWalkerBlobSize), PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
  if (!code_ || !clone_.memory().Write(code_, kWalkerBlob, kWalkerBlobSize)) return Refused("executable memory");
  return Status::Ok();
}

void WalkerImage::FillContext(const unleak_layout& layout, const RuntimeAddresses& addresses, const Options& options) {
  unleak_context& c = *context_;
  c.magic = UNLEAK_BLOB_MAGIC;
  c.layout = layout;
  c.runtime = addresses.runtime;
  c.bitmap_top = bitmap_top_;
  c.types = types_;
  c.type_mask = kTypeSlots - 1;
  c.pending = pending_;
  c.pending_end = pending_end_;
  c.ring = shared_ + UNLEAK_CONTEXT_BYTES;
  c.out = c.ring;
  c.out_end = c.ring + UNLEAK_SLOT_BYTES;
  c.edge_limit = UsedBytes(clone_.tid()) / 8 + (1 << 20);  // no object holds more than there is memory for
  c.conservative = options.conservative;
  c.labels = options.labels;
  c.blocks = options.blocks;
}

Status WalkerImage::ListObjects(const std::vector<u64>& addresses) {
  const u64 bytes = addresses.size() * sizeof(u64);
  const u64 list = clone_.Map(PageUp(bytes), PROT_READ | PROT_WRITE, kPrivate);
  if (!list || !clone_.memory().Write(list, addresses.data(), bytes))
    return Refused("memory for the list of its objects");
  context_->tracked = list;
  context_->tracked_end = list + bytes;
  return Status::Ok();
}

std::vector<unleak_type_entry> WalkerImage::ReadTypes() const {
  constexpr size_t kPiece = 1024;  // a hash table of which little is used: not worth megabytes of fresh memory
  std::vector<unleak_type_entry> piece(kPiece), types(std::min<u64>(context_->type_count, kTypeSlots));
  for (size_t first = 0; first < kTypeSlots; first += kPiece) {
    if (!clone_.memory().Read(types_ + first * sizeof piece[0], piece.data(), kPiece * sizeof piece[0])) continue;
    for (const unleak_type_entry& entry : piece)
      if (entry.address && entry.index < types.size()) types[entry.index] = entry;
  }
  return types;
}

}  // namespace unleak::capture
