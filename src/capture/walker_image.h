// The walker in a clone: its code, memory and the ring it writes to.
#pragma once

#include <memory>

#include "base/status.h"
#include "capture/clone.h"
#include "capture/twin.h"
#include "walker/abi.h"

namespace unleak::capture {

// Maps the walker into a harmless clone (MakeHarmless) and fills its context. The clone's registers are set so that
// it starts to walk when it is run.
class WalkerImage {
 public:
  ~WalkerImage();
  WalkerImage(const WalkerImage&) = delete;
  WalkerImage& operator=(const WalkerImage&) = delete;

  static Result<std::unique_ptr<WalkerImage>> Place(ClonedProcess& clone, const unleak_layout& layout,
                                                    const RuntimeAddresses& addresses, const Options& options);

  // Shared with the walker, which writes it while it runs.
  unleak_context* context() const { return context_; }
  const u64* Slot(u64 number) const;
  // The address of the load whose faults mean 0, and where to go on.
  u64 probe() const { return code_ + header().probe; }
  u64 probe_end() const { return code_ + header().probe_end; }
  bool InCode(u64 address) const;
  u64 stack_top() const { return stack_top_; }
  u64 start() const { return code_ + header().walk; }
  u64 context_address() const { return shared_; }

  // Free-threaded builds: the objects that the walk starts from.
  Status ListObjects(const std::vector<u64>& addresses);

  // The type table by index.
  std::vector<unleak_type_entry> ReadTypes() const;

 private:
  explicit WalkerImage(ClonedProcess& clone) : clone_(clone) {}
  static const unleak_blob_header& header();
  Status MapRing();
  Status MapPrivate();
  Status MapCode();
  void FillContext(const unleak_layout& layout, const RuntimeAddresses& addresses, const Options& options);

  ClonedProcess& clone_;
  unleak_context* context_ = nullptr;
  u64 shared_ = 0, code_ = 0, stack_top_ = 0;              // addresses in the clone
  u64 types_ = 0, bitmap_top_ = 0, pending_ = 0, pending_end_ = 0;
};

}  // namespace unleak::capture
