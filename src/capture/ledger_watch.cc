#include "capture/ledger_watch.h"

#include <poll.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "capture/call_events.h"
#include "capture/call_stack.h"
#include "capture/code_table.h"
#include "capture/growth_edges.h"
#include "capture/ledger_symbols.h"
#include "capture/proc_files.h"
#include "capture/proc_memory.h"
#include "capture/ptrace.h"
#include "capture/written_value.h"

namespace unleak::capture {
namespace {

using snapshot::Allocator;

constexpr u64 kSlices = 20, kSliceNs = 10'000'000;
constexpr u32 kCallsOfSlice = 8;  // of each function and thread
constexpr u32 kMostSamples = 400;
constexpr size_t kMostThreads = 6;
constexpr u64 kSmall = 512;  // what the small-object allocator takes
constexpr u64 kExactSizes = 64 << 10;
constexpr u64 kEdgesNs = 200'000'000;  // at ends of heaps, and as long at untouched pages
constexpr u32 kMostRounds = 48;        // of each
constexpr size_t kWords = 4;           // debug registers
constexpr u64 kAnySize = 0;
constexpr u64 kChunkFlags = 7, kPrevInUse = 1;  // in the size of a chunk (glibc malloc/malloc.c)
constexpr int kReadings = 8;
constexpr u32 kCutsOfSlice = 64;   // of each heap and thread
constexpr u32 kMostWrites = 1000;  // to ends of heaps: some 10 ms of the program's time

// As the ledger counts a chunk of that size.
u64 SizeClass(u64 bytes) {
  if (bytes < kExactSizes) return bytes;
  const int shift = 63 - __builtin_clzll(bytes) - 4;
  return bytes >> shift << shift;
}

u64 ChunkBytes(u64 request) { return SizeClass(std::max<u64>(32, (request + 8 + 15) & ~u64{15})); }

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

struct WatchedFunction {
  Allocator allocator;
  u32 size_argument;  // 2: the product of both
  u64 address;
};

class Watch {
 public:
  Watch(const WatchInput& input, snapshot::Columns* columns, const std::vector<Mapping>& maps)
      : input_(input),
        columns_(*columns),
        maps_(maps),
        memory_(input.pid),
        symbols_(input.pid, maps, input.proc_root),
        codes_(TableOfCodes(*columns)),
        bytecode_(input.layout, memory_, codes_),
        stack_(memory_, symbols_, bytecode_, maps),
        edges_(memory_, input.pid, input.proc_root, maps, *columns) {}

  void Run() {
    FindFunctions();
    if (functions_.empty()) return;
    OpenThreads();
    if (threads_.empty()) return;
    u32 samples = 0;
    for (u64 slice = 0; slice < kSlices && samples < kMostSamples; ++slice) samples += WatchSlice();
    threads_.clear();  // the debug registers are few
    WatchTops(edges_.GrownTops());
    WatchPages(edges_.GrownPages(kWords));
    Fill();
  }

 private:
  void FindFunctions() {
    for (const Mapping& map : maps_) {
      const std::string_view name = BaseName(map.path);
      if (map.offset != 0 || !map.path.starts_with('/')) continue;
      if (name.starts_with("libc.so") || name.starts_with("libc-")) {
        AddFunction(map.path, "malloc", Allocator::kMalloc, 0);
        AddFunction(map.path, "calloc", Allocator::kMalloc, 2);
        AddFunction(map.path, "realloc", Allocator::kMalloc, 1);
      } else if (name.starts_with("python") || name.starts_with("libpython")) {
        AddFunction(map.path, "PyObject_Malloc", Allocator::kPymalloc, 0);
      }
    }
    if (functions_.size() > 4) functions_.clear();  // several C libraries: which one is used is not known
  }

  void AddFunction(const std::string& path, const std::string& name, Allocator allocator, u32 argument) {
    if (const u64 address = symbols_.Find(path, name)) functions_.push_back({allocator, argument, address});
  }

  void OpenThreads() {
    std::vector<u64> addresses;
    for (const WatchedFunction& f : functions_) addresses.push_back(f.address);
    for (u32 tid : BusiestThreads(input_.proc_root, input_.pid, kMostThreads)) {
      auto events = std::make_unique<CallEvents>(tid, addresses, Trap::kExecute);
      if (events->active()) threads_.push_back(std::move(events));
    }
  }

  u32 WatchSlice() {
    u32 samples = 0;
    const u64 end = NowNs() + kSliceNs;
    for (const auto& thread : threads_) thread->Arm(kCallsOfSlice);
    std::vector<pollfd> polls;
    for (const auto& thread : threads_) polls.push_back({thread->file(), POLLIN, 0});
    for (u64 now = NowNs(); now < end; now = NowNs()) {
      poll(polls.data(), polls.size(), static_cast<int>((end - now) / 1'000'000) + 1);
      for (const auto& thread : threads_) samples += thread->Drain([&](const CallSample& sample) { Take(sample); });
    }
    return samples;
  }

