#include "capture/reference_watch.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "capture/next_blocks.h"
#include "capture/proc_files.h"
#include "capture/ptrace.h"
#include "capture/written_value.h"
#include "pylayout/layout.h"

namespace unleak::capture {
namespace {

constexpr u64 kSliceNs = 10'000'000;
constexpr u64 kRoundNs = 100'000'000;   // with the same blocks
constexpr u64 kSettledNs = 30'000'000;  // all blocks were left alone for so long: others are of more use
constexpr u32 kWritesOfSlice = 128;     // of each thread and word
constexpr size_t kMostWrites = 2500;    // in all: some 20 ms of the program's time
constexpr size_t kWords = 4;            // debug registers
constexpr size_t kMostThreads = 12;
constexpr size_t kMostOfLife = 24, kMostLives = 64, kMostPlaces = 12;
constexpr int kMostHeaps = 4;  // readings of the allocator's pools
constexpr u64 kCodeBytes = 16;
constexpr u64 kMostCount = u64{1} << 31;  // above: a link between free blocks

// What lost objects look like in memory.
struct LostKind {
  BlockKind block;
  std::vector<u64> types;  // those of this kind
};

// A sample, kept until the time is over: what its addresses are called is asked later.
struct Write {
  u32 place = 0;
  u64 at_ns = 0;
  CallTrace trace;
  WrittenValue value;
};

// What a count is, as far as it can be followed.
struct Followed {
  bool known = false;
  u64 count = 0;

  // By how much the write changed it; 0: that is not known.
  i64 Apply(const WrittenValue& value) {
    i64 change = 0;
    if (value.kind == WrittenValue::kAdded) {
      change = value.change;
      count += static_cast<u64>(change);
    } else if (value.kind == WrittenValue::kStored || value.kind == WrittenValue::kSet) {
      if (known && value.kind == WrittenValue::kStored) change = static_cast<i64>(value.value - count);
      count = value.value;
      known = true;
    } else {
      known = false;
    }
    return change;
  }
};

template <class T>
T Nearest(const std::vector<T>& places) {
  return places.empty() ? T() : places.front();
}

void Add(i64 change, CountWrite* place) { ++(change == 1 ? place->up : change == -1 ? place->down : place->unclear); }

class ReferenceWatch {
 public:
  ReferenceWatch(const ReferenceWatchInput& input, std::vector<Mapping> maps)
      : input_(input),
        maps_(std::move(maps)),
        memory_(input.pid),
        symbols_(input.pid, maps_, input_.proc_root),
        bytecode_(input.layout, memory_, input.codes),
        stack_(memory_, symbols_, bytecode_, maps_) {}

  ReferenceWatchResult Run() {
    threads_ = BusiestThreads(input_.proc_root, input_.pid, kMostThreads);
    const std::vector<LostKind> kinds = KindsOfLost();
    const u64 phases = kinds.size() + (input_.objects.empty() ? 0 : 1);
    if (phases == 0) return std::move(result_);
    const u64 part = input_.time_ns / phases;
    const size_t writes = kMostWrites / phases;
    limit_ = writes;
    if (!input_.objects.empty()) WatchObjects(part);
    for (const LostKind& kind : kinds) {
      limit_ = taken_ + writes;
      WatchBlocks(kind, part);
    }
    return std::move(result_);
  }

 private:
  // The count is the first field of an object (Include/object.h, builds with the GIL).
  static u64 CountOf(u64 object) { return object; }

  u64 TypeOf(u64 object) { return memory_.Word(object + static_cast<u64>(input_.layout.object.type)); }

  void ReadHeap() {
    heap_ = ReadPymalloc(input_.python_hex, input_.free_threaded, memory_, maps_);
    ++heaps_;
  }

  // The kinds that most of the lost objects of each type have.
  std::vector<LostKind> KindsOfLost() {
    std::vector<LostKind> kinds;
    if (input_.like.empty()) return kinds;
    ReadHeap();
    for (const std::vector<u64>& lost : input_.like) {
      std::vector<std::pair<BlockKind, size_t>> counts;
      for (u64 object : lost) {
        const auto kind = KindOfBlock(heap_, object);
        if (!kind) continue;
        const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == *kind; });
        if (known == counts.end())
          counts.emplace_back(*kind, 1);
        else
          ++known->second;
      }
      const auto most = std::max_element(counts.begin(), counts.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      if (most == counts.end()) continue;
      auto same = std::find_if(kinds.begin(), kinds.end(), [&](const LostKind& k) { return k.block == most->first; });
      if (same == kinds.end()) same = kinds.insert(same, {most->first, {}});
      same->types.push_back(TypeOf(lost[0]));
    }
    return kinds;
  }

