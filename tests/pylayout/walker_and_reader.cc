// walker_and_reader PID: walks and reads the same clone of a process and compares the two streams. Prints one JSON object;
// "types" counts by type the nodes that differ, and in what: edges (class and target), labels, sizes, counts, flags.
// Exit status: 0 compared, 1 a look failed, 2 usage.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "capture/inspect.h"
#include "capture/maps.h"
#include "capture/proc_memory.h"
#include "capture/reader.h"
#include "pylayout/tables.h"
#include "tests/pylayout/stream_heap.h"

namespace {

using namespace unleak;
using test::StreamEdge;
using test::StreamHeap;
using test::StreamNode;

struct Difference {
  u64 nodes = 0, edges = 0, labels = 0, sizes = 0, blocks = 0, counts = 0, flags = 0;
  std::string example;
};

using Edges = std::vector<StreamEdge>;

Edges WithoutLabels(Edges edges) {
  for (StreamEdge& edge : edges) edge.label = 0;
  std::sort(edges.begin(), edges.end());
  return edges;
}

Edges Sorted(Edges edges) {
  std::sort(edges.begin(), edges.end());
  return edges;
}

std::string Describe(const Edges& walker, const Edges& reader) {
  Edges missing, extra;
  std::set_difference(walker.begin(), walker.end(), reader.begin(), reader.end(), std::back_inserter(missing));
  std::set_difference(reader.begin(), reader.end(), walker.begin(), walker.end(), std::back_inserter(extra));
  std::string text;
  char part[96];
  for (std::size_t i = 0; i < std::min<std::size_t>(missing.size(), 3); ++i) {
    std::snprintf(part, sizeof part, "-%d:%llx:%llx ", static_cast<int>(missing[i].edge),
                  static_cast<unsigned long long>(missing[i].target), static_cast<unsigned long long>(missing[i].label));
    text += part;
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(extra.size(), 3); ++i) {
    std::snprintf(part, sizeof part, "+%d:%llx:%llx ", static_cast<int>(extra[i].edge),
                  static_cast<unsigned long long>(extra[i].target), static_cast<unsigned long long>(extra[i].label));
    text += part;
  }
  return text;
}

class Comparison {
 public:
  Comparison(const StreamHeap& walker, const StreamHeap& reader, const capture::ReaderFacts& facts, capture::Memory& memory, const unleak_layout& layout)
      : walker_(walker), reader_(reader), facts_(facts), memory_(memory), layout_(layout) {}

  void Run() {
    for (const auto& [address, node] : walker_.nodes) {
      auto it = reader_.nodes.find(address);
      if (it == reader_.nodes.end()) ++missing_[TypeNameAt(address)];
      else Node(node, it->second);
    }
    for (const auto& [address, node] : reader_.nodes) {
      if (!walker_.nodes.contains(address)) ++extra_[TypeNameAt(address)];
    }
    Groups();
  }

  void Print() const {
    std::printf("{\"nodes\": %zu, \"reader_nodes\": %zu, \"known\": %llu, \"groups\": %zu, \"reader_groups\": %zu, \"group_differences\": %llu, \"missing\": {", walker_.nodes.size(),
                reader_.nodes.size(), static_cast<unsigned long long>(known_), walker_.groups.size(), reader_.groups.size(), static_cast<unsigned long long>(group_differences_));
    PrintCounts(missing_);
    std::printf("}, \"notes\": [");
    for (std::size_t i = 0; i < facts_.notes.size(); ++i) std::printf("%s\"%s\"", i == 0 ? "" : ", ", facts_.notes[i].c_str());
    std::printf("], \"extra\": {");
    PrintCounts(extra_);
    std::printf("}, \"types\": {");
    const char* comma = "";
    for (const auto& [name, d] : differences_) {
      std::printf("%s\"%s\": {\"nodes\": %llu, \"edges\": %llu, \"labels\": %llu, \"sizes\": %llu, \"blocks\": %llu, \"counts\": %llu, \"flags\": %llu, \"example\": \"%s\"}", comma,
                  name.c_str(), U(d.nodes), U(d.edges), U(d.labels), U(d.sizes), U(d.blocks), U(d.counts), U(d.flags), d.example.c_str());
      comma = ", ";
    }
    std::printf("}}\n");
  }

 private:
  static unsigned long long U(u64 value) { return value; }

