// Tables of how functions find their callers (elf/call_frames.h), and stacks that are followed by them
// (capture/unwind.h). An input is a table as linkers write it (.eh_frame_hdr, then .eh_frame), then a stack.
#include <elf.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "capture/unwind.h"
#include "elf/call_frames.h"
#include "elf/image.h"

namespace {

using unleak::i32;
using unleak::i64;
using unleak::u64;
using unleak::u8;
using unleak::capture::CallSample;
using unleak::capture::StackFrame;
using unleak::elf::CallFrames;
using unleak::elf::FrameRule;
using unleak::elf::Image;

constexpr u64 kAddress = 0x10000000, kStackBytes = 512;
constexpr size_t kHeader = 12, kRow = 8, kMostRows = 5;

void Hold(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// An object of one segment, which is the table.
class Object : public unleak::elf::Source {
 public:
  explicit Object(std::span<const u8> table) {
    Elf64_Ehdr head = {};
    std::memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64, head.e_ident[EI_DATA] = ELFDATA2LSB, head.e_ident[EI_VERSION] = EV_CURRENT;
    head.e_type = ET_DYN, head.e_machine = EM_X86_64, head.e_version = EV_CURRENT;
    head.e_ehsize = sizeof head, head.e_phoff = sizeof head, head.e_phentsize = sizeof(Elf64_Phdr), head.e_phnum = 2;
    Elf64_Phdr segments[2] = {};
    for (Elf64_Phdr& segment : segments) {
      segment.p_offset = sizeof head + sizeof segments;
      segment.p_vaddr = segment.p_paddr = kAddress;
      segment.p_filesz = segment.p_memsz = table.size();
      segment.p_flags = PF_R;
    }
    segments[0].p_type = PT_LOAD, segments[1].p_type = PT_GNU_EH_FRAME;
    bytes_.resize(sizeof head + sizeof segments);
    std::memcpy(bytes_.data(), &head, sizeof head);
    std::memcpy(bytes_.data() + sizeof head, segments, sizeof segments);
    bytes_.insert(bytes_.end(), table.begin(), table.end());
  }
  bool ReadAt(u64 offset, std::span<u8> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return false;
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return true;
  }

 private:
  std::vector<u8> bytes_;
};

std::set<u64> Addresses(std::span<const u8> table) {
  std::set<u64> addresses = {0, kAddress, ~u64{0}};
  for (size_t row = 0; row < kMostRows && kHeader + kRow * (row + 1) <= table.size(); ++row) {
    i32 begin;
    std::memcpy(&begin, table.data() + kHeader + kRow * row, sizeof begin);
    for (const u64 more : {0, 5, 40}) addresses.insert(kAddress + static_cast<u64>(i64{begin}) + more);
  }
  return addresses;
}

void CheckRule(const std::optional<FrameRule>& rule, u64 address) {
  if (!rule) return;
  Hold(rule->function <= address, "a function that begins behind its code");
  Hold(!rule->known || rule->base < unleak::elf::kDwarfReturn, "a register that there is not");
}

void CheckStack(const CallFrames& frames, std::span<const u8> stack, u64 running) {
  CallSample sample;
  for (u64& reg : sample.registers) reg = kAddress + 64;
  sample.registers[unleak::capture::kRsp] = kAddress;
  sample.stack = stack;
  unleak::capture::Unwinder unwinder([&](u64 address) { return frames.RuleAt(address); });
  const std::vector<StackFrame> all = unwinder.Unwind(sample, running);
  Hold(!all.empty() && all.size() <= 96, "a wrong number of frames");
  for (size_t i = 0; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    Hold(last == (all[i].end == 0), "a frame without an end");
    if (last) continue;
    Hold(all[i].stack <= all[i].end, "a frame that ends before it begins");
    Hold(all[i].end - kAddress + sizeof(u64) <= stack.size(), "a frame outside of the sample");
    Hold(all[i + 1].stack == all[i].end + sizeof(u64), "frames with a gap");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::span<const u8> input(data, size);
  const std::span<const u8> stack = input.last(std::min<size_t>(size, kStackBytes));
  auto image = Image::OpenFile(std::make_shared<Object>(input));
  Hold(image.ok(), "the object was refused");
  const CallFrames frames(*image);
  for (u64 address : Addresses(input)) {
    CheckRule(frames.RuleAt(address), address);
    CheckStack(frames, stack, address);
  }
  return 0;
}