  struct WordWrite {
    u32 place = 0;  // index of the word
    u64 at_ns = 0;
    std::optional<u64> value;
    CallTrace trace;
  };

  // What is written to a few words until `done()` says so between two slices, or the time is over; by time. At most
  // `times` writes of each thread, word and slice.
  std::vector<WordWrite> Writes(const std::vector<u64>& words, u64 end, u32 times, const std::function<bool()>& done) {
    std::vector<std::unique_ptr<CallEvents>> events;
    std::vector<pollfd> polls;
    for (u32 tid : BusiestThreads(input_.proc_root, input_.pid, kMostThreads)) {
      auto thread = std::make_unique<CallEvents>(tid, words, Trap::kWrite);
      if (!thread->active()) continue;
      polls.push_back({thread->file(), POLLIN, 0});
      events.push_back(std::move(thread));
    }
    std::vector<WordWrite> writes;
    const auto take = [&](const CallSample& sample) {
      if (++writes_ <= kMostWrites)
        writes.push_back(
            {sample.place, sample.at_ns, ValueOf(sample, words[sample.place]), stack_.Follow(sample, Trap::kWrite)});
    };
    for (u64 now = NowNs(); !events.empty() && now < end && writes_ < kMostWrites && !done(); now = NowNs()) {
      for (const auto& thread : events) thread->Arm(times);
      const u64 slice = std::min(end, now + kSliceNs);
      for (; now < slice; now = NowNs()) {
        poll(polls.data(), polls.size(), static_cast<int>((slice - now) / 1'000'000) + 1);
        for (const auto& thread : events) thread->Drain(take);
      }
    }
    std::stable_sort(writes.begin(), writes.end(), [](const auto& a, const auto& b) { return a.at_ns < b.at_ns; });
    return writes;
  }

  std::optional<u64> ValueOf(const CallSample& sample, u64 word) {
    u8 code[16];
    if (!memory_.Read(sample.instruction - sizeof code, code, sizeof code)) return std::nullopt;
    const WrittenValue written = DecodeWrite(code, sample.instruction, sample.registers, word);
    const bool known = written.kind == WrittenValue::kStored || written.kind == WrittenValue::kSet;
    return known ? std::optional(written.value) : std::nullopt;
  }

  // A word at the end of a heap that is written when a block is cut from there: with the block's size, or, where a
  // block of `bytes` is expected, with `value`.
  struct EdgeWord {
    u64 address = 0, bytes = 0, value = 0;
  };

  // Blocks of a moment are at the end all the time: without them it is nearest to the start.
  u64 TopAt(u64 field) {
    u64 top = memory_.Word(field);
    for (int again = 0; again < kReadings; ++again) top = std::min(top, memory_.Word(field));
    return top;
  }

  // The size of the next block that is cut lies where the heap's end is now; blocks of a moment as well. If it will be
  // of the same size as the last one, that of the rest lies behind it, where nobody writes before.
  std::vector<EdgeWord> EdgeWords(const std::vector<u64>& tops, const std::vector<u64>& expected) {
    std::vector<EdgeWord> words;
    for (size_t i = 0; i < tops.size(); ++i) {
      const u64 size = memory_.Word(tops[i] + sizeof(u64)) & ~kChunkFlags;
      if (expected[i] != 0 && expected[i] < size)
        words.push_back({tops[i] + expected[i] + sizeof(u64), expected[i], (size - expected[i]) | kPrevInUse});
      else
        words.push_back({tops[i] + sizeof(u64), 0, 0});
    }
    return words;
  }

  // Blocks that are cut from the end of a heap and stay: what is given back is used again, what is lost makes it grow.
  void WatchTops(const std::vector<u64>& fields) {
    const u64 end = NowNs() + kEdgesNs;
    std::vector<u64> expected(fields.size());
    writes_ = 0;
    for (u32 round = 0; round < kMostRounds && !fields.empty() && NowNs() < end; ++round) {
      std::vector<u64> tops, addresses, cut(fields.size());
      for (u64 field : fields) tops.push_back(TopAt(field));
      const std::vector<EdgeWord> words = EdgeWords(tops, expected);
      for (const EdgeWord& word : words) addresses.push_back(word.address);
      const bool exact = std::all_of(words.begin(), words.end(), [](const EdgeWord& word) { return word.bytes != 0; });
      const std::vector<WordWrite> writes = Writes(addresses, end, exact ? 2 : kCutsOfSlice, [&] {
        for (size_t i = 0; i < tops.size(); ++i) cut[i] = edges_.CutFrom(tops[i], fields[i]);
        return std::any_of(cut.begin(), cut.end(), [](u64 bytes) { return bytes != 0; });
      });
      for (u32 i = 0; i < cut.size(); ++i)
        if (cut[i] != 0) expected[i] = TakeCut(i, cut[i], words[i], writes) || words[i].bytes == 0 ? cut[i] : 0;
    }
  }

