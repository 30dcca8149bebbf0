// unreached LOOK: one line for each object of a snapshot file that no named root reaches:
// ADDRESS POPULATION TRACKED HIDDEN TYPE, the population by its letter (graph/heap.h), tracked 1 if the collector lists
// it, hidden 1 if it hangs on a counted reference that tp_traverse leaves out.
#include <cstdio>
#include <string>
#include <vector>

#include "graph/heap.h"
#include "snapshot/file.h"

namespace {

using unleak::graph::Population;

char Letter(Population population) {
  switch (population) {
    case Population::kRetained:
      return 'A';
    case Population::kUnexplained:
      return 'B';
    case Population::kGarbage:
      return 'C';
    case Population::kUncollectable:
      return 'U';
    case Population::kFrozen:
      return 'F';
    case Population::kImmortal:
      return 'I';
  }
  return '?';
}

// Nodes that lead from a reference that the collector does not see, within what no root reaches.
std::vector<bool> Hidden(const unleak::graph::Heap& heap) {
  const unleak::snapshot::Columns& c = heap.columns();
  std::vector<bool> hidden(heap.node_count());
  std::vector<unleak::u32> pending;
  const auto follow = [&](unleak::u32 node, bool all) {
    for (unleak::u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const unleak::u32 target = c.edge_target[e];
      const auto edge = unleak::snapshot::Label::Class(c.edge_label[e]);
      const bool counts =
          edge == unleak::snapshot::EdgeClass::kOmitted || (all && edge == unleak::snapshot::EdgeClass::kTraverse);
      if (!counts || hidden[target] || heap.population(target) == Population::kRetained) continue;
      hidden[target] = true;
      pending.push_back(target);
    }
  };
  for (unleak::u32 node = 0; node < heap.node_count(); ++node) {
    if (heap.population(node) != Population::kRetained) follow(node, false);
  }
  while (!pending.empty()) {
    const unleak::u32 node = pending.back();
    pending.pop_back();
    follow(node, true);
  }
  return hidden;
}

unleak::Status Run(const std::string& look) {
  UNLEAK_ASSIGN(auto columns, unleak::snapshot::ReadFile(look));
  UNLEAK_ASSIGN(const auto heap, unleak::graph::Heap::Build(std::move(columns)));
  const unleak::snapshot::Columns& c = heap.columns();
  const std::vector<bool> hidden = Hidden(heap);
  for (unleak::u32 node = 0; node < heap.node_count(); ++node) {
    const Population population = heap.population(node);
    if (population == Population::kRetained) continue;
    std::printf("%llx %c %d %d %s\n", static_cast<unsigned long long>(c.address[node]), Letter(population),
                c.flags[node] & unleak::snapshot::kTracked ? 1 : 0, hidden[node] ? 1 : 0,
                std::string(c.type_name(node)).c_str());
  }
  return unleak::Status::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: unreached LOOK\n");
    return 2;
  }
  const unleak::Status status = Run(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n%s\n", status.message().c_str(), status.hint().c_str());
  return status.ok() ? 0 : 3;
}
