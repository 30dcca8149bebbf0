// Snapshot files from anywhere.
#include "tests/support/fuzz_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  unleak::testing::CheckSnapshotInput({data, size});
  return 0;
}
