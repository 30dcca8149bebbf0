#include "capture/ledger_watch.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "capture/call_events.h"
#include "capture/code_lines.h"
#include "capture/ledger_symbols.h"
#include "capture/proc_files.h"
#include "capture/proc_memory.h"
#include "capture/ptrace.h"
#include "pylayout/layout.h"

namespace unleak::capture {
namespace {

using snapshot::Allocator;

constexpr u64 kSlices = 20, kSliceNs = 10'000'000;
constexpr u32 kCallsOfSlice = 8;  // of each function and thread
constexpr u32 kMostSamples = 400;
constexpr size_t kMostThreads = 6;
constexpr u64 kSmall = 512;  // what the small-object allocator takes
constexpr u64 kExactSizes = 64 << 10;
constexpr size_t kMostCallers = 24, kMostLibraries = 3;
constexpr u64 kMostTable = 1 << 20;
constexpr u64 kFrameStack = 16 << 10;  // a piece of the block that internal frames lie in (Python/pystate.c)

u64 ChunkBytes(u64 request) {
  const u64 bytes = std::max<u64>(32, (request + 8 + 15) & ~u64{15});
  if (bytes < kExactSizes) return bytes;
  const int shift = 63 - __builtin_clzll(bytes) - 4;
  return bytes >> shift << shift;
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

// Libraries whose frames only pass an allocation on.
bool PassesOn(std::string_view path) {
  const std::string_view name = BaseName(path);
  return name.starts_with("libc.so") || name.starts_with("libc-") || name.starts_with("ld-linux") ||
         name.starts_with("libstdc++") || name.starts_with("libffi") || name.starts_with("libpthread");
}

bool IsAllocator(std::string_view function) {
  for (const char* part :
       {"alloc", "Alloc", "_Znwm", "_Znam", "strdup", "PyMem_", "PyObject_New", "_PyObject_GC_New", "PyType_Generic"})
    if (function.find(part) != function.npos) return true;
  return false;
}

// Does the instruction before `code + 8` call? (E8 rel32; FF /2 with its forms of 2, 3, 6 and 7 bytes.)
bool EndsInCall(const u8* code) {
  if (code[3] == 0xe8) return true;
  for (int length : {2, 3, 6, 7}) {
    const u8* at = code + 8 - length;
    if (*at == 0xff && (at[1] >> 3 & 7) == 2) return true;
    if (length >= 3 && *at == 0x41 && at[1] == 0xff && (at[2] >> 3 & 7) == 2) return true;
  }
  return false;
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
        symbols_(input.pid, maps, input.proc_root) {}

  void Run() {
    FindFunctions();
    if (functions_.empty()) return;
    OpenThreads();
    if (threads_.empty()) return;
    IndexCodes();
    u32 samples = 0;
    for (u64 slice = 0; slice < kSlices && samples < kMostSamples; ++slice) samples += WatchSlice();
    Fill();
  }

 private:
  struct Thread {
    u64 state;  // PyThreadState, 0: a thread without one
    std::unique_ptr<CallEvents> events;
  };

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
        python_ = map.path;
      }
    }
    if (functions_.size() > 4) functions_.clear();  // several C libraries: which one is used is not known
  }

  void AddFunction(const std::string& path, const std::string& name, Allocator allocator, u32 argument) {
    if (const u64 address = symbols_.Find(path, name)) functions_.push_back({allocator, argument, address});
  }

  // The threads that have used most CPU time.
  void OpenThreads() {
    const std::string tasks = input_.proc_root + "/" + std::to_string(input_.pid) + "/task";
    std::vector<std::pair<u64, u32>> order;
    for (u32 tid : NumericEntries(tasks)) {
      u64 cpu = 0;
      if (const auto times = ReadSmallFile(tasks + "/" + std::to_string(tid) + "/schedstat"); times.ok())
        std::from_chars(times->data(), times->data() + times->size(), cpu);
      order.emplace_back(cpu, tid);
    }
    std::sort(order.begin(), order.end(), std::greater<>());
    if (order.size() > kMostThreads) order.resize(kMostThreads);
    std::vector<u64> addresses;
    for (const WatchedFunction& f : functions_) addresses.push_back(f.address);
    for (const auto& [cpu, tid] : order) {
      Thread thread{0, std::make_unique<CallEvents>(tid, addresses)};
      for (size_t i = 0; i < columns_.threads.size() && i < input_.thread_states.size(); ++i)
        if (columns_.threads[i].native_id == tid) thread.state = input_.thread_states[i];
      if (thread.events->active()) threads_.push_back(std::move(thread));
    }
  }

