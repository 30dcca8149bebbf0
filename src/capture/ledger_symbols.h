// Names of functions by address in a process, from the files that it has mapped. Files are opened when a name of theirs
// is first asked for, below the process's own root (inspect_python.h). Also how their functions call
// (elf/call_frames.h).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "capture/maps.h"
#include "elf/call_frames.h"
#include "elf/image.h"

namespace unleak::capture {

class LedgerSymbols {
 public:
  LedgerSymbols(u32 pid, const std::vector<Mapping>& maps, const std::string& proc_root)
      : pid_(pid), maps_(maps), proc_root_(proc_root) {}

  // The mapping of a file that holds `address`, or null.
  const Mapping* FileAt(u64 address) const;
  // The function that holds `address`; "" if that is not known.
  std::string FunctionAt(u64 address);
  // Where the file whose path ends in `name` (up to a version: "libc.so") defines the function; 0 if it does not.
  u64 Find(const std::string& path, const std::string& function);
  // How the function that holds `address` finds its caller there; nothing where its file does not tell. `function`
  // is an address of the process.
  std::optional<elf::FrameRule> FrameAt(u64 address);

 private:
  struct Table {
    u64 bias = 0;
    std::vector<elf::NamedFunction> functions;
    std::unique_ptr<elf::Image> image;  // null where the file could not be opened
    std::unique_ptr<elf::CallFrames> frames;
  };
  const Table& TableOf(const std::string& path);

  const u32 pid_;
  const std::vector<Mapping>& maps_;
  const std::string& proc_root_;
  std::map<std::string, Table> tables_;
};

}  // namespace unleak::capture
