#include "capture/arch/x86_64/interpreter.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>

namespace unleak::capture::arch {
namespace {

constexpr u64 kSteps = 1 << 22;

u64 AddressOf(const void* place) { return reinterpret_cast<u64>(place); }  // NOLINT
template <class R, class... A>
u64 AddressOf(R (*function)(A...)) {
  return reinterpret_cast<u64>(function);  // NOLINT
}

// Functions of this program, as the compiler made them, run by the processor and by the interpreter.
class InterpreterTest : public testing::Test {
 protected:
  Ended Call(u64 function, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0) {
    interpreter_.set_thread_pointer(AddressOf(__builtin_thread_pointer()));
    return interpreter_.Call(function, a0, a1, a2, kSteps, hook_);
  }
  // The program has changed since the last call.
  void Forget() {
    cache_ = std::make_unique<PageCache>(own_);
    memory_ = std::make_unique<ScratchMemory>(*cache_);
    interpreter_ = Interpreter(*memory_);
  }

  RemoteMemory own_{static_cast<u32>(getpid())};
  std::unique_ptr<PageCache> cache_ = std::make_unique<PageCache>(own_);
  std::unique_ptr<ScratchMemory> memory_ = std::make_unique<ScratchMemory>(*cache_);
  Interpreter interpreter_{*memory_};
  Interpreter::Hook hook_ = [](u64, u64) { return u64{0}; };
};

// By bytes in memory: what the interpreter supports must not depend on what a compiler chooses today.
class MachineCode {
 public:
  MachineCode(std::initializer_list<u8> bytes) {  // NOLINT(google-explicit-constructor)
    page_ = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(page_, bytes.begin(), bytes.size());
    mprotect(page_, 4096, PROT_READ | PROT_EXEC);
  }
  ~MachineCode() { munmap(page_, 4096); }
  MachineCode(const MachineCode&) = delete;
  MachineCode& operator=(const MachineCode&) = delete;
  u64 address() const { return AddressOf(page_); }
  u64 Run(u64 a, u64 b) const { return reinterpret_cast<u64 (*)(u64, u64)>(page_)(a, b); }  // NOLINT

 private:
  void* page_;
};

[[gnu::noinline]] u64 Mix(u64 a, u64 b) {
  u64 h = a ^ b * 0x9E3779B97F4A7C15u;
  for (u64 i = 0; i < (b & 63) + 3; ++i) {
    h = (h << (i & 31)) ^ (h >> 7) ^ (static_cast<u64>(static_cast<i64>(a) >> (i & 15)));
    switch (h % 11) {
      case 0:
        h += static_cast<u64>(static_cast<i32>(a)) / ((b | 1) & 0xffff);
        break;
      case 1:
        h -= static_cast<u64>(static_cast<i64>(b) % 1237);
        break;
      case 2:
        h = __builtin_bswap64(h) + static_cast<u64>(__builtin_popcountll(a));
        break;
      case 3:
        h ^= static_cast<u64>(__builtin_ctzll(h | 1)) << 9;
        break;
      case 4:
        h += static_cast<u16>(a) * static_cast<std::int16_t>(b);
        break;
      case 5:
        h = static_cast<i64>(h) < static_cast<i64>(b) ? h + 3 : h * 5;
        break;
      case 6:
        h = h < b ? ~h : h - (h > a ? 1 : 0);
        break;
      case 7:
        h ^= static_cast<u64>((__extension__(unsigned __int128){a} * b) >> 64);
        break;
      case 8:
        h += static_cast<u8>(h) + static_cast<std::int8_t>(a);
        break;
      case 9:
        h = (h >> (b & 63)) | (h << ((64 - (b & 63)) & 63));
        break;
      default:
        h |= 1;
        break;
    }
  }
  return h;
}

TEST_F(InterpreterTest, ComputesWhatTheProcessorComputes) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    u64 a = random() >> (random() & 63), b = random() >> (random() & 63);
    ASSERT_EQ(Call(AddressOf(Mix), a, b), Ended::kReturned) << std::hex << cache_->Word(interpreter_.instruction());
    ASSERT_EQ(interpreter_.result(), Mix(a, b)) << a << " " << b;
  }
}

// For each operation: mov rax, rdi; OP rax/eax/ax/al, rsi...; then the flags as bits by setcc are added.
TEST_F(InterpreterTest, FlagsAreThoseOfTheProcessor) {
  std::mt19937_64 random(11);
  for (u8 operation = 0; operation < 8; ++operation) {
    for (int size = 0; size < 4; ++size) {
      u8 form = static_cast<u8>(operation << 3 | (size == 0 ? 0 : 1));  // OP rax, rsi
      u8 prefix = size == 3 ? 0x48 : size == 1 ? 0x66 : size == 0 ? 0x40 : 0x90;
      MachineCode code = {
          0x48, 0x89, 0xf8, 0xf8, prefix, form, 0xf0,                                // mov rax, rdi; clc; op
          0x0f, 0x92, 0xc1, 0x0f, 0x90,   0xc2, 0x40, 0x0f, 0x98, 0xc6,              // setc cl; seto dl; sets sil
          0x40, 0x0f, 0x94, 0xc7, 0x0f,   0xb6, 0xc9, 0x0f, 0xb6, 0xd2,              // setz dil; movzx ecx, cl; edx, dl
          0x40, 0x0f, 0xb6, 0xf6, 0x40,   0x0f, 0xb6, 0xff,                          // movzx esi, sil; edi, dil
          0x48, 0x6b, 0xc0, 0x11, 0x48,   0x8d, 0x04, 0x48, 0x48, 0x8d, 0x04, 0x90,  // imul 17; lea
          0x48, 0x8d, 0x04, 0xf0, 0x48,   0x01, 0xf8, 0xc3};
      Forget();
      for (int i = 0; i < 200; ++i) {
        u64 a = random() >> (random() & 63), b = i % 5 == 0 ? a : random() >> (random() & 63);
        ASSERT_EQ(Call(code.address(), a, b), Ended::kReturned);
        ASSERT_EQ(interpreter_.result(), code.Run(a, b)) << int{operation} << " size " << size << " " << a << " " << b;
      }
    }
  }
}

