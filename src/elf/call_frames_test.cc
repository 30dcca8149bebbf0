#include "elf/call_frames.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <cstring>

namespace unleak::elf {
namespace {

u64 OwnBias() {
  u64 bias = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        *static_cast<u64*>(out) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &bias);
  return bias;
}

Image Own() { return Image::OpenFile(SourceOfFile(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)).Take()).Take(); }

struct Moment {
  u64 instruction = 0, stack_pointer = 0, frame_pointer = 0, start = 0, back = 0;
};

// Where it runs, and what its caller is, by the compiler's own word.
__attribute__((noinline)) void Record(Moment* out) {
  asm volatile("lea (%%rip), %0; mov %%rsp, %1; mov %%rbp, %2"
               : "=r"(out->instruction), "=r"(out->stack_pointer), "=r"(out->frame_pointer));
  out->start = reinterpret_cast<u64>(__builtin_dwarf_cfa());
  std::memcpy(&out->back, reinterpret_cast<void*>(out->start - sizeof(u64)), sizeof(u64));
}

TEST(CallFrames, FindTheCallerOfThisVeryCode) {
  Moment now;
  Record(&now);
  const Image image = Own();
  const auto rule = CallFrames(image).RuleAt(now.instruction - OwnBias());
  ASSERT_TRUE(rule && rule->known);
  ASSERT_TRUE(rule->base == 7 || rule->base == 6);
  const u64 base = rule->base == 7 ? now.stack_pointer : now.frame_pointer;
  EXPECT_EQ(base + static_cast<u64>(rule->distance), now.start);
  EXPECT_EQ(rule->function, reinterpret_cast<u64>(&Record) - OwnBias());
  const FrameRule::Saved back = rule->registers[kDwarfReturn];
  ASSERT_EQ(back.kind, FrameRule::Saved::kAtOffset);
  EXPECT_EQ(back.offset, -8);
  const auto caller = CallFrames(image).RuleAt(now.back - 1 - OwnBias());
  ASSERT_TRUE(caller);  // the test that called
  EXPECT_NE(caller->function, rule->function);
}

TEST(CallFrames, FirstInstructionHasTheReturnAddressOnTop) {
  const Image image = Own();
  const auto rule = CallFrames(image).RuleAt(reinterpret_cast<u64>(&Record) - OwnBias());
  ASSERT_TRUE(rule && rule->known);
  EXPECT_EQ(rule->base, 7);  // the stack pointer
  EXPECT_EQ(rule->distance, 8);
}

TEST(CallFrames, NothingOfAddressesWithoutCode) {
  const Image image = Own();
  const CallFrames frames(image);
  EXPECT_FALSE(frames.RuleAt(0));
  EXPECT_FALSE(frames.RuleAt(~u64{0}));
}

// The program's file with bytes of its tables changed: whatever is found, it ends and stays in bounds.
class Damaged : public Source {
 public:
  Damaged(std::shared_ptr<const Source> source, u64 start, u64 end, u32 seed)
      : source_(std::move(source)), start_(start), end_(end), seed_(seed) {}
  bool ReadAt(u64 offset, std::span<u8> out) const override {
    if (!source_->ReadAt(offset, out)) return false;
    for (size_t i = 0; i < out.size(); ++i)
      if (offset + i >= start_ && offset + i < end_) {
        const u32 mixed = (static_cast<u32>(offset + i) ^ seed_) * 2654435761u;
        if (mixed >> 27 == 0) out[i] = static_cast<u8>(mixed >> 8);
      }
    return true;
  }

 private:
  std::shared_ptr<const Source> source_;
  u64 start_, end_;
  u32 seed_;
};

TEST(CallFrames, DamagedTablesAreBounded) {
  const std::shared_ptr<const Source> file = SourceOfFile(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)).Take();
  const Image whole = Own();
  const auto section = whole.FindSection(".eh_frame");
  ASSERT_TRUE(section);
  const u64 code = reinterpret_cast<u64>(&Record) - OwnBias();
  size_t found = 0;
  for (u32 seed = 0; seed < 64; ++seed) {
    auto image =
        Image::OpenFile(std::make_shared<Damaged>(file, section->offset, section->offset + section->size, seed));
    ASSERT_TRUE(image.ok());
    const CallFrames frames(*image);
    for (u64 offset = 0; offset < 0x4000; offset += 61) found += frames.RuleAt(code + offset).has_value();
  }
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace unleak::elf