  void IndexCodes() {
    for (u32 i = 0; i < columns_.codes.size(); ++i)
      if (columns_.codes[i].node != kNone) codes_[columns_.address[columns_.codes[i].node]] = i;
  }

  u32 WatchSlice() {
    u32 samples = 0;
    const u64 end = NowNs() + kSliceNs;
    for (Thread& thread : threads_) thread.events->Arm(kCallsOfSlice);
    std::vector<pollfd> polls;
    for (const Thread& thread : threads_) polls.push_back({thread.events->file(), POLLIN, 0});
    for (u64 now = NowNs(); now < end; now = NowNs()) {
      poll(polls.data(), polls.size(), static_cast<int>((end - now) / 1'000'000) + 1);
      for (Thread& thread : threads_)
        samples += thread.events->Drain([&](const CallSample& sample) { Take(thread, sample); });
    }
    return samples;
  }

  void Take(const Thread& thread, const CallSample& sample) {
    const WatchedFunction& function = functions_[sample.function];
    u64 bytes = function.size_argument == 2 ? sample.arguments[0] * sample.arguments[1]
                                            : sample.arguments[function.size_argument];
    const bool small = bytes <= kSmall;
    if (function.allocator == Allocator::kPymalloc && !small) return;  // goes on to malloc
    bytes = function.allocator == Allocator::kPymalloc ? (std::max<u64>(bytes, 1) + 15) & ~u64{15} : ChunkBytes(bytes);
    snapshot::MemorySite site;
    site.allocator = function.allocator;
    site.bytes = bytes;
    site.calls = 1;
    FindPython(thread, sample, &site);
    std::vector<std::pair<std::string, std::string>> callers = Callers(sample);
    if (callers.empty()) callers.emplace_back();
    for (size_t i = 0; i < callers.size(); ++i) {
      site.library = columns_.strings.Intern(callers[i].first);
      site.function = columns_.strings.Intern(callers[i].second);
      Count(site);
      site.file = site.python_function = site.line = 0;  // told once a call
    }
  }

  void Count(const snapshot::MemorySite& site) {
    auto& row = sites_[{site.allocator, site.bytes, site.library, site.function, site.file, site.line}];
    const u64 calls = row.calls + site.calls;
    row = site;
    row.calls = calls;
  }

  // Of each library on the stack the function that called out of it first, nearest first. What looks like a return
  // address may be left from an earlier call; allocators and what passes on are left out.
  std::vector<std::pair<std::string, std::string>> Callers(const CallSample& sample) {
    std::vector<std::pair<std::string, std::string>> callers, of_python;
    size_t seen = 0;
    for (u64 at = 0; at + sizeof(u64) <= sample.stack.size() && seen < kMostCallers && callers.size() < kMostLibraries;
         at += sizeof(u64)) {
      u64 word;
      std::memcpy(&word, sample.stack.data() + at, sizeof word);
      const Mapping* map = symbols_.FileAt(word);
      if (!map || !map->executable || !IsReturn(word)) continue;
      ++seen;
      if (PassesOn(map->path)) continue;
      const std::string function = symbols_.FunctionAt(word - 1);
      if (IsAllocator(function)) continue;
      auto& list = map->path == python_ ? of_python : callers;
      const bool known = std::any_of(list.begin(), list.end(), [&](const auto& c) { return c.first == map->path; });
      if (!known) list.emplace_back(map->path, function);
    }
    return callers.empty() ? of_python : callers;
  }

  bool IsReturn(u64 address) {
    const auto [at, fresh] = returns_.try_emplace(address, false);
    u8 code[8];
    if (fresh && memory_.Read(address - 8, code, sizeof code)) at->second = EndsInCall(code);
    return at->second;
  }