struct Wide {
  u64 words[8];
};
[[gnu::noinline]] u64 CopyAround(const Wide* from, u64 index) {
  Wide copy = *from, other{};
  other.words[index & 7] = copy.words[(index + 1) & 7];
  Wide third = other;
  u64 sum = 0;
  for (u64 word : third.words) sum = sum * 31 + word;
  for (u64 word : copy.words) sum = sum * 33 ^ word;
  return sum;
}

TEST_F(InterpreterTest, CopiesStructures) {
  Wide wide{{1, 2, 3, 4, 5, 6, 7, ~u64{0}}};
  for (u64 i = 0; i < 8; ++i) {
    ASSERT_EQ(Call(AddressOf(CopyAround), AddressOf(&wide), i), Ended::kReturned)
        << std::hex << cache_->Word(interpreter_.instruction());
    EXPECT_EQ(interpreter_.result(), CopyAround(&wide, i));
  }
}

u64 g_shared = 5;
[[gnu::noinline]] u64 Change(u64 value) {
  __atomic_fetch_add(&g_shared, value, __ATOMIC_SEQ_CST);
  u64 expected = 5 + value;
  __atomic_compare_exchange_n(&g_shared, &expected, 77, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return g_shared;
}

TEST_F(InterpreterTest, NothingIsWrittenToTheProcess) {
  ASSERT_EQ(Call(AddressOf(Change), 9), Ended::kReturned);
  EXPECT_EQ(interpreter_.result(), 77u);
  EXPECT_EQ(g_shared, 5u);
  memory_->Reset();
  ASSERT_EQ(Call(AddressOf(Change), 1), Ended::kReturned);
  EXPECT_EQ(interpreter_.result(), 77u);
}

[[gnu::noinline]] u64 VisitAll(const Wide* wide, u64 (*visit)(u64, u64), u64 argument) {
  for (u64 word : wide->words) {
    if (u64 stop = visit(word, argument); stop != 0) return stop;
  }
  return 0;
}

TEST_F(InterpreterTest, CallsBack) {
  Wide wide{{1, 2, 3, 4, 5, 6, 7, 8}};
  std::vector<u64> seen;
  hook_ = [&](u64 word, u64 argument) {
    seen.push_back(word + argument);
    return word == 6 ? 99 : u64{0};
  };
  ASSERT_EQ(Call(AddressOf(VisitAll), AddressOf(&wide), Interpreter::kHook, 10), Ended::kReturned);
  EXPECT_EQ(interpreter_.result(), 99u);
  EXPECT_EQ(seen, (std::vector<u64>{11, 12, 13, 14, 15, 16}));
}

TEST_F(InterpreterTest, BadCodeEnds) {
  EXPECT_EQ(Call(0), Ended::kMemory);
  EXPECT_EQ(Call(~u64{0} - 3), Ended::kMemory);
  u64 gone = MachineCode{0xeb, 0xfe}.address();
  EXPECT_EQ(Call(gone), Ended::kMemory);
  MachineCode loop = {0xeb, 0xfe}, call = {0x0f, 0x05, 0xc3}, trap = {0x0f, 0x0b},
              null = {0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3};
  MachineCode recursion = {0xe8, 0xfb, 0xff, 0xff, 0xff, 0xc3};
  Forget();
  EXPECT_EQ(Call(loop.address()), Ended::kSteps);
  EXPECT_EQ(Call(call.address()), Ended::kSystemCall);
  EXPECT_EQ(Call(trap.address()), Ended::kInstruction);
  EXPECT_EQ(Call(null.address()), Ended::kMemory);
  EXPECT_EQ(Call(recursion.address()), Ended::kMemory);
}

TEST_F(InterpreterTest, RandomBytesEnd) {
  std::mt19937_64 random(3);
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 512; ++i) static_cast<u64*>(page)[i] = random();
    PageCache cache(own_);
    ScratchMemory memory(cache);
    Interpreter interpreter(memory);
    for (u64 at = 0; at < 64; ++at)
      EXPECT_NE(interpreter.Call(AddressOf(page) + at, random(), AddressOf(page), 3, 10000, hook_), Ended::kRunning);
  }
  munmap(page, 4096);
}

TEST_F(InterpreterTest, LibraryFunctionsAreDoneHere) {
  MachineCode jump = {0xff, 0xe2};  // jmp rdx
  interpreter_.Replace(0x1000, Interpreter::Library::kStrcmp);
  interpreter_.Replace(0x2000, Interpreter::Library::kStrlen);
  const char *a = "abc", *b = "abd";
  ASSERT_EQ(Call(jump.address(), AddressOf(a), AddressOf(b), 0x1000), Ended::kReturned);
  EXPECT_LT(static_cast<i32>(interpreter_.result()), 0);
  ASSERT_EQ(Call(jump.address(), AddressOf(b), 0, 0x2000), Ended::kReturned);
  EXPECT_EQ(interpreter_.result(), 3u);
  EXPECT_EQ(Call(jump.address(), 8, AddressOf(b), 0x1000), Ended::kMemory);
}

}  // namespace
}  // namespace unleak::capture::arch
