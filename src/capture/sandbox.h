// Runs the walker in its clone: hands on its stream, mends its faults, keeps system calls from happening, notices
// hangs, and ends it at the time limit.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "capture/clone.h"
#include "capture/ptrace.h"
#include "capture/twin.h"
#include "capture/walker_image.h"

namespace unleak::capture {

class Sandbox {
 public:
  Sandbox(ClonedProcess& clone, WalkerImage& image, const unleak_layout& layout, StreamSink& sink)
      : clone_(clone), image_(image), layout_(layout), sink_(sink) {}

  // Asked again and again during the walk; what it returns ends it. For limits that others may reach meanwhile.
  void set_guard(std::function<Status()> guard) { guard_ = std::move(guard); }

  // Runs until the walk is done. kExhausted: time limit, too many faults or hangs, type table full; kCorrupt: the clone
  // ended by itself, or its ring makes no sense.
  Status Run(u64 limit_ns);

  u64 faults() const { return faults_; }
  u64 hangs() const { return hangs_; }
  u64 system_calls() const { return system_calls_; }
  u64 stream_words() const { return words_; }
  std::vector<std::string> Causes() const;

 private:
  enum class Next { kRun, kDone };

  Status WaitForStop(TraceStop* stop);
  bool TooLate() const;
  Result<Next> Handle(const TraceStop& stop);
  Result<Next> HandleRequest();
  Status HandleSystemCall();
  Status HandleFault(int signal);
  Status Recover(const std::string& cause);
  Status HandleHang();
  bool SeemsToHang();
  void Resume();
  Status Drain();
  Status DrainLast();
  std::string CurrentType() const;

  ClonedProcess& clone_;
  WalkerImage& image_;
  const unleak_layout& layout_;
  StreamSink& sink_;
  std::function<Status()> guard_;
  bool interrupted_ = false;  // we asked it to stop because it seems to hang; any stop takes that back
  u64 taken_ = 0, words_ = 0;
  u64 faults_ = 0, hangs_ = 0, system_calls_ = 0;
  u64 started_ns_ = 0, limit_ns_ = 0;
  u64 progress_ = 0, quiet_since_ns_ = 0, quiet_cpu_ms_ = 0;
  std::map<std::string, u64> causes_;
};

// CPU time of a process so far in nanoseconds, and its state letter ('R', 'S' ...); 0 and '?' if it is gone.
u64 CpuTimeNs(int tid);
char ProcessState(int tid);

}  // namespace unleak::capture
