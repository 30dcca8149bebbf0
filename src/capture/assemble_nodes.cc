#include <algorithm>
#include <array>
#include <utility>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

constexpr u32 kAhead = 16;  // nodes between prefetch and use

// Kinds whose objects have a length in the sense of snapshot::Columns::length; subclasses have that of their base.
bool HasLength(const unleak_type_entry& type) {
  switch (type.kind) {
    case UNLEAK_LIST: case UNLEAK_TUPLE: case UNLEAK_DICT: case UNLEAK_SET: case UNLEAK_STR: case UNLEAK_BYTES:
    case UNLEAK_BYTEARRAY: case UNLEAK_DEQUE: case UNLEAK_ARRAY: case UNLEAK_TEXT_FILE: case UNLEAK_BYTES_FILE:
      return true;
    default:
      return false;
  }
}

// Node id -> arrived node.
Array<u32> OrderNodes(const Assembly& a) {
  Array<u32> order;
  order.ResizeFresh(a.nodes.size());
  PopulatePages(order.data(), order.size() * sizeof(u32));
  for (size_t k = 0; k < a.nodes.size(); ++k) {
    if (k + kAhead < a.nodes.size()) a.index.Prefetch(a.nodes[k + kAhead].address());
    order[a.index.Find(a.nodes[k].address())] = static_cast<u32>(k);
  }
  return order;
}

// Appends nodes to the columns, a batch at a time: a column grows by copying, so that no page of it is cleared by us
// first, and nothing is asked of a vector for each node.
class NodeWriter {
 public:
  explicit NodeWriter(Assembly& a) : a_(a), out_(a.out) {
    const size_t count = a.nodes.size();
    ReservePages(&out_.address, count);
    ReservePages(&out_.type, count);
    ReservePages(&out_.size, count);
    ReservePages(&out_.refcount, count);
    ReservePages(&out_.flags, count);
    ReservePages(&out_.length, count);
  }

  // The next node, with the id `id`.
  void Add(u32 id, const ArrivedNode& node, const WideNode& wide, bool has_length, bool is_int) {
    address_[n_] = node.address();
    type_[n_] = wide.type;
    size_[n_] = wide.size;
    refcount_[n_] = wide.count;
    flags_[n_] = static_cast<u16>(node.flags() | (node.tag() == UNLEAK_FAULTED ? snapshot::kFaulted : 0));
    length_[n_] = has_length ? static_cast<u32>(std::min<u64>(wide.length, kNone)) : kNone;
    if (has_length && wide.length >= kNone) out_.big_length.emplace_back(id, wide.length);
    u32 extra = node.extra();
    if (is_int && node.leaf() && extra) {
      a_.has_value[id >> 6] |= u64{1} << (id & 63);
    } else if (node.leaf()) {
      extra = kNone;
    }
    a_.extra[id] = extra;
    if (++n_ == kBatch) Flush();
  }

  void Flush() {
    const auto append = [this](auto& column, const auto& batch) {
      column.insert(column.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n_));
    };
    append(out_.address, address_);
    append(out_.type, type_);
    append(out_.size, size_);
    append(out_.refcount, refcount_);
    append(out_.flags, flags_);
    append(out_.length, length_);
    n_ = 0;
  }

 private:
  static constexpr size_t kBatch = 256;  // all of a batch stays in the first-level cache

  Assembly& a_;
  snapshot::Columns& out_;
  size_t n_ = 0;
  std::array<u64, kBatch> address_;
  std::array<u32, kBatch> type_, size_, refcount_, length_;
  std::array<u16, kBatch> flags_;
};

}  // namespace

Status BuildNodes(Assembly& a) {
  snapshot::Columns& out = a.out;
  const u32 count = static_cast<u32>(a.nodes.size());
  a.extra = OrderNodes(a);  // each entry is read as the arrived node, then becomes what the name says
  a.names.ResizeFresh(count);
  a.has_value.assign(count / 64 + 1, 0);
  std::vector<u8> has_length(a.in.types.size()), is_int(a.in.types.size());
  for (size_t t = 0; t < a.in.types.size(); ++t) {
    has_length[t] = HasLength(a.in.types[t]);
    is_int[t] = a.in.types[t].kind == UNLEAK_INT;
  }
  NodeWriter writer(a);
  for (u32 id = 0; id < count; ++id) {
    if (id + kAhead < count) __builtin_prefetch(&a.nodes[a.extra[id + kAhead]]);
    const ArrivedNode& node = a.nodes[a.extra[id]];
    const WideNode wide = node.Wide(a.wide);
    if (wide.type >= a.in.types.size()) {
      return Status(Code::kCorrupt, "the walk reports an object of a type that it never described",
                    "look at the process again");
    }
    writer.Add(id, node, wide, has_length[wide.type], is_int[wide.type]);
  }
  writer.Flush();
  for (snapshot::Type& type : out.types) type.node = type.address ? a.Find(type.address) : kNone;
  for (ArrivedBlock& block : a.blocks) block.node = a.Find(a.nodes[block.node].address());
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
