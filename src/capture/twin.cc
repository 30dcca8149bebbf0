#include "capture/twin.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "capture/clone.h"
#include "capture/gil_state.h"
#include "capture/inspect_limits.h"
#include "capture/kill_points.h"
#include "capture/proc_files.h"
#include "capture/ptrace.h"
#include "capture/reader.h"
#include "capture/safe_point.h"
#include "capture/sandbox.h"
#include "capture/thread_identity.h"
#include "capture/tracked_objects.h"
#include "capture/walker_image.h"
#include "capture/window.h"

namespace unleak::capture {
namespace {

// One walk: stop, clone, let go, walk, and the same again where the first one was at a bad moment.
class Walk {
 public:
  Walk(u32 pid, const Options& options, const unleak_layout& layout, const RuntimeAddresses& addresses, StreamSink& sink)
      : pid_(pid), options_(options), layout_(layout), addresses_(addresses), sink_(sink) {}
  ~Walk() { Dispose(); }  // also when the sink or the callback throws
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  Result<TwinFacts> Run(const std::function<Status(const Clone&)>& while_frozen) {
    u64 cpu_before = ClockNs(CLOCK_THREAD_CPUTIME_ID);
    UNLEAK_RETURN_IF_ERROR(Prepare());
    Status status = WalkUntilGood();
    if (status.ok()) status = ShowClone(while_frozen);
    Dispose();
    if (!status.ok()) return status;
    if (pages_missing_) facts_.notes.push_back(kIncompletePages);
    facts_.tracer_cpu_ns = ClockNs(CLOCK_THREAD_CPUTIME_ID) - cpu_before;
    return std::move(facts_);
  }

 private:
  void Log(const std::string& line) const {
    if (options_.log) options_.log("pid " + std::to_string(pid_) + ": " + line);
  }

  // All that can be found out without stopping the target.
  Status Prepare() {
    UNLEAK_ASSIGN(std::vector<Mapping> maps, ReadMaps(pid_));
    gadgets_ = arch::FindGadgets(pid_, maps);
    if (!gadgets_.found())
      return Status(Code::kUnsupported, "process " + std::to_string(pid_) + " has no `syscall; ret` or no signal restorer",
                    "a program without the C library's system call stubs cannot be looked at while it runs");
    return Status::Ok();
  }

  Status WalkUntilGood() {
    std::optional<u64> bad_before;
    for (int left = options_.max_retakes;; --left) {
      Status status = WalkOnce();
      u64 bad = facts_.bad_edges + facts_.broken_links;
      // The same damage again is not of the moment but of the heap.
      bool good = status.ok() && !facts_.collecting && (!bad || bad == bad_before);
      bool hopeless = memory_short_ || (!status.ok() && status.code() != Code::kExhausted && status.code() != Code::kCorrupt);
      if (good || hopeless || left <= 0) return status;
      Log("taking the look again: " + (status.ok() ? facts_.collecting ? std::string("a collection was in progress")
                                                                      : std::to_string(bad) + " bad references"
                                                   : status.message()));
      bad_before = bad;
      Dispose();
      ++facts_.retakes;
      sink_.Restart();
    }
  }

  Status WalkOnce() {
    room_at_start_ = RoomFor(pid_, "/proc").bytes;
    UNLEAK_ASSIGN(StopPoint point, FindStopPoint(pid_, layout_, addresses_.runtime, options_.safe_point_wait_ns));
    Status status = TakeClone(point);
    if (!status.ok()) return status;
    UNLEAK_RETURN_IF_ERROR(clone_->MakeHarmless());
    DieAt(KillPoint::kWalking);
    facts_.maps = clone_->maps();
    if (options_.use_reader) return RunReader();
    UNLEAK_ASSIGN(image_, WalkerImage::Place(*clone_, layout_, addresses_, options_));
    if (layout_.free_threaded) UNLEAK_RETURN_IF_ERROR(ListObjects());
    facts_.collecting = facts_.collecting || ReadGil(static_cast<u32>(clone_->tid()), layout_, addresses_.runtime).collecting;
    image_->context()->follow_tracked = facts_.collecting;
    StartAsThread(*clone_, *image_, layout_, addresses_, ThreadState(point));
    return RunWalker();
  }

  // Free-threaded: what the walk starts from.
  Status ListObjects() {
    residency_.emplace();
    residency_->Load(static_cast<u32>(clone_->tid()), facts_.maps, options_.proc_root);  // what is read maps pages of zeros
    CloneMemory memory(static_cast<u32>(clone_->tid()));
    UNLEAK_ASSIGN(const TrackedObjects found, FindTrackedObjects(layout_, memory, facts_.maps));
    pages_missing_ = !found.complete;
    return image_->ListObjects(found.addresses);
  }

