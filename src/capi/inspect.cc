#include "capi/inspect.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <numeric>

#include "diagnose/cycles.h"
#include "diagnose/look.h"
#include "diagnose/names.h"

namespace unleak::capi {
namespace {

using graph::Heap;
using snapshot::Columns;

constexpr u64 kMostRows = 100'000;
constexpr u64 kMostExamples = 1000;   // instances of a type whose paths are looked at
constexpr u64 kMostSteps = 4'000'000;  // of all their paths together

struct Option {
  const char* name;
  const char* otherwise;
};

Result<std::string> TextOption(const Json& options, Option option, std::initializer_list<const char*> allowed) {
  const auto it = options.find(option.name);
  if (it == options.end() || it->is_null()) return std::string(option.otherwise);
  std::string choices;
  for (const char* choice : allowed) {
    if (it->is_string() && it->get_ref<const std::string&>() == choice) return std::string(choice);
    choices += (choices.empty() ? "" : ", ") + std::string(choice);
  }
  return Status(Code::kUsage, std::string("option \"") + option.name + "\": unknown value", "one of " + choices);
}

Result<u64> Limit(const Json& options) {
  const auto it = options.find("limit");
  if (it == options.end() || it->is_null()) return u64{30};
  if (it->is_number_unsigned() && it->get<u64>() >= 1) return std::min(it->get<u64>(), kMostRows);
  return Status(Code::kUsage, "option \"limit\": not a number above 0");
}

std::string Hex(u64 address) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  return text;
}

const char* PopulationName(graph::Population population) {
  constexpr const char* kNames[] = {"retained", "unexplained", "garbage", "uncollectable", "frozen", "immortal"};
  return kNames[static_cast<std::size_t>(population)];
}

Json LengthOf(const Columns& c, u32 node) {
  const u64 length = c.length_of(node);
  return c.length[node] == kNone && length == 0 ? Json() : Json(length);
}

// Sorts rows by `larger` and cuts them; "left_out" is the number of those cut.
template <class Row, class Larger>
u64 Cut(std::vector<Row>& rows, u64 limit, Larger&& larger) {
  const std::size_t keep = std::min<std::size_t>(rows.size(), limit);
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep), rows.end(), larger);
  const u64 left = rows.size() - keep;
  rows.resize(keep);
  return left;
}

struct Sum {
  std::string name;
  u64 objects = 0, bytes = 0;
};

Json SumRows(std::vector<Sum> sums, u64 limit, const char* key) {
  std::erase_if(sums, [](const Sum& sum) { return sum.objects == 0; });
  const u64 left = Cut(sums, limit, [](const Sum& a, const Sum& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
  });
  Json rows = Json::array();
  for (const Sum& sum : sums) rows.push_back({{key, sum.name}, {"objects", sum.objects}, {"bytes", sum.bytes}});
  return {{"rows", rows}, {"left_out", left}};
}

// Types of one name (two classes may share it) are one row.
std::vector<Sum> ByType(const Columns& c) {
  std::map<std::string, Sum> sums;
  std::vector<Sum> of_type(c.types.size());
  for (u32 n = 0; n < c.node_count(); ++n) {
    ++of_type[c.type[n]].objects;
    of_type[c.type[n]].bytes += c.size_of(n);
  }
  for (std::size_t t = 0; t < of_type.size(); ++t) {
    Sum& sum = sums[std::string(c.strings.at(c.types[t].name))];
    sum.objects += of_type[t].objects;
    sum.bytes += of_type[t].bytes;
  }
  std::vector<Sum> rows;
  for (auto& [name, sum] : sums) {
    sum.name = name;
    rows.push_back(std::move(sum));
  }
  return rows;
}

std::vector<Sum> ByHolder(const Heap& heap) {
  std::vector<Sum> rows(heap.roots().size());
  std::vector<Sum> rest(6);
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r].name = heap.roots()[r].name;
  for (std::size_t p = 0; p < rest.size(); ++p) rest[p].name = PopulationName(static_cast<graph::Population>(p));
  for (u32 n = 0; n < heap.node_count(); ++n) {
    const u32 root = heap.root_of(n);
    Sum& sum = root == kNone ? rest[static_cast<std::size_t>(heap.population(n))] : rows[root];
    ++sum.objects;
    sum.bytes += heap.columns().size_of(n);
  }
  rows.insert(rows.end(), rest.begin(), rest.end());
  return rows;
}

Json ObjectRow(const Heap& heap, u32 node) {
  const Columns& c = heap.columns();
  return {{"address", Hex(c.address[node])}, {"type", c.type_name(node)}, {"size", c.size_of(node)}, {"length", LengthOf(c, node)},
          {"retained", heap.retained(node)}, {"retained_objects", heap.retained_objects(node)},
          {"population", PopulationName(heap.population(node))}, {"held_by", diagnose::DescribeHolder(heap, node).text}};
}

