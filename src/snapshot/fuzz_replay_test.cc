// What the fuzzers once found, and what they start from, again on every test run.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/fuzz_inputs.h"

namespace unleak::testing {
namespace {

template <class Check>
int Replay(const std::string& fuzzer, Check&& check) {
  int count = 0;
  for (const char* kind : {"corpus", "regressions"}) {
    const std::filesystem::path folder = std::filesystem::path(UNLEAK_SOURCE_DIR) / "fuzz" / kind / fuzzer;
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(in), {});
      SCOPED_TRACE(entry.path().string());
      check(bytes);
      ++count;
    }
  }
  return count;
}

TEST(FuzzReplay, SnapshotFiles) {
  EXPECT_GT(Replay("file_fuzz", [](const std::string& bytes) {
    CheckSnapshotInput({reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
  }), 0);
}

TEST(FuzzReplay, HeapTexts) {
  EXPECT_GT(Replay("heap_text_fuzz", [](const std::string& text) { CheckHeapTextInput(text); }), 0);
}

}  // namespace
}  // namespace unleak::testing
