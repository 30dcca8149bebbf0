// The memory of a process as a core file holds it, completed by the files that were mapped.
//
// Pages that the core leaves out (of files that nobody had written to) are taken from the file of that name, if it is
// the one that ran: build id and first page must be those that the core holds. Files are opened below `root`, regular
// ones only. Not thread safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "capture/core_format.h"
#include "capture/inspect_python.h"
#include "capture/proc_memory.h"
#include "elf/source.h"

namespace unleak::capture {

class CoreFile final : public Memory, public ProcessImages {
 public:
  // One that zstd has compressed is unpacked to a file without a name in $TMPDIR first. `root`: folder that paths of
  // mapped files count from ("/" where the process ran here).
  static Result<std::unique_ptr<CoreFile>> Open(const std::string& path, const std::string& root);

  const CoreFacts& facts() const { return facts_; }
  u64 held_bytes() const;  // of memory in the core
  // Files whose pages are missing and why, for a person; complete when all has been read.
  const std::vector<std::string>& notes() const { return notes_; }

  // Is there a file of that name below the root? Whether it is what ran is not asked.
  bool HasFile(const std::string& path) const { return UniqueFd(OpenBelow(root_, path)).valid(); }

  void ReadMany(std::span<ReadRequest> requests) override;
  Result<OpenedImage> OpenImage(const Mapping& first) override;
  Memory& memory() override { return *this; }

 private:
  struct MappedFile {
    std::shared_ptr<const elf::Source> source;  // nullptr: gone, or not the one that ran
  };

  CoreFile(ByteSource file, CoreFacts facts, std::string root)
      : file_(std::move(file)), facts_(std::move(facts)), root_(std::move(root)) {}
  bool ReadOne(u64 address, u8* out, u64 size, bool with_files);
  bool ReadOfFile(u64 address, u8* out, u64 size);
  const MappedFile& FileOf(const Mapping& mapping);
  std::shared_ptr<const elf::Source> OpenChecked(const std::string& path);
  const Mapping* FirstOf(const std::string& path) const;

  ByteSource file_;
  CoreFacts facts_;
  std::string root_;
  std::map<std::string, MappedFile> files_;
  std::vector<std::string> notes_;
};

}  // namespace unleak::capture
