#include "capture/native_memory.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <unordered_set>

#include "capture/arch/x86_64/registers.h"
#include "capture/proc_files.h"
#include "elf/image.h"

namespace unleak::capture {
namespace {

constexpr u64 kDescriptor = 4096;     // of thread-local variables and glibc's struct pthread, above its address
constexpr u64 kMostStack = 64 << 20;  // of one stack that is looked at
constexpr size_t kMostThreads = 1 << 17;
constexpr size_t kMostRanges = 1 << 16;  // of data: a forged image may have hundreds of segments, each of everything

class MemorySource final : public elf::Source {
 public:
  explicit MemorySource(Memory& memory) : memory_(memory) {}
  bool ReadAt(u64 offset, std::span<u8> out) const override { return memory_.Read(offset, out.data(), out.size()); }

 private:
  Memory& memory_;
};

// Adds what of [start, end) is private and writable.
void AddWritable(const std::vector<Mapping>& maps, u64 start, u64 end, const NativeRange& like,
                 std::vector<NativeRange>* out) {
  auto m = std::upper_bound(maps.begin(), maps.end(), start, [](u64 a, const Mapping& b) { return a < b.end; });
  for (; m != maps.end() && m->start < end && out->size() < kMostRanges; ++m) {
    if (!m->readable || !m->writable || m->shared) continue;
    NativeRange range = like;
    range.start = (std::max(start, m->start) + 7) & ~u64{7};
    range.end = std::min(end, m->end) & ~u64{7};
    if (range.start < range.end) out->push_back(range);
  }
}

// The stack pointer in "number arguments... stack-pointer program-counter", or in "-1 stack-pointer program-counter".
u64 StackPointerIn(const std::string& text) {
  size_t last = text.rfind(' ');
  if (last == std::string::npos || last == 0) return 0;
  size_t before = text.rfind(' ', last - 1);
  if (before == std::string::npos || text.compare(before + 1, 2, "0x") != 0) return 0;
  u64 value = 0;
  std::from_chars(text.data() + before + 3, text.data() + last, value, 16);
  return value;
}

}  // namespace

ThreadStack StackOfStopped(int tid) {
  arch::Registers r;
  return arch::GetRegisters(tid, &r) ? StackOf(tid, r) : ThreadStack{static_cast<u32>(tid), 0, {}};
}

ThreadStack StackOf(int tid, const arch::Registers& r) {
  return {static_cast<u32>(tid),
          r.rsp,
          {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15}};
}

void AddWaitingStacks(u32 pid, const std::string& proc_root, std::vector<ThreadStack>* known) {
  const std::string tasks = proc_root + "/" + std::to_string(pid) + "/task";
  std::unordered_set<u64> stopped;
  for (const ThreadStack& stack : *known) stopped.insert(stack.tid);
  for (u32 tid : NumericEntries(tasks)) {
    if (stopped.count(tid)) continue;
    if (known->size() >= kMostThreads) return;
    const auto text = ReadSmallFile(tasks + "/" + std::to_string(tid) + "/syscall");
    const u64 pointer = text.ok() ? StackPointerIn(*text) : 0;
    if (pointer != 0) known->push_back({tid, pointer, {}});
  }
}

std::vector<NativeRange> FindDataRanges(Memory& memory, const std::vector<Mapping>& maps) {
  std::vector<NativeRange> out;
  const auto source = std::make_shared<MemorySource>(memory);
  for (const Mapping& m : maps) {
    if (out.size() >= kMostRanges) break;
    if (!m.path.starts_with('/') || m.offset != 0 || !m.readable || m.shared) continue;
    const auto image = elf::Image::OpenMemory(source, m.start);
    if (!image.ok()) continue;
    NativeRange range;
    range.base = image->memory_bias();
    range.name = m.path.substr(m.path.rfind('/') + 1);
    for (const elf::Segment& segment : image->segments()) {
      if (segment.type != PT_LOAD || (segment.flags & PF_W) == 0) continue;
      const u64 start = range.base + segment.address, end = start + segment.memory_size;
      if (end > start) AddWritable(maps, start, end, range, &out);
    }
  }
  return out;
}

std::vector<NativeRange> FindStackRanges(const std::vector<ThreadStack>& stacks, const std::vector<Mapping>& maps,
                                         std::vector<u64> idents) {
  std::vector<NativeRange> out;
  std::sort(idents.begin(), idents.end());
  for (const ThreadStack& stack : stacks) {
    const Mapping* m = stack.pointer == 0 ? nullptr : FindMapping(maps, stack.pointer);
    if (m == nullptr || !m->writable) continue;
    u64 end = m->end;
    const auto ident = std::upper_bound(idents.begin(), idents.end(), stack.pointer);
    if (ident != idents.end() && *ident < end) end = std::min(end, *ident + kDescriptor);
    NativeRange range;
    range.kind = NativeRange::Kind::kStack;
    range.start = std::max(m->start, (stack.pointer - arch::kRedZone) & ~u64{7});
    range.end = std::min(end, range.start + kMostStack) & ~u64{7};
    range.tid = stack.tid;
    out.push_back(range);
  }
  return out;
}

}  // namespace unleak::capture
