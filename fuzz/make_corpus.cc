// make_corpus FOLDER: writes what the fuzzers start from, small valid snapshots of all kinds.
#include <cstdio>
#include <filesystem>

#include "snapshot/file.h"
#include "tests/support/heap_text.h"
#include "tests/support/sample_columns.h"

using unleak::snapshot::Encoding;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  std::filesystem::create_directories(folder);
  auto put = [&](const unleak::snapshot::Columns& columns, const std::string& name) {
    for (auto [encoding, suffix] : {std::pair(Encoding::kRaw, ".raw"), std::pair(Encoding::kZstd, ".zstd")}) {
      unleak::Status status = WriteFile(columns, (folder / (name + suffix)).string(), encoding);
      if (status.ok()) continue;
      std::fprintf(stderr, "%s\n", status.message().c_str());
      return false;
    }
    return true;
  };
  const auto tiny = unleak::testing::HeapOf("root module m\nm: module { .L -> l }\nl: list { [0..] -> a[1..3] }\na[1..3]: dict\n");
  const bool done = put({}, "empty") && put(unleak::testing::SampleColumns(1), "one") &&
                    put(unleak::testing::SampleColumns(12), "dozen") && put(tiny.columns, "text");
  return done ? 0 : 3;
}
