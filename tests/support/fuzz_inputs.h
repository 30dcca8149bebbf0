// What is asked of any input, by the fuzzers (fuzz/) and by the tests that replay what they once found. All functions
// abort when something is wrong.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace unleak::testing {

// A snapshot file: read as it is, and once more with all checksums made right, so that damage gets past them. What is
// accepted must come back the same when it is written and read again; what is not, must name the file and a place.
void CheckSnapshotInput(std::span<const u8> bytes);

// A heap text: accepted with valid columns that survive a file, or refused with a line.
void CheckHeapTextInput(std::string_view text);

// The bytes with every checksum and the file size that can be found made right.
std::vector<u8> RepairChecksums(std::span<const u8> bytes);

}  // namespace unleak::testing
