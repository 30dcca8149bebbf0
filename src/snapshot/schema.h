// Which section holds which column: one list for the writer and the reader.
//
// VisitSections(columns, visitor) calls, in file order,
//   visitor.Column(id, transform, required, vector)      a vector of u8, u16, u32 or u64
//   visitor.Member(id, transform, vector, &Struct::x)    one member of a vector of structs, stored as a column
//   visitor.Records(id, required, vector, fields)        a vector of structs; fields(record, f) calls f on each field
// `columns` may be const. Fields are only ever added at the end: an older file has shorter records, whose missing
// fields keep their defaults; a newer one has longer records, whose unknown fields are skipped.
#pragma once

#include "snapshot/columns.h"
#include "snapshot/format.h"

namespace unleak::snapshot {

inline constexpr auto kMetaFields = [](auto& m, auto&& f) {
  f(m.pid), f(m.ppid), f(m.python_hex), f(m.free_threaded), f(m.has_values), f(m.producer), f(m.stop);
  f(m.retakes), f(m.clock_ticks_per_s), f(m.boot_ns), f(m.wall_ns), f(m.process_start_ns), f(m.pause_ns);
  f(m.total_pause_ns), f(m.capture_cpu_ns), f(m.rss_bytes), f(m.peak_rss_bytes), f(m.swap_bytes), f(m.cpu_ns);
  f(m.bad_edges), f(m.broken_links), f(m.faults), f(m.hangs), f(m.executable), f(m.comm), f(m.argv);
  f(m.cpu_before_ns);
};
inline constexpr auto kTypeFields = [](auto& t, auto&& f) {
  f(t.address), f(t.node), f(t.name), f(t.module), f(t.base), f(t.role), f(t.gc), f(t.heap), f(t.traverse_known);
  f(t.basic_size), f(t.item_size);
};
inline constexpr auto kPairFields = [](auto& p, auto&& f) { f(p.first), f(p.second); };
inline constexpr auto kRootFields = [](auto& r, auto&& f) {
  f(r.node), f(r.kind), f(r.name), f(r.thread), f(r.frame), f(r.conservative);
};
inline constexpr auto kThreadFields = [](auto& t, auto&& f) {
  f(t.native_id), f(t.ident), f(t.name), f(t.interpreter), f(t.holds_gil), f(t.cpu_ns), f(t.waited_ns);
};
inline constexpr auto kFrameFields = [](auto& r, auto&& f) { f(r.thread), f(r.depth), f(r.code), f(r.line); };
inline constexpr auto kCodeFields = [](auto& c, auto&& f) {
  f(c.node), f(c.name), f(c.qualname), f(c.file), f(c.first_line);
};
inline constexpr auto kCodeBodyFields = [](auto& b, auto&& f) {
  f(b.code), f(b.first_byte), f(b.instruction_bytes), f(b.line_bytes), f(b.first_name), f(b.names), f(b.locals), f(b.fast);
};
inline constexpr auto kMapFields = [](auto& m, auto&& f) {
  f(m.start), f(m.end), f(m.offset), f(m.path), f(m.readable), f(m.writable), f(m.executable), f(m.shared);
  f(m.resident);
};
inline constexpr auto kCollectorFields = [](auto& c, auto&& f) {
  f(c.enabled), f(c.collecting);
  for (auto& x : c.threshold) f(x);
  for (auto& x : c.count) f(x);
  for (auto& x : c.collections) f(x);
  for (auto& x : c.collected) f(x);
  for (auto& x : c.uncollectable) f(x);
};

inline constexpr auto kMemoryFields = [](auto& m, auto&& f) {
  f(m.kind), f(m.name), f(m.bytes), f(m.resident), f(m.blocks);
};
inline constexpr auto kMemorySizeFields = [](auto& m, auto&& f) {
  f(m.allocator), f(m.bytes), f(m.used), f(m.owned), f(m.total), f(m.total_owned);
};
inline constexpr auto kMemoryPointerFields = [](auto& m, auto&& f) {
  f(m.allocator), f(m.bytes), f(m.target), f(m.file), f(m.blocks);
};
inline constexpr auto kMemoryRegionFields = [](auto& m, auto&& f) {
  f(m.allocator), f(m.start), f(m.end), f(m.used), f(m.free), f(m.resident), f(m.returnable);
};

inline constexpr auto kMemorySiteFields = [](auto& m, auto&& f) {
  f(m.allocator), f(m.bytes), f(m.calls), f(m.library), f(m.function), f(m.file), f(m.python_function), f(m.line),
      f(m.sure);
};

template <class Columns, class Visitor>
void VisitSections(Columns& c, Visitor& v) {
  using enum SectionId;
  v.Column(kSkippedTypes, Transform::kPlain, false, c.meta.skipped_types);
  v.Column(kNotes, Transform::kPlain, false, c.meta.notes);
  v.Records(kTypes, true, c.types, kTypeFields);
  v.Column(kNodeAddress, Transform::kDelta, true, c.address);
  v.Column(kNodeType, Transform::kPlanes, true, c.type);
  v.Column(kNodeSize, Transform::kPlanes, true, c.size);
  v.Column(kNodeRefcount, Transform::kPlanes, true, c.refcount);
  v.Column(kNodeFlags, Transform::kPlanes, true, c.flags);
  v.Column(kNodeLength, Transform::kPlanes, true, c.length);
  v.Records(kBigSizes, false, c.big_size, kPairFields);
  v.Records(kBigLengths, false, c.big_length, kPairFields);
  v.Records(kInts, false, c.ints, kPairFields);
  v.Column(kEdgeRow, Transform::kDelta, true, c.edge_row);
  v.Column(kEdgeTarget, Transform::kSourceDelta, true, c.edge_target);
  v.Column(kEdgeLabel, Transform::kPlanes, true, c.edge_label);
  v.Member(kBlockNode, Transform::kDelta, c.blocks, &OwnedBlock::node);
  v.Member(kBlockAddress, Transform::kZigzag, c.blocks, &OwnedBlock::address);
  v.Member(kBlockBytes, Transform::kPlanes, c.blocks, &OwnedBlock::bytes);
  v.Records(kRoots, false, c.roots, kRootFields);
  v.Records(kThreads, false, c.threads, kThreadFields);
  v.Records(kFrames, false, c.frames, kFrameFields);
  v.Records(kCodes, false, c.codes, kCodeFields);
  v.Records(kMaps, false, c.maps, kMapFields);
  v.Records(kCollectors, false, c.collectors, kCollectorFields);
  v.Records(kCodeBodies, false, c.code_bodies, kCodeBodyFields);
  v.Column(kCodeBytes, Transform::kPlain, false, c.code_bytes);
  v.Column(kCodeNames, Transform::kPlain, false, c.code_names);
  v.Records(kMemory, false, c.memory, kMemoryFields);
  v.Records(kMemorySizes, false, c.memory_sizes, kMemorySizeFields);
  v.Records(kMemoryPointers, false, c.memory_pointers, kMemoryPointerFields);
  v.Records(kMemoryRegions, false, c.memory_regions, kMemoryRegionFields);
  v.Records(kMemorySites, false, c.memory_sites, kMemorySiteFields);
}

}  // namespace unleak::snapshot
