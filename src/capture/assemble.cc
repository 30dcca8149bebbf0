#include "capture/assemble.h"

#include <algorithm>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

constexpr size_t kBlocksAhead = 8192;  // of a slot, as many as its objects own

}  // namespace

Assembler::Assembler() : index_(std::make_unique<AddressIndex>()) {}
Assembler::~Assembler() = default;

void Assembler::Restart() {
  index_ = std::make_unique<AddressIndex>();
  nodes_.Truncate(0);
  wide_.Truncate(0);
  edges_.Truncate(0);
  group_edges_.Truncate(0);
  blocks_.Truncate(0);
  groups_.clear();
  first_edge_ = first_block_ = 0;
  bad_records_ = 0;
}

void Assembler::Words(const u64* words, std::size_t count) {
  nodes_.Prepare(count / 4);
  edges_.Prepare(count / 2);
  blocks_.Prepare(std::min(count / 2, kBlocksAhead));
  const u64* end = words + count;
  while (end - words >= 2) {
    const u64 tag = words[0] & 7;
    if (tag <= UNLEAK_TYPE_EDGE) {
      edges_.Append({words[0], words[1]});
      words += 2;
      continue;
    }
    if (tag == UNLEAK_BLOCK) {
      TakeBlock(words);
      words += 2;
      continue;
    }
    if (end - words < 4) break;
    if (words[0] == UNLEAK_NODE) {
      TakeGroup(words);
    } else if (!TakeNode(words)) {
      ++bad_records_;
    }
    words += 4;
  }
  if (words != end) ++bad_records_;
}

void Assembler::TakeBlock(const u64* words) { blocks_.push_back({words[0] & ~u64{7}, words[1], nodes_.size()}); }

bool Assembler::TakeNode(const u64* words) {
  const u64 tag = words[0] & 7;
  // Blocks name the node that comes next, whichever record ended the edges in between.
  for (; first_block_ < blocks_.size(); ++first_block_) blocks_[first_block_].node = nodes_.size();
  if (!index_->Add(words[0] & ~u64{7})) [[unlikely]] {
    while (!blocks_.empty() && blocks_.back().node == nodes_.size()) blocks_.Truncate(blocks_.size() - 1);
    first_block_ = blocks_.size();
    if (tag != UNLEAK_LEAF_NODE) edges_.Truncate(first_edge_);
    return false;
  }
  if (tag == UNLEAK_LEAF_NODE) {
    nodes_.Append({words, static_cast<u32>(words[2]), &wide_});
    return true;
  }
  u32 first = kNone;
  if (edges_.size() > first_edge_) {
    first = static_cast<u32>(first_edge_);  // Build() refuses more
    edges_.back().MarkLast();
    first_edge_ = edges_.size();
  }
  nodes_.Append({words, first, &wide_});
  return true;
}

void Assembler::TakeGroup(const u64* words) {
  ArrivedGroup group{words[1], words[2], words[3], group_edges_.size(), edges_.size() - first_edge_};
  for (size_t i = first_edge_; i < edges_.size(); ++i) group_edges_.push_back(edges_[i]);
  edges_.Truncate(first_edge_);
  groups_.push_back(group);
}

Status Assembler::Build(const AssembleInput& input, snapshot::Columns* columns) {
  if (nodes_.size() >= kNone || edges_.size() >= kNone) {
    return Status(Code::kExhausted, "the process has more than 4,294,967,294 objects or references",
                  "a look at so large a heap is not supported");
  }
  // Edges whose node never came (the stream was cut short) hold nothing.
  bad_records_ += edges_.size() - first_edge_;
  edges_.Truncate(first_edge_);
  blocks_.Truncate(first_block_);
  index_->Seal();
  Assembly assembly{input, *columns, *index_, nodes_, wide_, edges_, group_edges_, blocks_, groups_};
  UNLEAK_RETURN_IF_ERROR(BuildTypes(assembly));
  UNLEAK_RETURN_IF_ERROR(BuildNodes(assembly));
  ResolveEdges(assembly);
  ReadNames(assembly);
  BuildCodes(assembly);
  WriteEdges(assembly);
  WriteBlocks(assembly);
  FinishTypes(assembly);
  BuildRoots(assembly);
  thread_states_ = std::move(assembly.thread_states);
  interpreter_states_ = std::move(assembly.interpreter_states);
  return Status::Ok();
}

}  // namespace unleak::capture
