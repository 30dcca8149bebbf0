/* Node flags of the stream: the values of snapshot::NodeFlag for C. A test holds the two together. */
#pragma once

enum unleak_node_flag {
  UNLEAK_NODE_TRACKED = 1 << 0,
  UNLEAK_NODE_IMMORTAL = 1 << 1,
  UNLEAK_NODE_FROZEN = 1 << 2,
  UNLEAK_NODE_FAULTED = 1 << 3,
  UNLEAK_NODE_OPAQUE = 1 << 4,
  UNLEAK_NODE_FINALIZER = 1 << 6,
  UNLEAK_NODE_INTERNED = 1 << 7,
  UNLEAK_NODE_YOUNG = 1 << 8,
  UNLEAK_NODE_OLD = 1 << 9,
  UNLEAK_NODE_BLIND = 1 << 10,
};
