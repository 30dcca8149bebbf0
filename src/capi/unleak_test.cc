// The C functions, as the Python package uses them.
#include "capi/unleak.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "snapshot/file.h"
#include "tests/support/heap_text.h"

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr char kHeap[] = R"(
look 1
meta pid=7 python=3.12.1 rss=10M at=1s cpu=1s
collector threshold=700,10,10
thread main tid=7
root module app.cache
app.cache: module { .ACTIVE -> active }
active: dict { {*} -> s[1..100] }
s[1..100]: app.Session size=1000 { .self -> s[i] }
g[1..2]: app.Node { .next -> g[i+1], .first -> g[1] }
look 2
meta at=2s cpu=2s
s[101..150]: app.Session size=1000 { .self -> s[i] }
add active { {*} -> s[101..150] }
)";

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "unleak-capi-test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    auto looks = unleak::testing::ParseHeapText(kHeap);
    ASSERT_TRUE(looks.ok()) << looks.status().message();
    for (std::size_t i = 0; i < looks->size(); ++i)
      ASSERT_TRUE(WriteFile((*looks)[i].columns, Path(i), unleak::snapshot::Encoding::kZstd).ok());
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(std::size_t look) const { return (folder_ / ("look" + std::to_string(look) + ".unleak")).string(); }
  unleak_snapshot* Open(std::size_t look) const {
    unleak_snapshot* snapshot = nullptr;
    EXPECT_EQ(unleak_snapshot_open(Path(look).c_str(), &snapshot), UNLEAK_OK) << unleak_error();
    return snapshot;
  }
  fs::path folder_;
};

// The JSON that `call(&text)` gives.
template <class Call>
Json Ask(Call&& call) {
  char* text = nullptr;
  const int code = call(&text);
  EXPECT_EQ(code, UNLEAK_OK) << unleak_error();
  Json json = text ? Json::parse(text) : Json();
  unleak_string_free(text);
  return json;
}