  // The thread state that the clone is given: the holder of the GIL, or any of the main interpreter.
  u64 ThreadState(const StopPoint& point) const {
    if (point.gil.holder) return point.gil.holder;
    return clone_->memory().Word(point.gil.interpreter + static_cast<u64>(layout_.interpreter.threads_head));
  }

  // Clones the stopped target and lets it go.
  Status TakeClone(const StopPoint& point) {
    facts_.boot_ns = ClockNs(CLOCK_BOOTTIME);
    facts_.wall_ns = ClockNs(CLOCK_REALTIME);
    Status status = CloneInSomeThread(point);
    facts_.stacks.clear();
    for (int tid : point.tids) facts_.stacks.push_back(StackOfStopped(tid));
    DetachAll(point.tids);
    u64 pause = NowNs() - point.stopped_at_ns;
    facts_.pause_ns = std::max({facts_.pause_ns, pause, point.longest_pause_ns});
    facts_.total_pause_ns += pause + point.total_pause_ns;
    facts_.stop = point.kind;
    facts_.gil_holder = point.gil.holder;
    facts_.collecting = point.gil.collecting;
    AddWaitingStacks(pid_, options_.proc_root, &facts_.stacks);  // they wait on, whatever the others do meanwhile
    Log("stopped " + std::to_string(point.tids.size()) + " thread(s) for " + std::to_string(pause / 1000) + " us to clone: " +
        (status.ok() ? "pid " + std::to_string(clone_->tid()) : status.message()));
    return status;
  }

  // A thread without room on its own stack passes the turn on: to the other stopped ones, then to any other, which
  // changes nothing of the heap as long as the holder of the GIL stands still.
  Status CloneInSomeThread(const StopPoint& point) {
    UNLEAK_ASSIGN(std::vector<Mapping> maps, ReadMaps(pid_));
    Status status(Code::kExhausted, "process " + std::to_string(pid_) + " has no thread that could be used");
    for (int tid : InOrder(point))
      if (CloneIn(tid, maps, &status)) return status;
    for (int tid : Threads(pid_)) {
      bool tried = std::find(point.tids.begin(), point.tids.end(), tid) != point.tids.end();
      if (tried || !SeizeAndStop(tid)) continue;
      bool decided = CloneIn(tid, maps, &status);
      Detach(tid);
      if (decided) break;
    }
    return status;
  }

  // False: this thread cannot, another one might.
  bool CloneIn(int tid, const std::vector<Mapping>& maps, Status* status) {
    auto call = CloneInWindow(pid_, tid, gadgets_, maps);
    *status = call.ok() ? Status::Ok() : call.status();
    if (call.ok()) clone_.emplace(*call, gadgets_.syscall_ret);
    return call.ok();
  }

  // The holder of the GIL first (its stack is the one that was asked for), then the main thread, then the others.
  std::vector<int> InOrder(const StopPoint& point) const {
    std::vector<int> tids = point.tids;
    auto first = [&](int tid) {
      auto at = std::find(tids.begin(), tids.end(), tid);
      if (at != tids.end()) std::rotate(tids.begin(), at, at + 1);
    };
    first(static_cast<int>(pid_));
    if (point.gil.holder && tids.size() > 1) first(ThreadOf(pid_, layout_, point.gil.holder));
    return tids;
  }

  Status RunWalker() {
    Sandbox sandbox(*clone_, *image_, layout_, sink_);
    sandbox.set_guard([this] { return GuardMemory(); });
    u64 cpu_before = CpuTimeNs(clone_->tid());
    Status status = sandbox.Run(options_.time_limit_ns);
    facts_.clone_cpu_ns = CpuTimeNs(clone_->tid()) - cpu_before;
    const unleak_context& c = *image_->context();
    facts_.nodes = c.nodes;
    facts_.listed = c.listed;
    for (int i = 0; i < 4; ++i) facts_.edges[i] = c.edge_count[i];
    facts_.roots = c.root_count;
    facts_.stream_words = sandbox.stream_words();
    facts_.bad_edges = c.bad_edges;
    facts_.dead_targets = c.dead_targets;
    facts_.broken_links = c.broken_links;
    facts_.faults = sandbox.faults();
    facts_.hangs = sandbox.hangs();
    facts_.system_calls = sandbox.system_calls();
    facts_.fault_causes = sandbox.Causes();
    if (!status.ok()) return status;
    facts_.types = image_->ReadTypes();
    facts_.skipped_types.clear();
    for (const unleak_type_entry& type : facts_.types)
      if (type.skipped) facts_.skipped_types.push_back(type.index);
    return Status::Ok();
  }

