// The memory mappings of a process as /proc/PID/maps gives them, ascending by address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace unleak::capture {

struct Mapping {
  u64 start = 0, end = 0, offset = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  std::string path;  // as the kernel prints it ("" anonymous, "[stack]", "/lib/x.so (deleted)")
};

// Parses the text of a maps file; lines that make no sense are left out.
std::vector<Mapping> ParseMaps(std::string_view text);

// kNotFound if there is no such process (any more).
Result<std::vector<Mapping>> ReadMaps(u32 pid, const std::string& proc_root = "/proc");

// The same with private anonymous mappings (and those of one heap) that touch and may be read and written alike made one: the kernel
// keeps them apart after madvise(2) of a part, as numpy does with every large array.
std::vector<Mapping> JoinTouching(const std::vector<Mapping>& maps);

// The mapping that holds `address`, or nullptr.
const Mapping* FindMapping(const std::vector<Mapping>& maps, u64 address);

}  // namespace unleak::capture
