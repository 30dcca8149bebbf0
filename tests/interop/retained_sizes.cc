// retained_sizes LOOK EXPORT SIZES: exports a snapshot file as .heapsnapshot, and writes the retained size of each object
// as 64-bit numbers: first the ordinal of the first object in the export, then one an object, in its order.
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "export/heapsnapshot.h"
#include "graph/heap.h"
#include "snapshot/file.h"

namespace {

unleak::Status Run(const std::string& look, const std::string& exported, const std::string& sizes) {
  UNLEAK_ASSIGN(auto columns, unleak::snapshot::ReadFile(look));
  UNLEAK_ASSIGN(const auto heap, unleak::graph::Heap::Build(std::move(columns)));
  UNLEAK_RETURN_IF_ERROR(unleak::exporting::WriteHeapSnapshot(heap, exported));
  std::vector<unleak::u64> words{unleak::exporting::kHeapSnapshotFirstObject};
  for (unleak::u32 node = 0; node < heap.node_count(); ++node) words.push_back(heap.retained(node));
  UNLEAK_ASSIGN(auto file, unleak::AtomicFile::Create(sizes));
  UNLEAK_RETURN_IF_ERROR(unleak::WriteAll(file.fd(), words.data(), words.size() * sizeof words[0], sizes));
  return file.Commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: retained_sizes LOOK EXPORT SIZES\n");
    return 2;
  }
  const unleak::Status status = Run(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::fprintf(stderr, "%s\n%s\n", status.message().c_str(), status.hint().c_str());
  return status.ok() ? 0 : 3;
}
