// Heap::Build on synthetic heaps: service (objects with attributes, lists, tuples, back references), chain (one linked
// list), web (random, three edges an object: the worst case for caches), garbage (cycles of three that nothing holds).
// The argument is the number of objects. Counters: objects a second of CPU time, and the peak RSS of the process so
// far, of which `input` MiB were the columns; run one benchmark a process (--benchmark_filter) to read it.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <numeric>
#include <random>

#include "graph/heap.h"

namespace unleak::graph {
namespace {

using snapshot::Columns;
using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

enum TypeIndex : u32 { kModuleType, kDictType, kListType, kTupleType, kStrType, kClassType, kSession };

class Maker {
 public:
  explicit Maker(u32 objects) {
    const Role roles[] = {Role::kModule, Role::kDict, Role::kList,    Role::kTuple,
                          Role::kStr,    Role::kType, Role::kInstance};
    const char* names[] = {"module", "dict", "list", "tuple", "str", "type", "app.Session"};
    for (size_t i = 0; i < std::size(roles); ++i) {
      snapshot::Type type;
      type.name = c_.strings.Intern(names[i]);
      type.role = roles[i];
      type.gc = roles[i] != Role::kStr;
      c_.types.push_back(type);
    }
    name_ = c_.strings.Intern("data");
    dict_ = c_.strings.Intern("__dict__");
    c_.edge_row.reserve(objects + 2);
    for (auto* column : {&c_.type, &c_.size, &c_.refcount, &c_.length}) column->reserve(objects);
    c_.address.reserve(objects);
    c_.flags.reserve(objects);
    c_.edge_row.push_back(0);
  }

  u32 next() const { return c_.node_count(); }
  void Edge(u32 to, LabelKind kind, u32 value) {
    c_.edge_target.push_back(to);
    c_.edge_label.push_back(Label::Pack(EdgeClass::kTraverse, kind, value));
  }
  void Name(u32 to) { Edge(to, LabelKind::kName, name_); }
  void Dict(u32 to) { Edge(to, LabelKind::kName, dict_); }
  void Item(u32 to, u32 index) { Edge(to, LabelKind::kIndex, index); }
  void Node(TypeIndex type, u32 size) {
    const u32 edges = static_cast<u32>(c_.edge_target.size()) - c_.edge_row.back();
    c_.address.push_back(0x7f0000000000 + 64 * u64{c_.node_count()});
    c_.type.push_back(type);
    c_.size.push_back(size);
    c_.flags.push_back(c_.types[type].gc ? snapshot::kTracked : u16{0});
    c_.length.push_back(type == kListType || type == kDictType || type == kTupleType ? edges : kNone);
    c_.edge_row.push_back(static_cast<u32>(c_.edge_target.size()));
  }

  // sys.modules, app, its dict, and the class: nodes 0 to 3; `first` is what the module holds.
  void Header(u32 first) {
    Edge(1, LabelKind::kKeyName, c_.strings.Intern("app"));
    Node(kDictType, 200);
    Dict(2);
    Node(kModuleType, 80);
    Edge(first, LabelKind::kKeyName, c_.strings.Intern("DATA"));
    Edge(3, LabelKind::kKeyName, c_.strings.Intern("Session"));
    Node(kDictType, 300);
    Node(kClassType, 1000);
    c_.types[kSession].node = 3;
    c_.roots.push_back({0, snapshot::RootKind::kInterpreter, c_.strings.Intern("sys.modules"), kNone, kNone, 0});
  }

  Columns Take() {
    c_.refcount.assign(c_.node_count(), 0);
    for (u32 to : c_.edge_target) ++c_.refcount[to];
    for (const auto& root : c_.roots) ++c_.refcount[root.node];
    c_.edge_target.shrink_to_fit();
    c_.edge_label.shrink_to_fit();
    c_.meta.python_hex = 0x030c01f0;
    return std::move(c_);
  }

 private:
  Columns c_;
  u32 name_, dict_;
};

// Instance -> dict -> list, tuple -> str, str; list -> str; tuple -> back to the instance: 8 objects, 12 edges.
Columns Service(u32 objects) {
  Maker m(objects);
  const u32 groups = (objects - 5) / 8, table = 4;
  m.Header(table);
  for (u32 g = 0; g < groups; ++g) m.Item(5 + g * 8, g);
  m.Node(kListType, 56 + 8 * groups);
  for (u32 g = 0; g < groups; ++g) {
    const u32 at = m.next();
    m.Dict(at + 1);
    m.Edge(3, LabelKind::kType, 0);
    m.Node(kSession, 64);
    for (u32 i = 2; i < 6; ++i) m.Edge(at + i, LabelKind::kKeyName, 1);
    m.Node(kDictType, 200);
    m.Item(at + 6, 0);
    m.Item(at + 7, 1);
    m.Node(kListType, 88);
    m.Item(at, 0);
    m.Item(at + 7, 1);
    m.Node(kTupleType, 56);
    for (u32 i = 4; i < 8; ++i) m.Node(kStrType, 60);
  }
  return m.Take();
}

// Every node: an instance with its value and the next one.
Columns Chain(u32 objects) {
  Maker m(objects);
  m.Header(4);
  for (u32 n = 4; n + 1 < objects; n += 2) {
    m.Name(n + 1);
    if (n + 3 < objects) m.Name(n + 2);
    m.Edge(3, LabelKind::kType, 0);
    m.Node(kSession, 64);
    m.Node(kStrType, 60);
  }
  return m.Take();
}

Columns Web(u32 objects) {
  Maker m(objects);
  m.Header(4);
  std::mt19937 random(5);
  for (u32 n = 4; n < objects; ++n) {
    for (u32 i = 0; i < 3; ++i) m.Item(4 + static_cast<u32>(random() % (objects - 4)), i);
    m.Node(kListType, 80);
  }
  return m.Take();
}

Columns Garbage(u32 objects) {
  Maker m(objects);
  m.Header(4);
  m.Node(kListType, 56);
  while (m.next() + 4 <= objects) {
    const u32 at = m.next();
    m.Name(at + 1);
    m.Edge(3, LabelKind::kType, 0);
    m.Node(kSession, 64);
    m.Name(at + 2);
    m.Edge(3, LabelKind::kType, 0);
    m.Node(kSession, 64);
    m.Name(at);
    m.Name(at + 3);
    m.Edge(3, LabelKind::kType, 0);
    m.Node(kSession, 64);
    m.Node(kStrType, 60);
  }
  return m.Take();
}

double PeakMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void BuildHeap(benchmark::State& state, Columns (*make)(u32)) {
  const u32 objects = static_cast<u32>(state.range(0));
  double input = 0, edges = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Columns columns = make(objects);
    input = PeakMiB();
    edges = columns.edge_count();
    state.ResumeTiming();
    auto heap = Heap::Build(std::move(columns));
    if (!heap.ok()) state.SkipWithError(heap.status().message().c_str());
    benchmark::DoNotOptimize(heap);
    state.PauseTiming();
    { const auto gone = std::move(heap); }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * objects);
  state.counters["edges"] = edges;
  state.counters["input_MiB"] = input;
  state.counters["peak_MiB"] = PeakMiB();
}

BENCHMARK_CAPTURE(BuildHeap, service, Service)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BuildHeap, chain, Chain)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BuildHeap, web, Web)->Arg(1'000'000)->Arg(5'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BuildHeap, garbage, Garbage)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace unleak::graph