  // The innermost Python frame now, if the call's registers or stack name it: then it is that of the call.
  void FindPython(const Thread& thread, const CallSample& sample, snapshot::MemorySite* site) {
    if (!thread.state) return;
    const auto& layout = input_.layout;
    u64 frame = 0;
    if (layout.thread.frame >= 0 && (layout.hex >= 0x030d0000 || !layout.frame.internal)) {
      frame = memory_.Word(thread.state + static_cast<u64>(layout.thread.frame));
    } else {
      const u64 c_frame = memory_.Word(thread.state + static_cast<u64>(layout.thread.cframe));
      if (c_frame) frame = memory_.Word(c_frame + static_cast<u64>(layout.thread.cframe_current));
    }
    if (!frame) return;
    u64 code = memory_.Word(frame + static_cast<u64>(layout.frame.code));
    if (layout.frame.tagged) code &= ~u64{7};
    const auto known = codes_.find(code);
    if (known == codes_.end() || !WasInnermost(sample, frame, code)) return;
    site->file = columns_.codes[known->second].file;
    site->python_function = columns_.codes[known->second].qualname;
    site->line = Line(known->second, code, frame);
  }

  // Was `frame` the innermost one at the call? Then its address is in a register that is kept or on the stack, and
  // nearer than that of any frame inside of it. If the thread has gone on meanwhile, that inner frame gives it away.
  bool WasInnermost(const CallSample& sample, u64 frame, u64 code) {
    std::vector<u64> words(std::begin(sample.kept), std::end(sample.kept));
    words.resize(words.size() + sample.stack.size() / sizeof(u64));
    std::memcpy(words.data() + std::size(sample.kept), sample.stack.data(),
                sample.stack.size() / sizeof(u64) * sizeof(u64));
    const auto first = std::find(words.begin(), words.end(), frame);
    if (first == words.end()) return false;
    // Registers have no order: all of them count.
    const auto end = std::max(first, words.begin() + std::size(sample.kept));
    return std::none_of(words.begin(), end, [&](u64 word) { return word != frame && IsInside(word, frame, code); });
  }

  // May `word` be a frame that was called from `frame`? Internal frames follow each other in one block of memory; frame
  // objects lie anywhere.
  bool IsInside(u64 word, u64 frame, u64 code) {
    const auto& layout = input_.layout;
    if (layout.frame.internal) {
      const u64 slots = u64{memory_.Word32(code + static_cast<u64>(layout.code.nlocalsplus))} +
                        memory_.Word32(code + static_cast<u64>(layout.code.stacksize));
      const u64 end = frame + static_cast<u64>(layout.frame.localsplus) + 8 * slots;
      return word >= end && word < end + kFrameStack;
    }
    const Mapping* map = word % 8 == 0 ? FindMapping(maps_, word) : nullptr;
    if (!map || !map->writable || map->path.starts_with('/')) return false;
    const u64 type = static_cast<u64>(layout.object.type);
    return memory_.Word(word + type) == memory_.Word(frame + type);
  }

  u32 Line(u32 index, u64 code, u64 frame) {
    const auto& layout = input_.layout;
    i64 offset = 0;
    if (layout.frame.internal) {
      offset = static_cast<i64>(memory_.Word(frame + static_cast<u64>(layout.frame.instruction)) - code -
                                static_cast<u64>(layout.code.code_adaptive));
    } else {
      const i64 last = static_cast<i32>(memory_.Word32(frame + static_cast<u64>(layout.frame.lasti)));
      offset = layout.hex >= 0x030a0000 ? last * 2 : last;
    }
    const u64 table = memory_.Word(code + static_cast<u64>(layout.code.linetable));
    const u64 size = table ? memory_.Word(table + static_cast<u64>(layout.bytes_object.size)) : 0;
    if (size == 0 || size > kMostTable) return 0;
    std::vector<u8> bytes(size);
    if (!memory_.Read(table + static_cast<u64>(layout.bytes_object.bytes), bytes.data(), size)) return 0;
    return LineOfInstruction(static_cast<u32>(layout.hex), bytes, columns_.codes[index].first_line, offset);
  }

  void Fill() {
    for (const auto& [key, site] : sites_) columns_.memory_sites.push_back(site);
  }

  const WatchInput& input_;
  snapshot::Columns& columns_;
  const std::vector<Mapping>& maps_;
  RemoteMemory memory_;
  LedgerSymbols symbols_;
  std::string python_;
  std::vector<WatchedFunction> functions_;
  std::vector<Thread> threads_;
  std::unordered_map<u64, u32> codes_;
  std::unordered_map<u64, bool> returns_;
  std::map<std::tuple<Allocator, u64, u32, u32, u32, u32>, snapshot::MemorySite> sites_;
};

}  // namespace

void WatchAllocations(const WatchInput& input, snapshot::Columns* columns) {
  const auto maps = ReadMaps(input.pid, input.proc_root);
  if (maps.ok()) Watch(input, columns, *maps).Run();
}

}  // namespace unleak::capture
