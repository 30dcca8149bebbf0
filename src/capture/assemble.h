// From the walker's stream (walker/stream.h) to snapshot columns (snapshot/columns.h).
//
// Words() only files the records away and marks their addresses in an index; Build() does the rest while the clone is
// still there, because names are read from its memory: node ids (rank by address), node columns in that order, edges
// by source with their targets resolved, labels turned into names, types, roots, threads, frames and code objects.
// About 100 ns an object in all; nothing is hashed or allocated for each object.
//
// Privacy: of the program's strings only names are kept: names of attributes, variables, types, modules, files, and
// dict keys that read as an identifier of at most 64 characters (in a dict of more than 4,096 entries: only interned
// ones, which the source names); of its ints only those that an attribute, a default or a closure cell holds.
//
// Thread safety: none. The stream is hostile: a record cut short, a second node at the same place, an edge to nowhere
// are counted in bad_records() and Meta::bad_edges and left out.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "capture/assemble_array.h"
#include "capture/assemble_index.h"
#include "capture/proc_memory.h"
#include "capture/twin.h"
#include "pylayout/layout.h"
#include "snapshot/columns.h"
#include "walker/stream.h"

namespace unleak::capture {

// What of a node record does not fit an ArrivedNode.
struct WideNode {
  u64 length;
  u32 type, size, count;
};

// 20 bytes, as a page that the kernel has to find costs more than packing: type, size, count and length in 16 bits each,
// where one has more all four in a WideNode beside.
class ArrivedNode {
 public:
  // `extra`: value of a leaf; else index of its first edge, kNone if it has none. `words` as in the stream.
  ArrivedNode(const u64* words, u32 extra, Array<WideNode>* wide)
      : low_address_(static_cast<u32>(words[0])),
        extra_(extra),
        high_address_(static_cast<u16>(words[0] >> 32)),
        flags_(static_cast<u16>(words[3])) {
    const u64 type = words[1] >> 32, size = words[1] & 0xffffffff, count = words[2] >> 32, length = words[3] >> 16;
    if (((type | size | count | length) >> 16) != 0 || type == kWide) [[unlikely]] {
      size_ = static_cast<u16>(wide->size());
      count_ = static_cast<u16>(wide->size() >> 16);
      type_ = kWide;
      wide->push_back({length, static_cast<u32>(type), static_cast<u32>(size), static_cast<u32>(count)});
      return;
    }
    type_ = static_cast<u16>(type);
    size_ = static_cast<u16>(size);
    count_ = static_cast<u16>(count);
    length_ = static_cast<u16>(length);
  }

  u64 address() const { return (u64{high_address_} << 32 | low_address_) & ~u64{7}; }
  u32 tag() const { return low_address_ & 7; }
  bool leaf() const { return tag() == UNLEAK_LEAF_NODE; }
  u32 extra() const { return extra_; }
  u16 flags() const { return flags_; }
  WideNode Wide(const Array<WideNode>& wide) const {
    if (type_ == kWide) [[unlikely]] return wide[u32{count_} << 16 | size_];
    return {length_, type_, size_, count_};
  }

 private:
  static constexpr u16 kWide = 0xffff;

  u32 low_address_, extra_;
  u16 high_address_, flags_, type_ = 0, size_ = 0, count_ = 0, length_ = 0;
};
static_assert(sizeof(ArrivedNode) == 20);

// 12 bytes, as a large heap has many: both words are kept in 48 bits. A target beyond user space becomes one at which
// nothing can be; a label that does not fit (no address, offset or index of a real list is like that) the highest one.
class ArrivedEdge {
 public:
  static constexpr u64 kLast = 4;  // in a target: last edge of its node

  ArrivedEdge(u64 target, u64 label) {
    set_target(target);
    set_label(label);
  }
  // Address, low 2 bits: class, bit 2: kLast; after resolving: node id << 3 instead of the address.
  u64 target() const { return u64{high_target_} << 32 | low_target_; }
  // As in the stream, sign extended: offsets may be negative.
  u64 label() const { return static_cast<u64>(static_cast<i64>(static_cast<std::int16_t>(high_label_)) * (i64{1} << 32)) | low_label_; }
  void set_target(u64 target) {
    if (target >> 48) [[unlikely]] target = (u64{1} << 48) - 8 + (target & 7);
    low_target_ = static_cast<u32>(target);
    high_target_ = static_cast<u16>(target >> 32);
  }
  void set_label(u64 label) {
    if ((label + (u64{1} << 47)) >> 48) [[unlikely]] label = (u64{1} << 47) - 8 + (label & 7);
    low_label_ = static_cast<u32>(label);
    high_label_ = static_cast<u16>(label >> 32);
  }
  void MarkLast() { low_target_ |= static_cast<u32>(kLast); }

 private:
  u32 low_target_, low_label_;
  u16 high_target_, high_label_;
};
static_assert(sizeof(ArrivedEdge) == 12);
struct ArrivedBlock {
  u64 address, bytes;
  u64 node;  // index into arrived nodes, after BuildNodes id; address 0: bytes is the size of that node
};
struct ArrivedGroup {
  u64 group, context, extra;
  u64 first, count;  // of group_edges
};

// What Build() needs besides the stream.
struct AssembleInput {
  const unleak_layout& layout;
  Memory& memory;                               // of the clone
  std::span<const unleak_type_entry> types;     // by type index of the stream
};

class Assembler final : public StreamSink {
 public:
  Assembler();
  ~Assembler() override;
  void Words(const u64* words, std::size_t count) override;
  void Restart() override;

  // An object that starts in the 16 bytes around `address` has come.
  bool Knows(u64 address) const { return index_->Has(address); }
  // The objects of the KiB around `address`, a bit for each 16 bytes of it.
  u64 ObjectsOfKib(u64 address) const { return index_->GranulesOfKib(address); }
  // Calls take(address) for each owned block that has come.
  template <class Take>
  void EachBlock(const Take& take) const {
    for (size_t i = 0; i < blocks_.size(); ++i)
      if (blocks_[i].address) take(blocks_[i].address);
  }

  // kCorrupt: the stream names types that are not there; kExhausted: more than 2^32 - 2 nodes or edges.
  // The meta fields that this file knows are filled: bad_edges, skipped_types. May be called once.
  Status Build(const AssembleInput& input, snapshot::Columns* columns);

  // After Build(): the PyThreadState of each of Columns::threads.
  const std::vector<u64>& thread_states() const { return thread_states_; }
  // The PyInterpreterState of each of Columns::collectors.
  const std::vector<u64>& interpreter_states() const { return interpreter_states_; }
  // Address -> node id.
  const AddressIndex& index() const { return *index_; }
  u64 bad_records() const { return bad_records_; }

 private:
  bool TakeNode(const u64* words);
  void TakeGroup(const u64* words);
  void TakeBlock(const u64* words);

  std::unique_ptr<AddressIndex> index_;
  Array<ArrivedNode> nodes_;
  Array<WideNode> wide_;
  Array<ArrivedEdge> edges_, group_edges_;
  Array<ArrivedBlock> blocks_;
  std::vector<ArrivedGroup> groups_;
  size_t first_edge_ = 0;   // edges from here on belong to the next node or group
  size_t first_block_ = 0;  // blocks likewise
  u64 bad_records_ = 0;
  std::vector<u64> thread_states_, interpreter_states_;
};

}  // namespace unleak::capture
