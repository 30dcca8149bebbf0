#include "capture/deque_bounds.h"

#include <algorithm>
#include <cstring>

#include "capture/names.h"

namespace unleak::capture {
namespace {

constexpr size_t kMostDeques = 1 << 16;  // that one look reads
constexpr i64 kMostLength = i64{1} << 30;  // a bound above is none, and `ints` holds less

}  // namespace

void AddDequeBounds(const NativeInput& input, snapshot::Columns* columns) {
  snapshot::Columns& c = *columns;
  const i32 offset = input.layout.deque.maxlen;
  std::vector<u32> nodes;
  std::vector<BatchReader::Piece> pieces;
  for (u32 node = 0; node < c.node_count() && nodes.size() < kMostDeques; ++node) {
    const snapshot::Type& type = c.types[c.type[node]];
    if (type.role != snapshot::Role::kDeque || offset < 0 || static_cast<u32>(offset) + 8 > type.basic_size) continue;
    nodes.push_back(node);
    pieces.push_back({c.address[node] + static_cast<u64>(offset), 8});
  }
  BatchReader(input.memory).Read(pieces, [&](size_t i, const u8* bytes) {
    i64 most = -1;  // None (Modules/_collectionsmodule.c, deque_get_maxlen())
    if (bytes != nullptr) std::memcpy(&most, bytes, sizeof most);
    if (most >= 0 && most < kMostLength) c.ints.emplace_back(nodes[i], most);
  });
  std::sort(c.ints.begin(), c.ints.end());
}

}  // namespace unleak::capture