  static void PrintCounts(const std::map<std::string, u64>& counts) {
    const char* comma = "";
    for (const auto& [name, count] : counts) {
      std::printf("%s\"%s\": %llu", comma, name.c_str(), U(count));
      comma = ", ";
    }
  }

  std::string TypeName(u64 type) {
    return memory_.CString(memory_.Word(type + static_cast<u64>(layout_.type.name)), 200);
  }
  std::string TypeNameAt(u64 object) { return TypeName(memory_.Word(object + static_cast<u64>(layout_.object.type))); }

  void Node(const StreamNode& walker, const StreamNode& reader) {
    u32 index = reader.type();
    bool known = facts_.types_known[index] != 0;
    known_ += known;
    bool edges = known && WithoutLabels(walker.edges) != WithoutLabels(reader.edges);
    bool labels = known && !edges && Sorted(walker.edges) != Sorted(reader.edges);
    bool sizes = static_cast<u32>(walker.type_size) != static_cast<u32>(reader.type_size);
    bool blocks = walker.blocks != reader.blocks;
    bool counts = known && walker.count_value != reader.count_value;
    bool flags = known && walker.length_flags != reader.length_flags;
    if (!edges && !labels && !sizes && !blocks && !counts && !flags) return;
    Difference& d = differences_[TypeName(facts_.types[index].address)];
    ++d.nodes;
    d.edges += edges;
    d.labels += labels;
    d.sizes += sizes;
    d.blocks += blocks;
    d.counts += counts;
    d.flags += flags;
    if (!d.example.empty()) return;
    char text[200];
    std::snprintf(text, sizeof text, "%llx size %x/%x count %llx/%llx flags %llx/%llx ", U(walker.address), static_cast<u32>(walker.type_size),
                  static_cast<u32>(reader.type_size), U(walker.count_value), U(reader.count_value), U(walker.length_flags), U(reader.length_flags));
    d.example = text + (edges || labels ? Describe(Sorted(walker.edges), Sorted(reader.edges)) : std::string());
  }

  void Groups() {
    for (std::size_t i = 0; i < std::min(walker_.groups.size(), reader_.groups.size()); ++i) {
      const test::StreamGroup &w = walker_.groups[i], &r = reader_.groups[i];
      bool same = w.group == r.group && w.context == r.context && w.extra == r.extra;
      if (w.group != UNLEAK_GROUP_STATIC_TYPES) same = same && Sorted(w.edges) == Sorted(r.edges);
      group_differences_ += !same;
    }
  }

  const StreamHeap &walker_, &reader_;
  const capture::ReaderFacts& facts_;
  capture::Memory& memory_;
  const unleak_layout& layout_;
  u64 known_ = 0, group_differences_ = 0;
  std::map<std::string, u64> missing_, extra_;
  std::map<std::string, Difference> differences_;
};

Status Compare(u32 pid) {
  capture::Options options;
  capture::Inspected inspected = capture::InspectAll(pid, options);
  if (!inspected.target.can_look.ok()) return inspected.target.can_look;
  const unleak_layout* layout = pylayout::FindLayout(inspected.target.python_hex, inspected.target.free_threaded);
  if (layout == nullptr) return Status(Code::kUnsupported, "no layout");
  StreamHeap walker;
  auto while_frozen = [&](const capture::Clone& clone) -> Status {
    StreamHeap reader;
    capture::RemoteMemory memory(clone.memory.pid());
    UNLEAK_ASSIGN(const std::vector<capture::Mapping> maps, capture::ReadMaps(clone.memory.pid()));
    capture::ReaderOptions reader_options;
    reader_options.maps = maps;
    reader_options.addresses = inspected.python->addresses;
    UNLEAK_ASSIGN(capture::ReaderFacts facts, capture::ReadHeap(*layout, memory, inspected.python->addresses.runtime, reader, reader_options));
    Comparison comparison(walker, reader, facts, memory, *layout);
    comparison.Run();
    comparison.Print();
    return Status::Ok();
  };
  auto facts = capture::WalkTwin(pid, options, *layout, inspected.python->addresses, walker, while_frozen);
  return facts.ok() ? Status::Ok() : facts.status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Status status = Compare(static_cast<u32>(std::atoi(argv[1])));
  if (!status.ok()) std::fprintf(stderr, "%s\n%s\n", status.message().c_str(), status.hint().c_str());
  return status.ok() ? 0 : 1;
}