TEST_F(CApi, InfoOfALook) {
  unleak_snapshot* look = Open(0);
  const Json info = Ask([&](char** out) { return unleak_snapshot_info(look, out); });
  EXPECT_EQ(info["pid"], 7);
  EXPECT_EQ(info["python"], "3.12.1");
  EXPECT_EQ(info["boot_ns"], 1'000'000'000);
  EXPECT_EQ(info["rss"], 10 << 20);
  unleak_snapshot_free(look);
}

TEST_F(CApi, TopByTypeRetainedAndHolder) {
  unleak_snapshot* look = Open(0);
  const Json types = Ask([&](char** out) { return unleak_top(look, nullptr, out); });
  EXPECT_EQ(types["rows"][0]["type"], "app.Session");
  EXPECT_EQ(types["rows"][0]["objects"], 100);
  EXPECT_EQ(types["rows"][0]["bytes"], 100'000);
  const Json retained = Ask([&](char** out) { return unleak_top(look, R"({"by": "retained", "limit": 3})", out); });
  EXPECT_EQ(retained["rows"].size(), 3u);
  EXPECT_GE(retained["rows"][0]["retained"], 100'000);
  const Json holders = Ask([&](char** out) { return unleak_top(look, R"({"by": "holder"})", out); });
  EXPECT_EQ(holders["rows"][0]["holder"], "module app.cache");
  unleak_snapshot_free(look);
}

TEST_F(CApi, PathsToATypeAndToAnAddress) {
  unleak_snapshot* look = Open(0);
  const Json paths = Ask([&](char** out) { return unleak_paths(look, "app.Session", nullptr, out); });
  ASSERT_EQ(paths["rows"].size(), 1u);
  EXPECT_EQ(paths["rows"][0]["text"], "app.cache.ACTIVE{*}");
  EXPECT_EQ(paths["rows"][0]["objects"], 100);
  const std::string address = paths["rows"][0]["example"];
  const Json one = Ask([&](char** out) { return unleak_paths(look, address.c_str(), nullptr, out); });
  EXPECT_EQ(one["rows"][0]["type"], "app.Session");
  char* text = nullptr;
  EXPECT_EQ(unleak_paths(look, "app.Nothing", nullptr, &text), UNLEAK_NOT_FOUND);
  EXPECT_EQ(unleak_paths(look, "0xzz", nullptr, &text), UNLEAK_USAGE);
  EXPECT_EQ(unleak_paths(look, "0x1", nullptr, &text), UNLEAK_NOT_FOUND);
  EXPECT_STRNE(unleak_hint(), "");
  unleak_snapshot_free(look);
}

TEST_F(CApi, CyclesOfGarbage) {
  unleak_snapshot* look = Open(0);
  const Json cycles = Ask([&](char** out) { return unleak_cycles(look, nullptr, out); });
  ASSERT_EQ(cycles["rows"].size(), 1u);
  EXPECT_EQ(cycles["rows"][0]["objects"], 2);
  EXPECT_FALSE(cycles["rows"][0]["edges"].empty());
  unleak_snapshot_free(look);
}

TEST_F(CApi, DiffOfTwoLooks) {
  unleak_snapshot *before = Open(0), *after = Open(1);
  const Json diff = Ask([&](char** out) { return unleak_diff(before, after, nullptr, out); });
  EXPECT_EQ(diff["rows"][0]["type"], "app.Session");
  EXPECT_EQ(diff["rows"][0]["delta_objects"], 50);
  EXPECT_EQ(diff["rows"][0]["delta_bytes"], 50'000);
  ASSERT_EQ(diff["containers"].size(), 1u);
  EXPECT_EQ(diff["containers"][0]["delta"], 50);
  EXPECT_EQ(diff["containers"][0]["held_by"], "app.cache.ACTIVE");
  EXPECT_EQ(diff["seconds"], 1.0);
  unleak_snapshot_free(before);
  unleak_snapshot_free(after);
}

TEST_F(CApi, SavesAfterTheGraphWasBuilt) {
  unleak_snapshot* look = Open(0);
  Ask([&](char** out) { return unleak_top(look, nullptr, out); });
  const std::string copy = (folder_ / "copy.unleak").string();
  ASSERT_EQ(unleak_snapshot_save(look, copy.c_str()), UNLEAK_OK) << unleak_error();
  std::ifstream a(Path(0), std::ios::binary), b(copy, std::ios::binary);
  const std::string first(std::istreambuf_iterator<char>(a), {}), second(std::istreambuf_iterator<char>(b), {});
  EXPECT_EQ(first, second);
  unleak_snapshot_free(look);
}

TEST_F(CApi, OpensADescriptorAndTakesItOver) {
  auto look = unleak::testing::HeapOf("a: dict\n");
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  ASSERT_TRUE(WriteFd(look.columns, fd, unleak::snapshot::Encoding::kRaw).ok());
  unleak_snapshot* snapshot = nullptr;
  ASSERT_EQ(unleak_snapshot_open_fd(fd, &snapshot), UNLEAK_OK) << unleak_error();
  EXPECT_EQ(::close(fd), -1);
  unleak_snapshot_free(snapshot);
}

TEST_F(CApi, ExportsAHeapSnapshot) {
  unleak_snapshot* look = Open(0);
  const std::string path = (folder_ / "a.heapsnapshot").string();
  ASSERT_EQ(unleak_export(look, "heapsnapshot", path.c_str()), UNLEAK_OK) << unleak_error();
  std::ifstream in(path);
  const Json exported = Json::parse(in);
  EXPECT_EQ(exported["nodes"].size(), 7 * exported["snapshot"]["node_count"].get<std::size_t>());
  EXPECT_EQ(exported["edges"].size(), 3 * exported["snapshot"]["edge_count"].get<std::size_t>());
  EXPECT_EQ(unleak_export(look, "nonsense", path.c_str()), UNLEAK_USAGE);
  unleak_snapshot_free(look);
}

TEST_F(CApi, ASessionConcludesAndTakesTheLooks) {
  unleak_session* session = nullptr;
  ASSERT_EQ(unleak_session_new(R"({"looks": 2})", &session), UNLEAK_OK) << unleak_error();
  ASSERT_EQ(unleak_session_add(session, Open(0)), UNLEAK_OK) << unleak_error();
  ASSERT_EQ(unleak_session_add(session, Open(1)), UNLEAK_OK) << unleak_error();
  const Json next = Ask([&](char** out) { return unleak_session_next(session, out); });
  EXPECT_TRUE(next["done"].is_boolean());
  Ask([&](char** out) { return unleak_session_questions(session, out); });
  const Json document = Ask([&](char** out) { return unleak_session_conclude(session, nullptr, out); });
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["snapshots"].size(), 2u);
  unleak_session_free(session);
}

TEST_F(CApi, MistakesHaveACodeATextAndNoCrash) {
  unleak_snapshot* snapshot = nullptr;
  EXPECT_EQ(unleak_snapshot_open("/nonexistent/x", &snapshot), UNLEAK_NOT_FOUND);
  EXPECT_NE(std::string(unleak_error()).find("/nonexistent/x"), std::string::npos);
  EXPECT_EQ(unleak_snapshot_open(nullptr, &snapshot), UNLEAK_USAGE);
  EXPECT_EQ(unleak_snapshot_open_fd(-1, &snapshot), UNLEAK_IO);
  unleak_snapshot* look = Open(0);
  char* text = nullptr;
  EXPECT_EQ(unleak_top(look, "[1]", &text), UNLEAK_USAGE);
  EXPECT_EQ(unleak_top(look, R"({"by": "colour"})", &text), UNLEAK_USAGE);
  EXPECT_EQ(unleak_top(look, R"({"limit": 0})", &text), UNLEAK_USAGE);
  EXPECT_EQ(unleak_diff(look, nullptr, nullptr, &text), UNLEAK_USAGE);
  EXPECT_EQ(unleak_session_add(nullptr, look), UNLEAK_USAGE);  // takes the look over all the same
  EXPECT_EQ(text, nullptr);
}

}  // namespace
