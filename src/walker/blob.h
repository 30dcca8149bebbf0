// The walker's machine code (walker.c), position independent, ready to be copied into an executable mapping of a clone.
// Starts with an unleak_blob_header (abi.h). Empty on machines that have no walker.
#pragma once

#include <cstddef>

namespace unleak {

extern const unsigned char kWalkerBlob[];
extern const std::size_t kWalkerBlobSize;

}  // namespace unleak
