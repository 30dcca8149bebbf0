// Heap texts, of which tests are made.
#include "tests/support/fuzz_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  unleak::testing::CheckHeapTextInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
