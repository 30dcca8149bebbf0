#include "elf/image.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstring>

namespace unleak::elf {
namespace {

class BytesSource : public Source {
 public:
  explicit BytesSource(std::vector<u8> bytes) : bytes_(std::move(bytes)) {}
  bool ReadAt(u64 offset, std::span<u8> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return false;
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return true;
  }

 private:
  std::vector<u8> bytes_;
};

// This process's own memory, guarded by the kernel.
class OwnMemory : public Source {
 public:
  OwnMemory() : fd_(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}
  ~OwnMemory() override { close(fd_); }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;
  bool ReadAt(u64 offset, std::span<u8> out) const override {
    return pread(fd_, out.data(), out.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(out.size());
  }

 private:
  int fd_;
};

Result<Image> OpenPath(const char* path) {
  auto source = SourceOfFile(open(path, O_RDONLY | O_CLOEXEC));
  if (!source.ok()) return source.status();
  return Image::OpenFile(*source);
}

std::vector<u8> FileBytes(const char* path) {
  std::vector<u8> bytes;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  u8 buffer[65536];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) bytes.insert(bytes.end(), buffer, buffer + got);
  close(fd);
  return bytes;
}

u64 VdsoBase() { return getauxval(AT_SYSINFO_EHDR); }

TEST(Image, FindsSectionsAndBuildIdOfAFile) {
  auto image = OpenPath("/proc/self/exe");
  ASSERT_TRUE(image.ok()) << image.status().message();
  auto text = image->FindSection(".text");
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->type, static_cast<u32>(SHT_PROGBITS));
  EXPECT_GT(text->size, 0u);
  EXPECT_FALSE(image->FindSection(".tex").has_value());
  EXPECT_FALSE(image->FindSection(".text2").has_value());
}

TEST(Image, FindsDynamicSymbolsOfMappedVdso) {
  auto image = Image::OpenMemory(std::make_shared<OwnMemory>(), VdsoBase());
  ASSERT_TRUE(image.ok()) << image.status().message();
  auto symbol = image->FindDynamicSymbol("__vdso_clock_gettime");
  ASSERT_TRUE(symbol.has_value());
  u8 byte = 0;
  EXPECT_TRUE(image->ReadVirtual(symbol->address, &byte, 1));
  EXPECT_FALSE(image->FindDynamicSymbol("__vdso_clock_gettim").has_value());
  EXPECT_FALSE(image->BuildId().empty());
}

TEST(Image, LoadBiasFollowsTheSegmentThatHoldsTheOffset) {
  auto image = OpenPath("/proc/self/exe");
  ASSERT_TRUE(image.ok());
  for (const Segment& segment : image->segments()) {
    if (segment.type != PT_LOAD || segment.file_size == 0) continue;
    u64 page_offset = segment.offset & ~u64{4095};
    u64 start = (segment.address & ~u64{4095}) + 0x7000000000;
    EXPECT_EQ(image->LoadBias(start, page_offset), std::optional<u64>(0x7000000000));
  }
  EXPECT_FALSE(image->LoadBias(0x1000, u64{1} << 40).has_value());
}

TEST(Image, RefusesWhatIsNoElfObject) {
  EXPECT_EQ(Image::OpenFile(std::make_shared<BytesSource>(std::vector<u8>{1, 2, 3})).status().code(), Code::kCorrupt);
  std::vector<u8> elf32 = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB};
  elf32.resize(64);
  EXPECT_EQ(Image::OpenFile(std::make_shared<BytesSource>(elf32)).status().code(), Code::kUnsupported);
  EXPECT_EQ(SourceOfFile(open("/dev/null", O_RDONLY)).status().code(), Code::kUnsupported);
}

TEST(Image, DamagedFilesNeverReadOutsideOrLoop) {
  std::vector<u8> good = FileBytes("/bin/true");
  ASSERT_GT(good.size(), 4096u);
  u64 seed = 1;
  auto next = [&seed] { return seed = seed * 6364136223846793005ull + 1442695040888963407ull, seed >> 33; };
  for (int round = 0; round < 2000; ++round) {
    std::vector<u8> bad = good;
    for (int i = 0; i < 8; ++i) bad[next() % 2048] = static_cast<u8>(next());
    if (round % 3 == 0) bad.resize(next() % bad.size());
    auto image = Image::OpenFile(std::make_shared<BytesSource>(std::move(bad)));
    if (!image.ok()) continue;
    EXPECT_FALSE(image->FindSection("no_such_section_here").has_value());
    EXPECT_FALSE(image->FindDynamicSymbol("no_such_symbol_here").has_value());
    EXPECT_LE(image->BuildId().size(), 65536u);
  }
}

}  // namespace
}  // namespace unleak::elf
