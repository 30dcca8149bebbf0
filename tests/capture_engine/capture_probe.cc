// capture_probe PID [options]: one walk in the twin with a sink that checks and counts; prints one line of facts.
//   --count N     N walks one after the other, a line each
//   --retakes N   at most N retakes (default 2)
//   --wait MS     for a safe point (default 1000)
//   --dump FILE   the stream as it is, preceded by nothing
//   --quiet       no conservative scans
//   --no-labels, --no-blocks  without edge labels, without owned blocks
//   --bare        do not look at the words at all (to time the walk itself)
// Exit status: 0 all walks done, 1 one failed, 2 usage.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include "capture/inspect_python.h"
#include "capture/maps.h"
#include "capture/twin.h"
#include "pylayout/tables.h"
#include "walker/flags.h"

namespace {

using namespace unleak;
using capture::Clone;

struct Arguments {
  u32 pid = 0;
  int count = 1;
  bool bare = false;
  const char* dump = nullptr;
  capture::Options options;
};

// Counts records by kind, and holds what the stream promises about their order.
class CountingSink final : public capture::StreamSink {
 public:
  CountingSink(bool bare, FILE* dump) : bare_(bare), dump_(dump) {}

  void Words(const u64* words, std::size_t count) override {
    if (dump_) std::fwrite(words, sizeof *words, count, dump_);
    if (bare_) return;
    for (std::size_t i = 0; i < count;) {
      std::size_t length = (words[i] & 7) <= UNLEAK_BLOCK ? 2 : 4;
      if (i + length > count) {
        ++cut_records;
        return;
      }
      Record(words + i);
      i += length;
    }
  }

  void Restart() override {
    *this = CountingSink(bare_, dump_);
    if (!dump_) return;
    std::rewind(dump_);
    if (ftruncate(fileno(dump_), 0)) std::perror("capture_probe");
  }

  u64 edges = 0, labels[8] = {}, blocks = 0, block_bytes = 0, leaves = 0, nodes = 0, groups = 0, frames = 0;
  u64 bytes = 0, ints = 0, cut_records = 0, wrong_counts = 0, duplicates = 0, flagged[16] = {};

 private:
  void Record(const u64* w) {
    switch (w[0] & 7) {
      case UNLEAK_BLOCK:
        ++blocks;
        block_bytes += w[1];
        return;
      case UNLEAK_LEAF_NODE:
        ++leaves;
        ints += (w[2] & 0xffffffff) != 0;
        Node(w);
        return;
      case UNLEAK_FAULTED:
      case UNLEAK_NODE:
        if (w[0] == UNLEAK_NODE) {
          ++groups;
          frames += w[1] == UNLEAK_GROUP_FRAME;
        } else {
          ++nodes;
          wrong_counts += (w[2] & 0xffffffff) != open_edges_;
          Node(w);
        }
        open_edges_ = 0;
        return;
      default:
        ++edges;
        ++open_edges_;
        ++labels[w[1] & 7];
    }
  }

  void Node(const u64* w) {
    bytes += w[1] & 0xffffffff;
    duplicates += !seen_.insert(w[0] & ~u64{7}).second;
    for (int bit = 0; bit < 16; ++bit) flagged[bit] += w[3] >> bit & 1;
  }