  // The program goes on writing, and every page that it writes to is there twice while the clone lives: the estimate of
  // that may be wrong, so what is left is watched.
  Status GuardMemory() {
    constexpr u64 kInterval = 20'000'000;
    const u64 now = NowNs();
    if (now - guarded_ns_ < kInterval) return Status::Ok();
    guarded_ns_ = now;
    const u64 room = RoomFor(pid_, "/proc").bytes;
    if (room >= room_at_start_ / 2) return Status::Ok();
    memory_short_ = true;
    return Status(Code::kExhausted, "the look was given up: half of the " + std::to_string(room_at_start_ >> 20) +
                  " MiB that process " + std::to_string(pid_) + " had left were used up while its copy lived",
                  "unleak diagnose " + std::to_string(pid_) + " --copy --max-pause 2000, or give it more memory");
  }

  // How long the clone may live for the reader: 3 times what it needs for that much memory (measured: 3 ms for a MiB of
  // small objects, 10 on a busy machine).
  u64 ReaderLimit() const {
    auto status = ReadStatus("/proc", pid_);
    u64 mib = status.ok() ? status->anonymous >> 20 : 0;
    return std::max(options_.time_limit_ns, mib * 30'000'000);
  }

  // Instead of the walker: no code runs in the clone.
  Status RunReader() {
    const u32 clone = static_cast<u32>(clone_->tid());
    facts_.collecting = facts_.collecting || ReadGil(clone, layout_, addresses_.runtime).collecting;
    CloneMemory memory(clone);
    ReaderOptions how;
    how.follow_tracked = facts_.collecting;
    how.conservative = options_.conservative;
    how.deadline_ns = NowNs() + ReaderLimit();
    how.addresses = addresses_;
    how.maps = facts_.maps;
    how.thread_state = facts_.gil_holder;
    UNLEAK_ASSIGN(ReaderFacts read, ReadHeap(layout_, memory, addresses_.runtime, sink_, how));
    TakeReaderFacts(std::move(read), &facts_);
    return Status::Ok();
  }

  Status ShowClone(const std::function<Status(const Clone&)>& while_frozen) {
    if (!while_frozen) return Status::Ok();
    u64 interpreter = clone_->memory().Word(addresses_.runtime + static_cast<u64>(layout_.runtime.interpreters_head));
    return while_frozen(Clone{clone_->memory(), facts_.maps, facts_.types, facts_.stacks, interpreter, residency_ ? &*residency_ : nullptr});
  }

  // Kills the clone and lets the target reap it: its child, so nobody else can.
  // Clones that an earlier look left behind (it was killed) are not reaped: wait4(-1, __WCLONE) would take any dead child
  // without an exit signal, and a program may have made such children itself and wait for them. Nothing that outlives us
  // says which are ours, so a zombie stays until the program ends; it costs an entry in the process table.
  void Dispose() {
    image_.reset();
    if (!clone_) return;
    clone_->Kill();
    long child = clone_->pid_in_target();
    clone_.reset();
    auto maps = ReadMaps(pid_);
    if (!maps.ok()) return;
    // After an exec the clone is still its child, and the code lies elsewhere.
    if (!arch::AreThere(pid_, gadgets_)) gadgets_ = arch::FindGadgets(pid_, *maps);
    if (!gadgets_.found()) return;
    for (int tid : Threads(pid_)) {
      u64 start = NowNs();
      if (!SeizeAndStop(tid)) continue;
      auto reaped = ReapInWindow(pid_, tid, gadgets_, *maps, child);
      Detach(tid);
      u64 pause = NowNs() - start;
      facts_.pause_ns = std::max(facts_.pause_ns, pause);
      facts_.total_pause_ns += pause;
      if (!reaped.ok()) continue;  // no room on its stack: the next thread
      if (!*reaped) facts_.notes.push_back("the copy of the process could not be reaped: a zombie stays until the program ends");
      return;
    }
  }

  const u32 pid_;
  const Options& options_;
  const unleak_layout& layout_;
  const RuntimeAddresses& addresses_;
  StreamSink& sink_;
  arch::Gadgets gadgets_;
  std::optional<ClonedProcess> clone_;
  std::unique_ptr<WalkerImage> image_;
  std::optional<Residency> residency_;
  TwinFacts facts_;
  u64 room_at_start_ = 0, guarded_ns_ = 0;  // bytes; CLOCK_MONOTONIC
  bool memory_short_ = false, pages_missing_ = false;
};

}  // namespace

Result<TwinFacts> WalkTwin(u32 pid, const Options& options, const struct unleak_layout& layout,
                           const RuntimeAddresses& addresses, StreamSink& sink,
                           const std::function<Status(const Clone&)>& while_frozen) {
  return Walk(pid, options, layout, addresses, sink).Run(while_frozen);
}

}  // namespace unleak::capture
