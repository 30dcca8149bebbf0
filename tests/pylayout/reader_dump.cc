// Reads the heap of a stopped CPython process and writes what it finds, for test_reader.py.
//
// reader_dump PID HEX FREE_THREADED OUT [layout]: OUT gets 64-bit words: for each object its address, its type's address, 1
// if what its traverse reports is known, the size, the number of edges, and for each edge class, target, label. With
// "layout" only layouts tell edges, no code of traverses is interpreted.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "capture/inspect.h"
#include "capture/maps.h"
#include "capture/reader.h"
#include "pylayout/check.h"
#include "pylayout/tables.h"

namespace {

using unleak::u64;

struct Edge {
  u64 edge, target, label;
};

struct Node {
  u64 address, type, size;
  std::vector<Edge> edges;
};

class Collector : public unleak::capture::StreamSink {
 public:
  void Words(const u64* words, std::size_t count) override {
    for (std::size_t i = 0; i < count;) {
      u64 tag = words[i] & 7, address = words[i] & ~u64{7};
      if (tag < UNLEAK_BLOCK) edges_.push_back({tag, address, words[i + 1]});
      if (tag <= UNLEAK_BLOCK) {
        i += 2;
        continue;
      }
      if (address != 0) {
        Node node{address, words[i + 1] >> 32, words[i + 1] & 0xffffffff, {}};
        if (tag != UNLEAK_LEAF_NODE) node.edges.swap(edges_);
        nodes.push_back(std::move(node));
      } else {
        edges_.clear();
      }
      i += 4;
    }
  }
  void Restart() override { nodes.clear(); }

  std::vector<Node> nodes;

 private:
  std::vector<Edge> edges_;
};

void Write(const Collector& heap, const unleak::capture::ReaderFacts& facts, const char* path) {
  FILE* out = std::fopen(path, "wb");
  for (const Node& node : heap.nodes) {
    std::vector<u64> words = {node.address, facts.types[node.type].address, facts.types_known[node.type], node.size, node.edges.size()};
    for (const Edge& edge : node.edges) words.insert(words.end(), {edge.edge, edge.target, edge.label});
    std::fwrite(words.data(), 8, words.size(), out);
  }
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  auto pid = static_cast<unleak::u32>(std::atoi(argv[1]));
  unleak::capture::Inspected inspected = unleak::capture::InspectAll(pid, {});
  auto hex = static_cast<unleak::u32>(std::strtoul(argv[2], nullptr, 16));
  const unleak_layout* layout = unleak::pylayout::FindLayout(hex, std::string(argv[3]) == "1");
  if (!inspected.python || layout == nullptr) return std::fprintf(stderr, "no _PyRuntime or no layout\n"), 3;
  unleak::capture::ReaderOptions options;
  options.addresses = inspected.python->addresses;
  options.interpret = argc < 6;
  auto maps = unleak::capture::ReadMaps(pid);
  if (!maps.ok()) return std::fprintf(stderr, "%s\n", maps.status().message().c_str()), 3;
  options.maps = *maps;
  unleak::capture::RemoteMemory memory(pid);
  auto read = [&memory](u64 address, void* out, std::size_t bytes) { return memory.Read(address, out, bytes); };
  unleak::Status check = unleak::pylayout::CheckLayout(*layout, read, options.addresses.runtime);
  if (!check.ok()) return std::fprintf(stderr, "%s\n", check.message().c_str()), 4;
  Collector heap;
  auto facts = unleak::capture::ReadHeap(*layout, memory, options.addresses.runtime, heap, options);
  if (!facts.ok()) return std::fprintf(stderr, "%s\n", facts.status().message().c_str()), 5;
  Write(heap, *facts, argv[4]);
  std::printf("nodes %llu listed %llu roots %llu traverse %llu omitted %llu conservative %llu type %llu bad %llu broken %llu\n",
              static_cast<unsigned long long>(facts->nodes), static_cast<unsigned long long>(facts->listed),
              static_cast<unsigned long long>(facts->roots), static_cast<unsigned long long>(facts->edges[0]),
              static_cast<unsigned long long>(facts->edges[1]), static_cast<unsigned long long>(facts->edges[2]),
              static_cast<unsigned long long>(facts->edges[3]), static_cast<unsigned long long>(facts->bad_edges),
              static_cast<unsigned long long>(facts->broken_links));
  return 0;
}
