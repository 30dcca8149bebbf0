// The .heapsnapshot export; tests/interop compares retained sizes with another engine.
#include "export/heapsnapshot.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "export/json_sink.h"
#include "export/registry.h"
#include "tests/support/heap_text.h"

namespace unleak::exporting {
namespace {

namespace fs = std::filesystem;

class HeapSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "unleak-export-test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Export(const std::string& text) const {
    auto heap = graph::Heap::Build(unleak::testing::HeapOf(text).columns);
    EXPECT_TRUE(heap.ok()) << heap.status().message();
    const std::string path = (folder_ / "a.heapsnapshot").string();
    const Status status = WriteHeapSnapshot(*heap, path);
    EXPECT_TRUE(status.ok()) << status.message();
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  fs::path folder_;
};

TEST_F(HeapSnapshotTest, ObjectsHaveTheirTypeAsNameAndEdgesTheirLabel) {
  const std::string text = Export("root module m\nm: module { .L -> l }\nl: list { [0..] -> a[1..2] }\na[1..2]: app.Node size=72\n");
  for (const char* part : {"\"app.Node\"", "\"L\"", "\"module m\"", "\"(modules)\""}) EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_NE(text.find(",72,0,0,0"), std::string::npos);
}

TEST_F(HeapSnapshotTest, HugeObjectsAreSplitInto32BitSizes) {
  const std::string text = Export("root native -> b\nb: bytes size=9G\n");
  // 9 GiB = 2 * (2^32 - 1) + 1073741826
  EXPECT_NE(text.find(",4294967295,2,0,0"), std::string::npos);
  EXPECT_NE(text.find(",1073741826,0,0,0"), std::string::npos);
  EXPECT_NE(text.find("(rest of a huge object)"), std::string::npos);
}

TEST_F(HeapSnapshotTest, NothingIsLeftWhereItCannotBeWritten) {
  auto heap = graph::Heap::Build(unleak::testing::HeapOf("a: dict\n").columns);
  EXPECT_EQ(WriteHeapSnapshot(*heap, "/nonexistent/a.heapsnapshot").code(), Code::kNotFound);
}

TEST(JsonSink, EscapesAndRepairsText) {
  std::string pattern = (fs::temp_directory_path() / "unleak-json-test.XXXXXX").string();
  UniqueFd fd(::mkstemp(pattern.data()));
  JsonSink sink(fd.get(), "test");
  sink.Quoted("a\"\\\n\x01\xc3\xa9\xff\xed\xa0\x80z");
  ASSERT_TRUE(sink.Finish().ok());
  std::ifstream in(pattern, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  fs::remove(pattern);
  EXPECT_EQ(text, "\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffdz\"");
}

TEST(Registry, KnowsItsFormats) {
  ASSERT_NE(FindFormat("heapsnapshot"), nullptr);
  EXPECT_EQ(FindFormat("nonsense"), nullptr);
  EXPECT_NE(FormatNames().find("heapsnapshot"), std::string::npos);
}

}  // namespace
}  // namespace unleak::exporting