  // Who wrote the size of a block that is there now: the last, others lay there for a moment. Or the first who wrote
  // that of the rest: whoever uses that for a moment gives it back as it was.
  bool TakeCut(u32 place, u64 bytes, const EdgeWord& word, const std::vector<WordWrite>& writes) {
    const WordWrite* cutter = nullptr;
    for (const WordWrite& write : writes) {
      if (write.place != place || !write.value) continue;
      if (word.bytes == 0 ? (*write.value & ~kChunkFlags) == bytes
                          : cutter == nullptr && word.bytes == bytes && word.value == *write.value)
        cutter = &write;
    }
    if (cutter) AddCall(SizeClass(bytes), cutter->trace);
    return cutter != nullptr;
  }

  // Pages of blocks that were there before and are filled bit by bit: who writes to each first.
  void WatchPages(std::vector<u64> pages) {
    const u64 end = NowNs() + kEdgesNs;
    writes_ = 0;
    for (u32 round = 0; round < kMostRounds && !pages.empty() && NowNs() < end; ++round) {
      bool waited = false;
      const auto once = [&] { return std::exchange(waited, true); };
      std::set<u32> told;
      for (const WordWrite& write : Writes(pages, end, 1, once))
        if (told.insert(write.place).second) AddCall(kAnySize, write.trace);
      for (u64& page : pages) page = edges_.NextPage(page);
      std::erase(pages, u64{0});
    }
  }

  void AddCall(u64 bytes, const CallTrace& trace) {
    snapshot::MemorySite site;
    site.allocator = Allocator::kMalloc;
    site.bytes = bytes;
    site.calls = 1;
    calls_.push_back({site, trace});
  }

  // A sample, kept until the time is over: its line is told better when all were seen.
  struct Call {
    snapshot::MemorySite site;
    CallTrace trace;
  };

  void Take(const CallSample& sample) {
    const WatchedFunction& function = functions_[sample.place];
    const u64 arguments[] = {sample.registers[kRdi], sample.registers[kRsi]};
    u64 bytes = function.size_argument == 2 ? arguments[0] * arguments[1] : arguments[function.size_argument];
    const bool small = bytes <= kSmall;
    if (function.allocator == Allocator::kPymalloc && !small) return;  // goes on to malloc
    bytes = function.allocator == Allocator::kPymalloc ? (std::max<u64>(bytes, 1) + 15) & ~u64{15} : ChunkBytes(bytes);
    snapshot::MemorySite site;
    site.allocator = function.allocator;
    site.bytes = bytes;
    site.calls = 1;
    calls_.push_back({site, stack_.Follow(sample, Trap::kExecute)});
  }

  void Tell(const Call& call) {
    snapshot::MemorySite site = call.site;
    if (const std::vector<PythonPlace> lines = stack_.Lines(call.trace); !lines.empty()) {
      site.file = columns_.strings.Intern(lines[0].file);
      site.python_function = columns_.strings.Intern(lines[0].function);
      site.line = lines[0].line;
      site.sure = lines[0].sure;
    }
    std::vector<NativeCaller> callers = stack_.Callers(call.trace);
    if (callers.empty()) callers.emplace_back();
    for (size_t i = 0; i < callers.size(); ++i) {
      site.library = columns_.strings.Intern(callers[i].library);
      site.function = columns_.strings.Intern(callers[i].function);
      Count(site);
      site.file = site.python_function = site.line = 0, site.sure = 0;  // told once a call
    }
  }

  void Count(const snapshot::MemorySite& site) {
    auto& row = sites_[{site.allocator, site.bytes, site.library, site.function, site.file, site.line}];
    const u64 calls = row.calls + site.calls, sure = row.sure + site.sure;
    row = site;
    row.calls = calls;
    row.sure = sure;
  }

  void Fill() {
    for (const Call& call : calls_) Tell(call);
    for (const auto& [key, site] : sites_) columns_.memory_sites.push_back(site);
  }

  const WatchInput& input_;
  snapshot::Columns& columns_;
  const std::vector<Mapping>& maps_;
  RemoteMemory memory_;
  LedgerSymbols symbols_;
  std::vector<WatchedFunction> functions_;
  const CodeTable codes_;
  Bytecode bytecode_;
  CallStack stack_;
  const GrowthEdges edges_;
  std::vector<std::unique_ptr<CallEvents>> threads_;
  std::vector<Call> calls_;
  u32 writes_ = 0;  // that were told in this phase
  std::map<std::tuple<Allocator, u64, u32, u32, u32, u32>, snapshot::MemorySite> sites_;
};

}  // namespace

void WatchAllocations(const WatchInput& input, snapshot::Columns* columns) {
  const auto maps = ReadMaps(input.pid, input.proc_root);
  if (maps.ok()) Watch(input, columns, *maps).Run();
}

}  // namespace unleak::capture
