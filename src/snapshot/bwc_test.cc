// Files of earlier versions must open for ever, and docs/format.md must show the bytes that are there.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <string>

#include "snapshot/file.h"
#include "tests/support/columns_equal.h"
#include "tests/support/heap_text.h"

namespace unleak::snapshot {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(std::string(UNLEAK_SOURCE_DIR "/") + path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(Compatibility, FilesOf01HoldWhatTheyHeld) {
  auto looks = testing::ParseHeapText(Slurp("tests/bwc/0.1/tiny.heap"));
  ASSERT_TRUE(looks.ok()) << looks.status().message();
  for (const char* name : {"tiny.raw.unleak", "tiny.zstd.unleak"}) {
    Result<Columns> read = ReadFile(std::string(UNLEAK_SOURCE_DIR "/tests/bwc/0.1/") + name);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(testing::ColumnsDifference(*read, looks->front().columns), "") << name;
  }
}

TEST(Compatibility, TheExampleInTheDocumentationIsInTheFile) {
  const std::string file = Slurp("tests/bwc/0.1/tiny.raw.unleak"), text = Slurp("docs/format.md");
  const std::regex line("(?:^|\n)([0-9a-f]{8}) ((?: [0-9a-f]{2})+)");
  int lines = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it, ++lines) {
    std::size_t at = std::stoul((*it)[1], nullptr, 16);
    const std::string bytes = (*it)[2];
    for (std::size_t i = 1; i < bytes.size(); i += 3, ++at) {
      ASSERT_LT(at, file.size());
      EXPECT_EQ(std::stoul(bytes.substr(i, 2), nullptr, 16), static_cast<unsigned char>(file[at])) << "byte " << at;
    }
  }
  EXPECT_GT(lines, 20);
}

}  // namespace
}  // namespace unleak::snapshot
