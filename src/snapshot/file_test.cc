// Snapshot files: what is written comes back, and nothing else is accepted.
#include "snapshot/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/crc32c.h"
#include "base/file.h"
#include "snapshot/format.h"
#include "tests/support/columns_equal.h"
#include "tests/support/sample_columns.h"

namespace unleak::snapshot {
namespace {

namespace fs = std::filesystem;
using testing::ColumnsDifference;
using testing::SampleColumns;

class FileTest : public ::testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "unleak-file-test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::vector<u8> Bytes(const Columns& columns) const {
    EXPECT_TRUE(WriteFile(columns, Path("bytes"), GetParam()).ok());
    std::ifstream in(Path("bytes"), std::ios::binary);
    return std::vector<u8>(std::istreambuf_iterator<char>(in), {});
  }
  fs::path folder_;
};

TEST_P(FileTest, EveryColumnComesBack) {
  Columns columns = SampleColumns(1000);
  ASSERT_TRUE(WriteFile(columns, Path("a.unleak"), GetParam()).ok());
  Result<Columns> read = ReadFile(Path("a.unleak"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ColumnsDifference(columns, *read), "");
}

TEST_P(FileTest, ColumnsOfManyBlocksComeBack) {
  Columns columns = SampleColumns(3 * kBlockRows + 17);
  ASSERT_TRUE(WriteFile(columns, Path("a.unleak"), GetParam()).ok());
  Result<Columns> read = ReadFile(Path("a.unleak"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ColumnsDifference(columns, *read), "");
}

TEST_P(FileTest, AnEmptySnapshotComesBack) {
  Columns columns;
  ASSERT_TRUE(WriteFile(columns, Path("a.unleak"), GetParam()).ok());
  Result<Columns> read = ReadFile(Path("a.unleak"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ColumnsDifference(columns, *read), "");
}

TEST_P(FileTest, GoesThroughAMemoryFile) {
  Columns columns = SampleColumns(1000);
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  ASSERT_TRUE(WriteFd(columns, fd.get(), GetParam()).ok());
  Result<Columns> read = ReadFd(fd.get());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ColumnsDifference(columns, *read), "");
}

TEST_P(FileTest, GoesThroughAPipe) {
  Columns columns = SampleColumns(50);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  ASSERT_GT(::fcntl(out.get(), F_SETPIPE_SZ, 1 << 20), 0);
  ASSERT_TRUE(WriteFd(columns, out.get(), GetParam()).ok());
  out.Close();
  Result<Columns> read = ReadFd(in.get());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ColumnsDifference(columns, *read), "");
}

TEST_P(FileTest, IsPrivateAndReplacesTheFileBefore) {
  std::ofstream(Path("a.unleak")) << "old";
  ASSERT_TRUE(WriteFile(SampleColumns(10), Path("a.unleak"), GetParam()).ok());
  struct stat info;
  ASSERT_EQ(::stat(Path("a.unleak").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(ReadFile(Path("a.unleak")).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_P(FileTest, AFullDiskIsReported) {
  UniqueFd full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full.valid());
  Status status = WriteFd(SampleColumns(1000), full.get(), GetParam());
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_NE(status.message().find("No space left"), std::string::npos) << status.message();
  EXPECT_NE(status.hint(), "");
}

TEST_P(FileTest, EveryTruncationIsAnError) {
  std::vector<u8> bytes = Bytes(SampleColumns(20));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Result<Columns> read = ReadBytes(std::span(bytes).first(size), "cut.unleak");
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.status().code(), Code::kCorrupt) << size;
    EXPECT_EQ(read.status().message().find("cut.unleak: "), 0u) << read.status().message();
    EXPECT_NE(read.status().message().find("byte"), std::string::npos) << read.status().message();
  }
}

TEST_P(FileTest, EveryFlippedBitThatMattersIsAnError) {
  Columns columns = SampleColumns(20);
  std::vector<u8> bytes = Bytes(columns);
  ASSERT_TRUE(ReadBytes(bytes, "whole.unleak").ok());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<u8>(bytes[at] ^ (1u << at % 8));
    Result<Columns> read = ReadBytes(bytes, "flipped.unleak");
    // Bytes between sections mean nothing: then all columns must still be there.
    if (read.ok()) EXPECT_EQ(ColumnsDifference(columns, *read), "") << at;
    bytes[at] = static_cast<u8>(bytes[at] ^ (1u << at % 8));
  }
}

INSTANTIATE_TEST_SUITE_P(Encodings, FileTest, ::testing::Values(Encoding::kRaw, Encoding::kZstd),
                         [](const auto& which) { return which.param == Encoding::kRaw ? "Raw" : "Zstd"; });

TEST(FileErrors, AForeignFileIsNamed) {
  const std::string text(100, 'x');
  Result<Columns> read = ReadBytes({reinterpret_cast<const u8*>(text.data()), text.size()}, "notes.txt");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().message(), "notes.txt: byte 0: not an unleak snapshot");
}

TEST(FileErrors, AMissingFileIsNotFound) {
  Result<Columns> read = ReadFile("/nonexistent/a.unleak");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().code(), Code::kNotFound);
}

TEST(FileErrors, AMissingFolderIsReported) {
  Status status = WriteFile(SampleColumns(1), "/nonexistent/a.unleak", Encoding::kZstd);
  EXPECT_EQ(status.code(), Code::kNotFound);
}

TEST(FileErrors, ADeviceIsNotReplaced) {
  Status status = WriteFile(SampleColumns(1), "/dev/null", Encoding::kZstd);
  EXPECT_EQ(status.code(), Code::kUsage);
}

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(Crc32c("123456789", 9), 0xe3069283u);
  EXPECT_EQ(Crc32c("6789", 4, Crc32c("12345", 5)), 0xe3069283u);
  EXPECT_EQ(Crc32c("", 0), 0u);
}

}  // namespace
}  // namespace unleak::snapshot