Json ByRetained(const Heap& heap, u64 limit) {
  std::vector<u32> nodes(heap.node_count());
  std::iota(nodes.begin(), nodes.end(), 0u);
  const u64 left = Cut(nodes, limit, [&](u32 a, u32 b) {
    return heap.retained(a) != heap.retained(b) ? heap.retained(a) > heap.retained(b) : a < b;
  });
  Json rows = Json::array();
  for (u32 node : nodes) rows.push_back(ObjectRow(heap, node));
  return {{"rows", rows}, {"left_out", left}};
}

u64 Steps(const Heap& heap, u32 node, u64 most) {
  u64 steps = 0;
  for (; node != kNone && steps < most; node = heap.parent(node)) ++steps;
  return steps;
}

Result<u32> NodeAt(const Heap& heap, const std::string& text) {
  u64 address = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), address, 16);
  if (error != std::errc() || end != text.data() + text.size())
    return Status(Code::kUsage, text + ": not an address", "give a hexadecimal number like 0x7f12a0, or the name of a type");
  const auto& addresses = heap.columns().address;
  const auto it = std::lower_bound(addresses.begin(), addresses.end(), address);
  if (it == addresses.end() || *it != address)
    return Status(Code::kNotFound, "no object lies at " + text + " in this look", "`unleak top --by retained` lists addresses");
  return static_cast<u32>(it - addresses.begin());
}

Json OnePath(const Heap& heap, u32 node) {
  Json row = ObjectRow(heap, node);
  const auto holder = diagnose::DescribeHolder(heap, node);
  row.erase("held_by");
  row["root"] = holder.root;
  row["text"] = holder.text;
  row["path"] = holder.path;
  row["surplus"] = heap.surplus(node);
  return {{"rows", Json::array({row})}, {"left_out", 0}};
}

struct Way {
  u64 objects = 0, bytes = 0;
  u32 example = kNone;
  diagnose::Holder holder;
};

Result<Json> PathsOfType(const Heap& heap, const std::string& name, u64 limit) {
  const Columns& c = heap.columns();
  std::map<std::string, Way> ways;
  u64 instances = 0, looked_at = 0, steps = 0;
  for (u32 n = 0; n < heap.node_count(); ++n) {
    if (c.type_name(n) != name) continue;
    ++instances;
    if (looked_at >= kMostExamples || steps >= kMostSteps) continue;
    steps += Steps(heap, n, kMostSteps);
    ++looked_at;
    auto holder = diagnose::DescribeHolder(heap, n);
    std::string key = holder.text.empty() ? PopulationName(heap.population(n)) : holder.text;
    Way& way = ways[key];
    if (way.example == kNone) way.example = n, way.holder = std::move(holder);
    ++way.objects;
    way.bytes += c.size_of(n);
  }
  if (instances == 0) return Status(Code::kNotFound, "no object of type " + name + " is in this look", "`unleak top` lists the types");
  std::vector<std::pair<std::string, Way>> sorted(ways.begin(), ways.end());
  const u64 left = Cut(sorted, limit, [](const auto& a, const auto& b) {
    return a.second.objects != b.second.objects ? a.second.objects > b.second.objects : a.first < b.first;
  });
  Json rows = Json::array();
  for (const auto& [text, way] : sorted) {
    rows.push_back({{"objects", way.objects}, {"bytes", way.bytes}, {"text", text}, {"root", way.holder.root},
                    {"example", Hex(c.address[way.example])}, {"path", way.holder.path}});
  }
  return Json{{"rows", rows}, {"left_out", left}, {"instances", instances}, {"looked_at", looked_at}};
}

struct Change {
  std::string name;
  i64 objects_before = 0, objects = 0, bytes_before = 0, bytes = 0;
  i64 delta_bytes() const { return bytes - bytes_before; }
  i64 delta() const { return objects - objects_before; }
};

Json TypeChanges(const Columns& before, const Columns& after, u64 limit, u64& left) {
  std::map<std::string, Change> changes;
  for (const Sum& sum : ByType(before)) {
    Change& change = changes[sum.name];
    change.objects_before = static_cast<i64>(sum.objects), change.bytes_before = static_cast<i64>(sum.bytes);
  }
  for (const Sum& sum : ByType(after)) {
    Change& change = changes[sum.name];
    change.objects = static_cast<i64>(sum.objects), change.bytes = static_cast<i64>(sum.bytes);
  }
  std::vector<Change> sorted;
  for (auto& [name, change] : changes) {
    change.name = name;
    if (change.delta() != 0 || change.delta_bytes() != 0) sorted.push_back(std::move(change));
  }
  left = Cut(sorted, limit, [](const Change& a, const Change& b) {
    return a.delta_bytes() != b.delta_bytes() ? a.delta_bytes() > b.delta_bytes() : a.name < b.name;
  });
  Json rows = Json::array();
  for (const Change& change : sorted) {
    rows.push_back({{"type", change.name}, {"objects_before", change.objects_before}, {"objects", change.objects},
                    {"delta_objects", change.delta()}, {"delta_bytes", change.delta_bytes()}});
  }
  return rows;
}

