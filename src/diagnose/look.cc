#include "diagnose/look.h"

#include <algorithm>

#include "base/hash.h"
#include "diagnose/cycles.h"
#include "diagnose/peaks.h"

namespace unleak::diagnose {
namespace {

using graph::Heap;
using graph::Population;
using snapshot::Columns;
using snapshot::Label;
using snapshot::LabelKind;
using snapshot::Role;

constexpr size_t kSketchBudget = 4u << 20;   // fingerprints over all containers: 32 MiB
constexpr u32 kMostSketch = 64;
constexpr size_t kMostThreads = 256;
constexpr double kMostWaited = 1.25;  // of the time between two looks: times of threads are read a little after the stop
constexpr size_t kManyContainers = 400'000;  // above it only longer ones are followed
constexpr u64 kLeastBlock = 4 << 10, kLeastBlockOfMany = 64 << 10;  // bytes
constexpr size_t kManyBlocks = 100'000;
constexpr u64 kShortest = 4, kShortestOfMany = 16;
constexpr u64 kShortestTuple = 8;  // of those that grow by being replaced (`entries += (entry,)`): followed along their path alone

u64 Mix(u64 a, u64 b) {
  u64 x = (a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdull;
  return x ^ (x >> 33);
}

void FillFacts(const Heap& heap, double at_s, LookFacts& facts) {
  const Columns& c = heap.columns();
  facts.at_s = at_s;
  facts.objects = c.node_count();
  facts.bytes = c.total_bytes();
  facts.rss = c.meta.rss_bytes;
  facts.peak_rss = c.meta.peak_rss_bytes;
  facts.thread_count = c.threads.size();
  for (const auto& thread : c.threads)
    if (thread.native_id != 0 && facts.threads.size() < kMostThreads) facts.threads.push_back({thread.native_id, thread.cpu_ns, thread.waited_ns});
  facts.cpu_ns = c.meta.cpu_ns;
  facts.cpu_before_ns = c.meta.cpu_before_ns ? c.meta.cpu_before_ns : c.meta.cpu_ns;
  facts.uptime_s = static_cast<double>(c.meta.boot_ns - std::min(c.meta.boot_ns, c.meta.process_start_ns)) * 1e-9;
  facts.collector_on = false;
  for (const auto& gc : c.collectors) {
    facts.collector_on |= gc.enabled && gc.threshold[0] > 0;
    facts.threshold0 = std::max(facts.threshold0, gc.threshold[0]);
    for (u64 n : gc.collected) facts.collected += n;
  }
  if (c.collectors.empty()) facts.collector_on = true;
  Json skipped = Json::array();
  for (u32 t : c.meta.skipped_types)
    if (t < c.types.size()) skipped.push_back(c.strings.at(c.types[t].name));
  facts.snapshot = {{"pid", c.meta.pid}, {"at_s", at_s}, {"producer", snapshot::NameOf(c.meta.producer)},
                    {"stop", snapshot::NameOf(c.meta.stop)}, {"retakes", c.meta.retakes}, {"objects", facts.objects},
                    {"bytes", facts.bytes}, {"rss", facts.rss}, {"pause_ms", static_cast<double>(c.meta.pause_ns) * 1e-6},
                    {"completeness", heap.completeness().score()}, {"skipped_types", skipped}, {"file", nullptr}};
}

// Keeps those with the smallest hashes; `sketch` is a max-heap.
void AddToSketch(std::vector<Fingerprint>& sketch, Fingerprint f) {
  if (sketch.size() < kPathSketch) {
    sketch.push_back(f);
    std::push_heap(sketch.begin(), sketch.end());
  } else if (f < sketch.front()) {
    std::pop_heap(sketch.begin(), sketch.end());
    sketch.back() = f;
    std::push_heap(sketch.begin(), sketch.end());
  }
}

void AddToSketch(const Heap& heap, u32 element, std::vector<Fingerprint>& sketch) {
  const u32 hash = SketchHash(heap.columns().address[element]);
  if (sketch.size() < kPathSketch || hash < HashOf(sketch.front())) AddToSketch(sketch, FingerprintOf(heap, element));
}

void CountPopulations(const Heap& heap, LookSummary& look) {
  const Columns& c = heap.columns();
  std::vector<TypeTotal> totals(c.types.size());
  for (u32 n = 0; n < c.node_count(); ++n) {
    const auto population = static_cast<size_t>(heap.population(n));
    ++totals[c.type[n]].objects[population];
    totals[c.type[n]].bytes[population] += c.size_of(n);
    if (heap.population(n) != Population::kGarbage) ++look.facts.live_objects, look.facts.live_bytes += c.size_of(n);
    if (heap.population(n) == Population::kRetained) AddToSketch(heap, n, totals[c.type[n]].sketch);
    if (heap.population(n) == Population::kGarbage && c.flags[n] & snapshot::kTracked) ++look.facts.garbage_objects;
  }
  for (u32 t = 0; t < c.types.size(); ++t) {
    TypeTotal& sum = look.types[std::string(c.strings.at(c.types[t].name))];
    for (size_t p = 0; p < 6; ++p) {
      sum.objects[p] += totals[t].objects[p];
      sum.bytes[p] += totals[t].bytes[p];
    }
    for (Fingerprint f : totals[t].sketch) AddToSketch(sum.sketch, f);
  }
}

void Sketch(const std::vector<Fingerprint>& sketch, LookSummary& look, Container& out) {
  out.sketch_from = static_cast<u32>(look.sketches.size());
  out.sketch_count = static_cast<u32>(sketch.size());
  look.sketches.insert(look.sketches.end(), sketch.begin(), sketch.end());
}

// Roles whose objects have nothing but their bytes to grow by, or a block that no field counts.
bool IsBlock(Role role) { return !IsGrowable(role) && role != Role::kTuple && role != Role::kFrozenset && role != Role::kType; }

// What an object weighs. A file in memory is as long as what was written: its buffer grows in jumps.
u64 WeightOf(const Columns& c, u32 n) {
  const u64 length = c.role_of(n) == Role::kFile ? c.length_of(n) : 0;
  return length != 0 ? length : c.size_of(n);
}

// Objects of many bytes: followed by what they weigh, at their address and along their path.
void FoldBlocks(const Heap& heap, PathHasher& paths, LookSummary& look) {
  const Columns& c = heap.columns();
  const auto is_block = [&](u32 n, u64 least) { return WeightOf(c, n) >= least && heap.population(n) == Population::kRetained && IsBlock(c.role_of(n)); };
  size_t blocks = 0;
  for (u32 n = 0; n < c.node_count(); ++n) blocks += is_block(n, kLeastBlock);
  const u64 least = blocks > kManyBlocks ? kLeastBlockOfMany : kLeastBlock;
  for (u32 n = 0; n < c.node_count(); ++n) {
    if (!is_block(n, least)) continue;
    Container block;
    block.address = c.address[n];
    block.length = WeightOf(c, n);
    block.path = paths.Hash(n);
    block.type_hash = static_cast<u32>(Fnv1a(c.type_name(n)));
    block.in_bytes = true;
    look.containers.push_back(block);
    PathBlock& total = look.blocks[block.path];
    ++total.count;
    total.bytes += block.length;
    if (block.length > total.biggest) total.biggest = block.length, total.address = block.address;
  }
  std::sort(look.containers.begin(), look.containers.end(), [](const Container& a, const Container& b) { return a.address < b.address; });
}

void FoldContainers(const Heap& heap, LookSummary& look) {
  const Columns& c = heap.columns();
  size_t candidates = 0;
  for (u32 n = 0; n < c.node_count(); ++n) candidates += IsGrowable(c.role_of(n)) && c.length_of(n) >= kShortest;
  const u64 shortest = candidates > kManyContainers ? kShortestOfMany : kShortest;
  const u32 most = static_cast<u32>(std::clamp<size_t>(kSketchBudget / std::max<size_t>(candidates, 1), 4, kMostSketch));
  PathHasher paths(heap);
  for (u32 n = 0; n < c.node_count(); ++n) {
    const bool rebuilt = c.role_of(n) == Role::kTuple && c.length_of(n) >= kShortestTuple;
    if ((!IsGrowable(c.role_of(n)) && !rebuilt) || heap.population(n) != Population::kRetained) continue;
    const u64 length = c.length_of(n);
    if (length == 0) continue;
    Container box;
    box.address = c.address[n];
    box.length = length;
    box.path = paths.Hash(n);
    box.type_hash = static_cast<u32>(Fnv1a(c.type_name(n)));
    box.in_bytes = c.role_of(n) == Role::kBytearray;
    if (!box.in_bytes) {
      PathTotal& total = look.paths[box.path];
      total.entries += length;
      ++total.containers;
      if (length > total.longest) total.longest = length, total.example = box.address;
      for (u32 e : Elements(c, n)) AddToSketch(heap, e, total.sketch);
    }
    if (length < shortest || rebuilt) continue;
    if (!box.in_bytes) Sketch(SketchOf(heap, n, most), look, box);
    look.containers.push_back(box);
  }
  FoldBlocks(heap, paths, look);
}

}  // namespace

bool IsGrowable(Role role) {
  switch (role) {
    case Role::kDict:
    case Role::kList:
    case Role::kSet:
    case Role::kBytearray:
    case Role::kDeque:
    case Role::kOrderedDict:
    case Role::kDefaultdict:
    case Role::kCounter: return true;
    default: return false;
  }
}

PathHasher::PathHasher(const Heap& heap) : heap_(heap), memo_(heap.node_count(), 0), hashes_(1) {}

u64 PathHasher::StepHash(u32 node) const {
  const Columns& c = heap_.columns();
  const u32 edge = heap_.parent_edge(node), label = edge == kNone ? 0 : c.edge_label[edge];
  const u64 type = Fnv1a(c.type_name(node));
  const auto kind = Label::Kind(label);
  if (kind == LabelKind::kName || kind == LabelKind::kLocal || kind == LabelKind::kKeyName) {
    const u32 parent = heap_.parent(node);
    const bool open = kind == LabelKind::kKeyName && c.length_of(parent) > 64 && DictOwner(heap_, parent) == kNone;
    return Mix(type, open ? 2 : Fnv1a(c.strings.at(Label::Value(label))));
  }
  return Mix(type, kind == LabelKind::kKeyNode ? 2 : kind == LabelKind::kKey ? 3 : 1);
}

u64 PathHasher::Extend(u32 node) const {
  const u32 parent = heap_.parent(node), root = heap_.root_of(node);
  const u64 step = StepHash(node);
  if (parent == kNone) return Mix(step, root == kNone ? 7 : Fnv1a(heap_.roots()[root].name));
  const u64 above = hashes_[memo_[parent]];
  const bool run = heap_.parent(parent) != kNone && StepHash(parent) == step;  // of the same (edge, type) is one step: linked lists
  return run ? above : Mix(above, step);
}

u64 PathHasher::Hash(u32 node) {
  stack_.clear();
  for (u32 at = node; at != kNone && memo_[at] == 0; at = heap_.parent(at)) stack_.push_back(at);
  for (size_t i = stack_.size(); i-- > 0;) {
    const u64 hash = Extend(stack_[i]);
    const auto [place, added] = places_.try_emplace(hash, static_cast<u32>(hashes_.size()));
    if (added) hashes_.push_back(hash);
    memo_[stack_[i]] = place->second;
  }
  return hashes_[memo_[node]];
}

void TellAble(const LookFacts& before, LookFacts& now) {
  u64 most_cpu = 0, waited = 0;
  for (const ThreadTime& thread : now.threads)
    for (const ThreadTime& was : before.threads) {
      if (was.native_id != thread.native_id || thread.cpu_ns < was.cpu_ns + most_cpu || thread.waited_ns < was.waited_ns) continue;
      most_cpu = thread.cpu_ns - was.cpu_ns;
      waited = thread.waited_ns - was.waited_ns;
    }
  const double seconds = now.at_s - before.at_s, lost = static_cast<double>(waited) * 1e-9;
  const bool possible = lost <= kMostWaited * seconds;
  now.able_s = before.able_s + (possible ? std::max(seconds - lost, kLeastAble * seconds) : seconds);
}

void AddTime(const LookFacts& facts, Series& series) {
  series.at_s.push_back(facts.at_s);
  series.able_s.push_back(facts.able_s);
}

LookSummary Summarise(const Heap& heap, double at_s, bool with_peaks) {
  LookSummary look;
  FillFacts(heap, at_s, look.facts);
  CountPopulations(heap, look);
  FoldContainers(heap, look);
  look.cycles = FoldCycles(heap);
  look.audit = FoldAudit(heap);
  look.memory = FoldMemory(heap.columns());
  if (with_peaks) look.peaks = FindPeakHolders(heap), look.queues = FindQueuePeaks(heap);
  return look;
}

}  // namespace unleak::diagnose
