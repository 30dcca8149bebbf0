// Instructions that count references, as compilers write them.
#include "capture/written_value.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "capture/call_events.h"

namespace unleak::capture {
namespace {

constexpr u64 kObject = 0x7f0000001000;
constexpr u64 kNext = 0x555555554100;  // the instruction after

class WrittenValueTest : public ::testing::Test {
 protected:
  // `code` after bytes of other instructions.
  WrittenValue Decode(std::vector<u8> code) {
    std::vector<u8> bytes(16 - code.size(), 0x90);
    bytes.insert(bytes.end(), code.begin(), code.end());
    return DecodeWrite(bytes, kNext, registers_, kObject);
  }
  std::array<u64, kRegisters> registers_{};
};

TEST_F(WrittenValueTest, AddsAndTakesInMemory) {
  registers_[kRdi] = kObject;
  registers_[8] = kObject - 0x10;
  EXPECT_EQ(Decode({0x48, 0x83, 0x07, 0x01}).change, 1);   // addq $1,(%rdi)
  EXPECT_EQ(Decode({0x83, 0x07, 0x01}).change, 1);         // addl $1,(%rdi)
  EXPECT_EQ(Decode({0x48, 0x83, 0x2f, 0x01}).change, -1);  // subq $1,(%rdi)
  EXPECT_EQ(Decode({0x48, 0x83, 0x07, 0xff}).change, -1);  // addq $-1,(%rdi)
  EXPECT_EQ(Decode({0x48, 0xff, 0x07}).change, 1);         // incq (%rdi)
  EXPECT_EQ(Decode({0x49, 0xff, 0x48, 0x10}).change, -1);  // decq 0x10(%r8)
  EXPECT_EQ(Decode({0xf0, 0x48, 0xff, 0x0f}).change, -1);  // lock decq (%rdi)
  EXPECT_EQ(Decode({0x48, 0x83, 0x07, 0x01}).kind, WrittenValue::kAdded);
}

TEST_F(WrittenValueTest, StoresARegister) {
  registers_[kRbx] = kObject;
  registers_[kRax] = 0xffffffff00000007;
  registers_[13] = 0x7f0000002000;
  const WrittenValue half = Decode({0x89, 0x03});  // mov %eax,(%rbx)
  EXPECT_EQ(half.kind, WrittenValue::kStored);
  EXPECT_EQ(half.value, 7u);
  EXPECT_EQ(Decode({0x4c, 0x89, 0x2b}).value, 0x7f0000002000u);  // mov %r13,(%rbx): all of it, not its lower half
}

TEST_F(WrittenValueTest, SetsWhenAnObjectIsMade) {
  registers_[kRax] = kObject - 0x10;
  const WrittenValue one = Decode({0x48, 0xc7, 0x40, 0x10, 1, 0, 0, 0});  // movq $1,0x10(%rax)
  EXPECT_EQ(one.kind, WrittenValue::kSet);
  EXPECT_EQ(one.value, 1u);
  EXPECT_EQ(Decode({0x0f, 0x11, 0x40, 0x10}).kind, WrittenValue::kSet);  // movups %xmm0,0x10(%rax)
}

TEST_F(WrittenValueTest, FindsOperandsOfEachForm) {
  registers_[kRsp] = kObject - 8;
  registers_[kRcx] = (kObject - 0x100) / 8;
  EXPECT_EQ(Decode({0x48, 0xff, 0x44, 0x24, 0x08}).change, 1);                    // incq 8(%rsp)
  EXPECT_EQ(Decode({0x48, 0xff, 0x04, 0xcd, 0x00, 0x01, 0x00, 0x00}).change, 1);  // incq 0x100(,%rcx,8)
  const std::array<u64, kRegisters> none{};
  const std::vector<u8> relative = {0x90, 0x48, 0x83, 0x05, 0x00, 0x10, 0x00, 0x00, 0x01};  // addq $1,0x1000(%rip)
  EXPECT_EQ(DecodeWrite(relative, kNext, none, kNext + 0x1000).change, 1);
}

TEST_F(WrittenValueTest, SaysNothingOfAnotherWord) {
  registers_[kRdi] = kObject + 8;
  EXPECT_EQ(Decode({0x48, 0x83, 0x07, 0x01}).kind, WrittenValue::kUnknown);
  EXPECT_EQ(Decode({0x48, 0x87, 0x47, 0xf8}).kind, WrittenValue::kUnknown);  // xchg %rax,-8(%rdi): a form not known
  EXPECT_EQ(DecodeWrite({}, kNext, registers_, kObject).kind, WrittenValue::kUnknown);
  for (int byte = 0; byte < 256; ++byte)
    static_cast<void>(Decode(std::vector<u8>(12, static_cast<u8>(byte))));  // any bytes are safe to give
}

}  // namespace
}  // namespace unleak::capture
