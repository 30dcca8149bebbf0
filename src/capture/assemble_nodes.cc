#include <algorithm>
#include <utility>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

constexpr u32 kAhead = 16;  // nodes between prefetch and use

// Kinds whose objects have a length in the sense of snapshot::Columns::length; subclasses have that of their base.
bool HasLength(const unleak_type_entry& type) {
  switch (type.kind) {
    case UNLEAK_LIST: case UNLEAK_TUPLE: case UNLEAK_DICT: case UNLEAK_SET: case UNLEAK_STR: case UNLEAK_BYTES:
    case UNLEAK_BYTEARRAY: case UNLEAK_DEQUE: case UNLEAK_ARRAY:
      return true;
    default:
      return false;
  }
}

// Node id -> arrived node.
Array<u32> OrderNodes(const Assembly& a) {
  Array<u32> order;
  order.Resize(a.nodes.size());
  for (size_t k = 0; k < a.nodes.size(); ++k) {
    if (k + kAhead < a.nodes.size()) a.index.Prefetch(a.nodes[k + kAhead].address);
    order[a.index.Find(a.nodes[k].address & ~u64{7})] = static_cast<u32>(k);
  }
  return order;
}

void WriteNode(Assembly& a, u32 id, const ArrivedNode& node, bool has_length, bool is_int) {
  snapshot::Columns& out = a.out;
  out.address[id] = node.address & ~u64{7};
  out.type[id] = static_cast<u32>(node.type_size >> 32);
  out.size[id] = static_cast<u32>(node.type_size);
  out.refcount[id] = static_cast<u32>(node.count_extra >> 32);
  u16 flags = static_cast<u16>(node.length_flags);
  if ((node.address & 7) == UNLEAK_FAULTED) flags = static_cast<u16>(flags | snapshot::kFaulted);
  out.flags[id] = flags;
  const u64 length = node.length_flags >> 16;
  if (!has_length) {
    out.length[id] = kNone;
  } else if (length >= kNone) {
    out.length[id] = kNone;
    out.big_length.emplace_back(id, length);
  } else {
    out.length[id] = static_cast<u32>(length);
  }
  u32 extra = static_cast<u32>(node.count_extra);
  if (is_int && node.leaf() && extra) {
    a.has_value[id >> 6] |= u64{1} << (id & 63);
  } else if (node.leaf()) {
    extra = kNone;
  }
  a.extra[id] = extra;
}

}  // namespace

Status BuildNodes(Assembly& a) {
  snapshot::Columns& out = a.out;
  const u32 count = static_cast<u32>(a.nodes.size());
  a.extra = OrderNodes(a);  // each entry is read as the arrived node, then becomes what the name says
  a.names.ResizeFresh(count);
  a.has_value.assign(count / 64 + 1, 0);
  out.address.resize(count);
  out.type.resize(count);
  out.size.resize(count);
  out.refcount.resize(count);
  out.flags.resize(count);
  out.length.resize(count);
  std::vector<u8> has_length(a.in.types.size()), is_int(a.in.types.size());
  for (size_t t = 0; t < a.in.types.size(); ++t) {
    has_length[t] = HasLength(a.in.types[t]);
    is_int[t] = a.in.types[t].kind == UNLEAK_INT;
  }
  for (u32 id = 0; id < count; ++id) {
    if (id + kAhead < count) __builtin_prefetch(&a.nodes[a.extra[id + kAhead]]);
    const ArrivedNode& node = a.nodes[a.extra[id]];
    const u64 type = node.type_size >> 32;
    if (type >= a.in.types.size()) {
      return Status(Code::kCorrupt, "the walk reports an object of a type that it never described",
                    "look at the process again");
    }
    WriteNode(a, id, node, has_length[type], is_int[type]);
  }
  for (snapshot::Type& type : out.types) type.node = type.address ? a.Find(type.address) : kNone;
  for (ArrivedBlock& block : a.blocks) block.node = a.Find(a.nodes[block.node].address & ~u64{7});
  return Status::Ok();
}

// Sorted by counting, with Assembly::extra as counters: nobody needs it any more.
void WriteBlocks(Assembly& a) {
  const u32 count = a.out.node_count();
  Array<u32>& next = a.extra;
  std::fill(next.begin(), next.end(), 0);
  for (const ArrivedBlock& block : a.blocks) {
    if (block.address) {
      ++next[block.node];
    } else {  // no block, but a size of 4 GiB or more
      a.out.big_size.emplace_back(static_cast<u32>(block.node), block.bytes);
    }
  }
  std::sort(a.out.big_size.begin(), a.out.big_size.end());
  u32 total = 0;
  for (u32 id = 0; id < count; ++id) total += std::exchange(next[id], total);
  ReserveInOldPages(&a.out.blocks, total, a.edges);
  a.out.blocks.resize(total);
  for (const ArrivedBlock& block : a.blocks) {
    if (block.address) a.out.blocks[next[block.node]++] = {static_cast<u32>(block.node), block.address, block.bytes};
  }
}

}  // namespace unleak::capture