struct LengthChange {
  u32 node = kNone;  // in the later look
  u64 before = 0, after = 0;
};

// Containers that are in both looks, by address and type, and hold another number of entries.
Json ContainerChanges(const Heap& before, const Heap& after, u64 limit, u64& left) {
  const Columns &a = before.columns(), &b = after.columns();
  std::vector<LengthChange> changes;
  for (u32 i = 0, j = 0; i < a.node_count() && j < b.node_count();) {
    if (a.address[i] != b.address[j]) {
      a.address[i] < b.address[j] ? ++i : ++j;
      continue;
    }
    const u64 was = a.length_of(i), is = b.length_of(j);
    if (was != is && diagnose::IsGrowable(b.role_of(j)) && a.type_name(i) == b.type_name(j)) changes.push_back({j, was, is});
    ++i, ++j;
  }
  left = Cut(changes, limit, [](const LengthChange& x, const LengthChange& y) {
    const i64 dx = static_cast<i64>(x.after - x.before), dy = static_cast<i64>(y.after - y.before);
    return dx != dy ? dx > dy : x.node < y.node;
  });
  Json rows = Json::array();
  for (const LengthChange& change : changes) {
    rows.push_back({{"address", Hex(b.address[change.node])}, {"type", b.type_name(change.node)}, {"length_before", change.before},
                    {"length", change.after}, {"delta", static_cast<i64>(change.after - change.before)},
                    {"retained", after.retained(change.node)}, {"held_by", diagnose::DescribeHolder(after, change.node).text}});
  }
  return rows;
}

}  // namespace

Result<Json> Top(const Heap& heap, const Json& options) {
  UNLEAK_ASSIGN(const std::string by, TextOption(options, {"by", "type"}, {"type", "retained", "holder"}));
  UNLEAK_ASSIGN(const u64 limit, Limit(options));
  Json listing = by == "type"     ? SumRows(ByType(heap.columns()), limit, "type")
                 : by == "holder" ? SumRows(ByHolder(heap), limit, "holder")
                                  : ByRetained(heap, limit);
  listing["by"] = by;
  listing["objects"] = heap.node_count();
  return listing;
}

Result<Json> Paths(const Heap& heap, const std::string& what, const Json& options) {
  UNLEAK_ASSIGN(const u64 limit, Limit(options));
  if (what.rfind("0x", 0) != 0) return PathsOfType(heap, what, limit);
  UNLEAK_ASSIGN(const u32 node, NodeAt(heap, what));
  return OnePath(heap, node);
}

Result<Json> Cycles(const Heap& heap, const Json& options) {
  UNLEAK_ASSIGN(const u64 limit, Limit(options));
  const auto shapes = diagnose::FoldCycles(heap);
  std::vector<const diagnose::CycleShape*> sorted;
  for (const auto& [key, shape] : shapes) sorted.push_back(&shape);
  const u64 left = Cut(sorted, limit, [](const auto* a, const auto* b) { return a->drags_bytes > b->drags_bytes; });
  Json rows = Json::array();
  for (const diagnose::CycleShape* shape : sorted) {
    Json row = {{"instances", shape->instances}, {"objects", shape->objects}, {"bytes", shape->bytes},
                {"drags_objects", shape->drags_objects}, {"drags_bytes", shape->drags_bytes},
                {"collectable", !shape->uncollectable}};
    if (shape->description.contains("edges")) row["edges"] = shape->description["edges"];
    rows.push_back(row);
  }
  return Json{{"rows", rows}, {"left_out", left}};
}

Result<Json> Diff(const Heap& before, const Heap& after, const Json& options) {
  UNLEAK_ASSIGN(const u64 limit, Limit(options));
  const snapshot::Meta &a = before.columns().meta, &b = after.columns().meta;
  if (a.pid != b.pid || a.process_start_ns != b.process_start_ns)
    return Status(Code::kUsage, "the two looks are of different processes", "give two looks at one process, the older one first");
  u64 types_left = 0, containers_left = 0;
  Json types = TypeChanges(before.columns(), after.columns(), limit, types_left);
  Json containers = ContainerChanges(before, after, limit, containers_left);
  return Json{{"rows", types}, {"containers", containers}, {"left_out", types_left}, {"containers_left_out", containers_left},
              {"seconds", static_cast<double>(static_cast<i64>(b.boot_ns - a.boot_ns)) / 1e9}};
}

}  // namespace unleak::capi