  bool bare_;
  FILE* dump_;
  u64 open_edges_ = 0;
  std::unordered_set<u64> seen_;
};

const char* StopName(snapshot::Stop stop) {
  switch (stop) {
    case snapshot::Stop::kSafe: return "safe";
    case snapshot::Stop::kGilFree: return "gil-free";
    case snapshot::Stop::kBlind: return "blind";
    default: return "none";
  }
}

void Print(const capture::TwinFacts& f, const CountingSink& s, u64 names) {
  auto n = [](u64 value) { return static_cast<unsigned long long>(value); };
  std::printf("ok stop=%s retakes=%u collecting=%d pause_us=%llu total_pause_us=%llu clone_cpu_ms=%.1f tracer_cpu_ms=%.1f "
              "nodes=%llu listed=%llu traverse=%llu omitted=%llu conservative=%llu type_edges=%llu roots=%llu types=%zu names=%llu "
              "bad=%llu dead=%llu broken=%llu faults=%llu hangs=%llu calls=%llu words=%llu",
              StopName(f.stop), f.retakes, f.collecting, n(f.pause_ns / 1000), n(f.total_pause_ns / 1000),
              static_cast<double>(f.clone_cpu_ns) * 1e-6, static_cast<double>(f.tracer_cpu_ns) * 1e-6, n(f.nodes), n(f.listed),
              n(f.edges[0]), n(f.edges[1]), n(f.edges[2]), n(f.edges[3]), n(f.roots), f.types.size(), n(names), n(f.bad_edges),
              n(f.dead_targets), n(f.broken_links), n(f.faults), n(f.hangs), n(f.system_calls), n(f.stream_words));
  std::printf(" leaves=%llu groups=%llu frames=%llu blocks=%llu block_bytes=%llu bytes=%llu ints=%llu cut=%llu miscounted=%llu duplicates=%llu",
              n(s.leaves), n(s.groups), n(s.frames), n(s.blocks), n(s.block_bytes), n(s.bytes), n(s.ints), n(s.cut_records),
              n(s.wrong_counts), n(s.duplicates));
  std::printf(" labels=%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu", n(s.labels[0]), n(s.labels[1]), n(s.labels[2]), n(s.labels[3]),
              n(s.labels[4]), n(s.labels[5]), n(s.labels[6]), n(s.labels[7]));
  std::printf(" flags=");
  for (int bit = 0; bit < 11; ++bit) std::printf("%s%llu", bit ? "," : "", n(s.flagged[bit]));
  std::printf("\n");
  for (const std::string& cause : f.fault_causes) std::printf("  fault %s\n", cause.c_str());
  for (const std::string& note : f.notes) std::printf("  note %s\n", note.c_str());
}

int Fail(const Status& status) {
  std::printf("failed code=%d %s\n", static_cast<int>(status.code()), status.message().c_str());
  return 1;
}

int Walk(const Arguments& arguments, const capture::PythonImage& python, const unleak_layout& layout) {
  FILE* dump = arguments.dump ? std::fopen(arguments.dump, "wb") : nullptr;
  CountingSink sink(arguments.bare, dump);
  u64 names = 0;
  auto read_names = [&](const Clone& clone) {
    capture::RemoteMemory memory = clone.memory;
    for (const unleak_type_entry& type : clone.types)
      names += !memory.CString(memory.Word(type.address + static_cast<u64>(layout.type.name)), 256).empty();
    return Status::Ok();
  };
  auto facts = capture::WalkTwin(arguments.pid, arguments.options, layout, python.addresses, sink, read_names);
  if (dump) std::fclose(dump);
  if (!facts.ok()) return Fail(facts.status());
  Print(*facts, sink, names);
  return sink.cut_records || sink.wrong_counts ? 1 : 0;
}

bool Parse(int argc, char** argv, Arguments* a) {
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    bool value = i + 1 < argc;
    if (option == "--count" && value) a->count = std::atoi(argv[++i]);
    else if (option == "--retakes" && value) a->options.max_retakes = std::atoi(argv[++i]);
    else if (option == "--wait" && value) a->options.safe_point_wait_ns = std::strtoull(argv[++i], nullptr, 10) * 1'000'000;
    else if (option == "--dump" && value) a->dump = argv[++i];
    else if (option == "--quiet") a->options.conservative = false;
    else if (option == "--no-labels") a->options.labels = false;
    else if (option == "--no-blocks") a->options.blocks = false;
    else if (option == "--bare") a->bare = true;
    else if (option[0] != '-') a->pid = static_cast<u32>(std::strtoul(argv[i], nullptr, 10));
    else return false;
  }
  return a->pid != 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fprintf(stderr, "usage: capture_probe PID [--count N] [--retakes N] [--wait MS] [--dump FILE] [--quiet] [--bare]\n");
    return 2;
  }
  auto maps = capture::ReadMaps(arguments.pid);
  if (!maps.ok()) return Fail(maps.status());
  std::string link = "/proc/" + std::to_string(arguments.pid) + "/exe";
  char executable[4096];
  ssize_t length = readlink(link.c_str(), executable, sizeof executable);
  auto python = capture::FindPython(arguments.pid, *maps, std::string(executable, length > 0 ? static_cast<std::size_t>(length) : 0), "/proc");
  if (!python.ok()) return Fail(python.status());
  const unleak_layout* layout = pylayout::FindLayout(python->python_hex, python->free_threaded);
  if (!layout) return Fail(Status(Code::kUnsupported, "no layout for this version"));
  int status = 0;
  for (int i = 0; i < arguments.count; ++i) status |= Walk(arguments, *python, *layout);
  return status;
}
