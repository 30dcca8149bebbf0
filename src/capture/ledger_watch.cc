#include "capture/ledger_watch.h"

#include <poll.h>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

#include "capture/call_events.h"
#include "capture/call_stack.h"
#include "capture/code_table.h"
#include "capture/ledger_symbols.h"
#include "capture/proc_files.h"
#include "capture/proc_memory.h"
#include "capture/ptrace.h"

namespace unleak::capture {
namespace {

using snapshot::Allocator;

constexpr u64 kSlices = 20, kSliceNs = 10'000'000;
constexpr u32 kCallsOfSlice = 8;  // of each function and thread
constexpr u32 kMostSamples = 400;
constexpr size_t kMostThreads = 6;
constexpr u64 kSmall = 512;  // what the small-object allocator takes
constexpr u64 kExactSizes = 64 << 10;

u64 ChunkBytes(u64 request) {
  const u64 bytes = std::max<u64>(32, (request + 8 + 15) & ~u64{15});
  if (bytes < kExactSizes) return bytes;
  const int shift = 63 - __builtin_clzll(bytes) - 4;
  return bytes >> shift << shift;
}

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
        stack_(memory_, symbols_, bytecode_, maps) {}

  void Run() {
    FindFunctions();
    if (functions_.empty()) return;
    OpenThreads();
    if (threads_.empty()) return;
    u32 samples = 0;
    for (u64 slice = 0; slice < kSlices && samples < kMostSamples; ++slice) samples += WatchSlice();
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
  std::vector<std::unique_ptr<CallEvents>> threads_;
  std::vector<Call> calls_;
  std::map<std::tuple<Allocator, u64, u32, u32, u32, u32>, snapshot::MemorySite> sites_;
};

}  // namespace

void WatchAllocations(const WatchInput& input, snapshot::Columns* columns) {
  const auto maps = ReadMaps(input.pid, input.proc_root);
  if (maps.ok()) Watch(input, columns, *maps).Run();
}

}  // namespace unleak::capture
