#include "tests/support/sample_columns.h"

#include <random>

namespace unleak::testing {

using namespace snapshot;  // NOLINT(google-build-using-namespace): this file is about these names only

namespace {

void AddNodes(Columns& c, u32 nodes, std::mt19937_64& random) {
  u64 address = 0x7f0000000000;
  c.edge_row.push_back(0);
  for (u32 n = 0; n < nodes; ++n) {
    address += 16 + random() % 8 * 16;
    c.address.push_back(address);
    c.type.push_back(static_cast<u32>(random() % c.types.size()));
    c.size.push_back(static_cast<u32>(48 + random() % 4 * 8));
    c.refcount.push_back(static_cast<u32>(1 + random() % 3));
    c.flags.push_back(static_cast<u16>(random() % 2 ? kTracked | kOld : 0));
    c.length.push_back(random() % 4 ? kNone : static_cast<u32>(random() % 100));
    for (u32 e = 0; e < 3; ++e) {
      c.edge_target.push_back(static_cast<u32>(random() % nodes));
      c.edge_label.push_back(e == 0   ? Label::Pack(EdgeClass::kTraverse, LabelKind::kIndex, n % 100)
                             : e == 1 ? Label::Pack(EdgeClass::kOmitted, LabelKind::kName, 1)
                                      : Label::Pack(EdgeClass::kTraverse, LabelKind::kKeyNode, n));
    }
    c.edge_row.push_back(static_cast<u32>(c.edge_target.size()));
    if (n % 5 == 0) c.blocks.push_back({n, address + 0x100000, 64 + n % 7 * 8});
  }
  const u32 last = nodes - 1;
  c.size[last] = kNone;
  c.length[last] = kNone;
  c.big_size.emplace_back(last, u64{5} << 32);
  c.big_length.emplace_back(last, u64{6} << 32);
  c.ints.emplace_back(0, -7);
}

void AddMeta(Columns& c) {
  Meta& m = c.meta;
  m.pid = 4242, m.ppid = 1, m.python_hex = 0x030c01f0, m.producer = Producer::kTwin, m.stop = Stop::kSafe, m.retakes = 2;
  m.boot_ns = 11, m.wall_ns = 12, m.process_start_ns = 13, m.pause_ns = 14, m.total_pause_ns = 15, m.capture_cpu_ns = 16;
  m.rss_bytes = u64{7} << 33, m.peak_rss_bytes = u64{8} << 33, m.swap_bytes = 17, m.cpu_ns = 18;
  m.bad_edges = 1, m.broken_links = 2, m.faults = 3, m.hangs = 4;
  m.executable = c.strings.Intern("/usr/bin/python3"), m.comm = c.strings.Intern("python3");
  m.skipped_types = {1};
  m.notes = {c.strings.Intern("type app.Odd was skipped: its traverse faulted")};
}

}  // namespace

Columns SampleColumns(u32 nodes) {
  std::mt19937_64 random(nodes);
  Columns c;
  u32 name = c.strings.Intern("user"), module = c.strings.Intern("app");
  c.types.push_back({.address = 0x1000, .name = c.strings.Intern("type"), .role = Role::kType, .gc = 1, .basic_size = 408});
  c.types.push_back({.address = 0x2000, .node = 0, .name = c.strings.Intern("app.Session"), .module = module, .base = 0,
                     .role = Role::kInstance, .gc = 1, .heap = 1, .traverse_known = 1, .basic_size = 48, .item_size = 8});
  AddNodes(c, nodes, random);
  c.threads.push_back({.native_id = 77, .ident = 0x7f12, .name = name, .holds_gil = 1, .cpu_ns = 99});
  c.codes.push_back({.node = 0, .name = name, .qualname = name, .file = c.strings.Intern("/srv/app.py"), .first_line = 3});
  c.frames.push_back({.thread = 0, .depth = 0, .code = 0, .line = 4});
  c.roots.push_back({.node = 0, .kind = RootKind::kInterpreter, .name = c.strings.Intern("sys.modules")});
  c.roots.push_back({.node = nodes - 1, .kind = RootKind::kFrame, .name = name, .thread = 0, .frame = 0, .conservative = 1});
  c.maps.push_back({.start = 0x1000, .end = 0x3000, .offset = 0x40, .path = module, .readable = 1, .writable = 1, .resident = 4096});
  c.collectors.push_back({.enabled = 1, .threshold = {700, 10, 10}, .count = {1, -2, 3}, .collections = {4, 5, 6},
                          .collected = {7, 8, 9}, .uncollectable = {10, 11, 12}});
  c.memory.push_back({.kind = MemoryKind::kMallocNative, .bytes = 9000, .resident = 8192, .blocks = 3});
  c.memory.push_back({.kind = MemoryKind::kResident, .name = name, .resident = 8192});
  c.memory_sizes.push_back({.bytes = 3000, .used = 3, .owned = 1, .total = 9000, .total_owned = 3000});
  c.memory_pointers.push_back({.bytes = 3000, .target = 0x2008, .file = module, .blocks = 2});
  c.memory_regions.push_back({.allocator = Allocator::kPymalloc, .start = 0x10000, .end = 0x50000, .used = 5, .free = 6, .resident = 7, .returnable = 8});
  c.memory_sites.push_back({.bytes = 3000, .calls = 4, .library = module, .function = name, .file = module, .python_function = name, .line = 9, .sure = 3});
  AddMeta(c);
  return c;
}

}  // namespace unleak::testing
