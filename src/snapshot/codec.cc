#include "snapshot/codec.h"

#include <algorithm>

namespace unleak::snapshot {

SourceCursor::SourceCursor(std::span<const u32> edge_row, u64 first_edge) : edge_row_(edge_row), edge_(first_edge) {
  auto after = std::upper_bound(edge_row.begin(), edge_row.end(), first_edge);
  if (after != edge_row.begin()) node_ = static_cast<std::size_t>(after - edge_row.begin()) - 1;
}

std::string SectionName(u32 id) {
  switch (static_cast<SectionId>(id)) {
    case SectionId::kMeta: return "meta";
    case SectionId::kSkippedTypes: return "meta.skipped_types";
    case SectionId::kNotes: return "meta.notes";
    case SectionId::kStringBytes: return "string.bytes";
    case SectionId::kStringEnds: return "string.ends";
    case SectionId::kTypes: return "types";
    case SectionId::kNodeAddress: return "node.address";
    case SectionId::kNodeType: return "node.type";
    case SectionId::kNodeSize: return "node.size";
    case SectionId::kNodeRefcount: return "node.refcount";
    case SectionId::kNodeFlags: return "node.flags";
    case SectionId::kNodeLength: return "node.length";
    case SectionId::kBigSizes: return "node.big_sizes";
    case SectionId::kBigLengths: return "node.big_lengths";
    case SectionId::kInts: return "node.ints";
    case SectionId::kEdgeRow: return "edge.row";
    case SectionId::kEdgeTarget: return "edge.target";
    case SectionId::kEdgeLabel: return "edge.label";
    case SectionId::kBlockNode: return "block.node";
    case SectionId::kBlockAddress: return "block.address";
    case SectionId::kBlockBytes: return "block.bytes";
    case SectionId::kRoots: return "roots";
    case SectionId::kThreads: return "threads";
    case SectionId::kFrames: return "frames";
    case SectionId::kCodes: return "codes";
    case SectionId::kMaps: return "maps";
    case SectionId::kCollectors: return "collectors";
    case SectionId::kCodeBodies: return "code.bodies";
    case SectionId::kCodeBytes: return "code.bytes";
    case SectionId::kCodeNames: return "code.names";
    case SectionId::kMemory: return "memory";
    case SectionId::kMemorySizes: return "memory.sizes";
    case SectionId::kMemoryPointers: return "memory.pointers";
    case SectionId::kMemoryRegions: return "memory.regions";
    case SectionId::kMemorySites: return "memory.sites";
  }
  return "section " + std::to_string(id);
}

}  // namespace unleak::snapshot