  // The writes to `words` in the time, by time. With `settle`, less where all are left alone.
  std::vector<Write> Watch(const std::vector<u64>& words, u64 time_ns, bool settle) {
    std::vector<std::unique_ptr<CallEvents>> events;
    std::vector<pollfd> polls;
    for (u32 tid : threads_) {
      auto thread = std::make_unique<CallEvents>(tid, words, Trap::kWrite);
      if (!thread->active()) {
        if (thread->error() != ESRCH) refused_ = thread->error();
        continue;
      }
      polls.push_back({thread->file(), POLLIN, 0});
      events.push_back(std::move(thread));
    }
    std::vector<Write> writes;
    if (events.empty()) {
      if (refused_) result_.problem = std::string("the kernel gives no watchpoints: ") + std::strerror(refused_);
      return writes;
    }
    const u64 start = NowNs();
    std::vector<u64> last(words.size(), 0);
    const auto take = [&](const CallSample& sample) {
      if (taken_ >= limit_) return;
      ++taken_;
      last[sample.place] = std::max(last[sample.place], sample.at_ns);
      writes.push_back(
          {sample.place, sample.at_ns, stack_.Follow(sample, Trap::kWrite), Decode(sample, words[sample.place])});
    };
    for (u64 now = start; now < start + time_ns && taken_ < limit_; now = NowNs()) {
      for (const auto& thread : events) thread->Arm(kWritesOfSlice);
      WatchSlice(events, polls, std::min(now + kSliceNs, start + time_ns), take);
      const u64 quiet = NowNs() - kSettledNs;
      if (settle && std::all_of(last.begin(), last.end(), [&](u64 at) { return at != 0 && at < quiet; })) break;
    }
    std::stable_sort(writes.begin(), writes.end(),
                     [](const Write& a, const Write& b) { return a.at_ns < b.at_ns; });
    return writes;
  }

  static void WatchSlice(const std::vector<std::unique_ptr<CallEvents>>& events, std::vector<pollfd>& polls, u64 end,
                         const std::function<void(const CallSample&)>& take) {
    for (u64 now = NowNs(); now < end; now = NowNs()) {
      poll(polls.data(), polls.size(), static_cast<int>((end - now) / 1'000'000) + 1);
      for (const auto& thread : events) thread->Drain(take);
    }
  }

  WrittenValue Decode(const CallSample& sample, u64 word) {
    const auto [at, fresh] = code_.try_emplace(sample.instruction);
    if (fresh) {
      at->second.resize(kCodeBytes);
      if (!memory_.Read(sample.instruction - kCodeBytes, at->second.data(), kCodeBytes)) at->second.clear();
    }
    return DecodeWrite(at->second, sample.instruction, sample.registers, word);
  }

  CountWrite Place(const Write& write) {
    return {stack_.Callers(write.trace), stack_.Lines(write.trace), 0, 0, 0, 0};
  }

