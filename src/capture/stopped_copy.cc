#include "capture/stopped_copy.h"

#include <algorithm>
#include <string>

#include "capture/memory_copy.h"
#include "capture/ptrace.h"
#include "capture/reader.h"
#include "capture/safe_point.h"

namespace unleak::capture {
namespace {

class StoppedCopy {
 public:
  StoppedCopy(u32 pid, const Options& options, const unleak_layout& layout, const RuntimeAddresses& addresses,
              StreamSink& sink)
      : pid_(pid), options_(options), layout_(layout), addresses_(addresses), sink_(sink), copy_(pid) {}

  Status ReadUntilGood() {
    for (int left = options_.max_retakes;; --left) {
      const Status status = ReadOnce();
      const bool good = status.ok() && !facts_.collecting && !facts_.bad_edges && !facts_.broken_links;
      const bool hopeless = !status.ok() && status.code() != Code::kCorrupt;
      if (good || hopeless || left <= 0) return status;
      if (options_.log)
        options_.log("pid " + std::to_string(pid_) + ": taking the look again: the copy was taken at a bad moment");
      ++facts_.retakes;
      sink_.Restart();
    }
  }
  MemoryCopy& copy() { return copy_; }
  TwinFacts& facts() { return facts_; }

 private:
  Status ReadOnce() {
    UNLEAK_ASSIGN(const std::vector<Mapping> maps, ReadMaps(pid_));
    UNLEAK_RETURN_IF_ERROR(copy_.Reserve(maps));
    UNLEAK_RETURN_IF_ERROR(CopyStopped());
    ReaderOptions how;
    how.follow_tracked = facts_.collecting;
    how.conservative = options_.conservative;
    how.addresses = addresses_;
    how.maps = facts_.maps;
    how.thread_state = facts_.gil_holder;
    UNLEAK_ASSIGN(ReaderFacts read, ReadHeap(layout_, copy_, addresses_.runtime, sink_, how));
    TakeReaderFacts(std::move(read), &facts_);
    return Status::Ok();
  }

  Status CopyStopped() {
    const TimedWaitsStartOver waits;
    UNLEAK_ASSIGN(StopPoint point, FindStopPoint(pid_, layout_, addresses_.runtime, options_.safe_point_wait_ns));
    // Those that wait for the GIL, or do without it: they must not change what is read either.
    int error = 0;
    const std::vector<int> others = StopAllThreads(pid_, &error, point.tids);
    facts_.boot_ns = ClockNs(CLOCK_BOOTTIME);
    facts_.wall_ns = ClockNs(CLOCK_REALTIME);
    facts_.stacks.clear();
    for (int tid : point.tids) facts_.stacks.push_back(StackOfStopped(tid));
    for (int tid : others) facts_.stacks.push_back(StackOfStopped(tid));
    const Status status = Copy(point.stopped_at_ns + options_.max_pause_ns);
    DetachAll(point.tids);
    DetachAll(others);
    const u64 pause = NowNs() - point.stopped_at_ns;
    facts_.pause_ns = std::max({facts_.pause_ns, pause, point.longest_pause_ns});
    facts_.total_pause_ns += pause + point.total_pause_ns;
    facts_.stop = point.kind;
    facts_.gil_holder = point.gil.holder;
    facts_.collecting = point.gil.collecting;
    if (options_.log) {
      options_.log("pid " + std::to_string(pid_) + ": stopped " + std::to_string(point.tids.size() + others.size()) +
                   " thread(s) for " + std::to_string(pause / 1000) + " us to copy " +
                   std::to_string(copy_.bytes() >> 20) + " MiB: " + (status.ok() ? "done" : status.message()));
    }
    return status;
  }

  Status Copy(u64 deadline_ns) {
    UNLEAK_ASSIGN(facts_.maps, ReadMaps(pid_));
    return copy_.Take(facts_.maps, deadline_ns);
  }

  const u32 pid_;
  const Options& options_;
  const unleak_layout& layout_;
  const RuntimeAddresses& addresses_;
  StreamSink& sink_;
  MemoryCopy copy_;
  TwinFacts facts_;
};

}  // namespace

Result<TwinFacts> ReadStoppedCopy(u32 pid, const Options& options, const unleak_layout& layout,
                                  const RuntimeAddresses& addresses, StreamSink& sink,
                                  const std::function<Status(Memory&, const TwinFacts&)>& then) {
  const u64 cpu_before = ClockNs(CLOCK_THREAD_CPUTIME_ID);
  StoppedCopy look(pid, options, layout, addresses, sink);
  UNLEAK_RETURN_IF_ERROR(look.ReadUntilGood());
  UNLEAK_RETURN_IF_ERROR(then(look.copy(), look.facts()));
  look.facts().tracer_cpu_ns = ClockNs(CLOCK_THREAD_CPUTIME_ID) - cpu_before;
  return std::move(look.facts());
}

}  // namespace unleak::capture