  void WatchObjects(u64 time_ns) {
    std::vector<u64> objects(input_.objects.begin(), input_.objects.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                  kWords, input_.objects.size()))),
        words;
    for (u64 object : objects) words.push_back(CountOf(object));
    const std::vector<Write> writes = Watch(words, time_ns, false);
    for (size_t i = 0; i < objects.size(); ++i) AddCount(objects[i], static_cast<u32>(i), writes);
  }

  // Adds up the writes to one count by where they came from.
  void AddCount(u64 object, u32 place, const std::vector<Write>& writes) {
    WatchedCount count{object, {}};
    Followed count_now;
    for (const Write& write : writes) {
      if (write.place != place) continue;
      CountWrite one = Place(write);
      const bool sure = !one.python.empty() && one.python[0].sure;
      auto row = std::find_if(count.places.begin(), count.places.end(), [&](const CountWrite& p) {
        return Nearest(p.native) == Nearest(one.native) && Nearest(p.python) == Nearest(one.python);
      });
      if (row == count.places.end()) row = count.places.insert(row, std::move(one));
      Add(count_now.Apply(write.value), &*row);
      row->sure += sure;
    }
    for (CountWrite& row : count.places)
      if (!row.python.empty()) row.python[0].sure = 2 * row.sure >= row.up + row.down + row.unclear;
    const auto more = [](const CountWrite& p) { return static_cast<i64>(p.up) - static_cast<i64>(p.down); };
    std::stable_sort(count.places.begin(), count.places.end(),
                     [&](const CountWrite& a, const CountWrite& b) { return more(a) > more(b); });
    if (count.places.size() > kMostPlaces) count.places.resize(kMostPlaces);
    result_.counts.push_back(std::move(count));
  }

  void WatchBlocks(const LostKind& kind, u64 time_ns) {
    auto next = std::make_unique<NextBlocks>(memory_, heap_, kind.block.block_bytes);
    const u64 end = NowNs() + time_ns;
    for (u64 now = NowNs(); now < end && taken_ < limit_ && result_.problem.empty(); now = NowNs()) {
      std::vector<u64> objects = next->Find(kWords), words;
      if (objects.empty()) {  // all pools were full when they were read
        if (heaps_ == kMostHeaps) return;
        ReadHeap();
        next = std::make_unique<NextBlocks>(memory_, heap_, kind.block.block_bytes);
        continue;
      }
      for (u64& object : objects) words.push_back(CountOf(object += kind.block.object_offset));
      const std::vector<Write> writes = Watch(words, std::min(kRoundNs, end - now), true);
      const u64 quiet = NowNs() - kSettledNs;
      for (size_t i = 0; i < objects.size(); ++i)
        if (std::count(kind.types.begin(), kind.types.end(), TypeOf(objects[i])) != 0)
          AddLife(objects[i], static_cast<u32>(i), writes, quiet);
    }
  }

  // The writes since the last object was made in the block; none if it is not there any more.
  static std::vector<const Write*> LastLife(u32 place, const std::vector<Write>& writes) {
    std::vector<const Write*> life;
    Followed count;
    for (const Write& write : writes) {
      if (write.place != place) continue;
      if (write.value.kind == WrittenValue::kSet) life.clear();
      life.push_back(&write);
      count.Apply(write.value);
      if (count.known && (count.count == 0 || count.count > kMostCount)) life.clear();
    }
    if (life.size() > kMostOfLife) life.erase(life.begin() + 1, life.end() - (kMostOfLife - 1));
    return life;
  }

  // An object that something was done to after `quiet` is not left behind yet.
  void AddLife(u64 object, u32 place, const std::vector<Write>& writes, u64 quiet) {
    const std::vector<const Write*> life = LastLife(place, writes);
    if (life.empty() || life.back()->at_ns > quiet || result_.lives.size() == kMostLives) return;
    WatchedLife out{object, {}};
    Followed count;
    for (const Write* write : life) {
      CountWrite one = Place(*write);
      const i64 change = count.Apply(write->value);
      Add(write->value.kind == WrittenValue::kSet ? 1 : change, &one);
      out.writes.push_back(std::move(one));
    }
    result_.lives.push_back(std::move(out));
  }

  const ReferenceWatchInput& input_;
  const std::vector<Mapping> maps_;
  RemoteMemory memory_;
  LedgerSymbols symbols_;
  Bytecode bytecode_;
  CallStack stack_;
  PymallocHeap heap_;
  std::vector<u32> threads_;
  std::map<u64, std::vector<u8>> code_;  // before an instruction
  size_t taken_ = 0, limit_ = 0;         // writes: told so far, and how many may be
  int heaps_ = 0;
  int refused_ = 0;
  ReferenceWatchResult result_;
};

}  // namespace

ReferenceWatchResult WatchReferences(const ReferenceWatchInput& input) {
  auto maps = ReadMaps(input.pid, input.proc_root);
  if (!maps.ok()) return {{}, {}, maps.status().message()};
  if (input.free_threaded) return {{}, {}, "in a free-threaded build a count has two parts: writes to it say nothing"};
  return ReferenceWatch(input, maps.Take()).Run();
}

}  // namespace unleak::capture
