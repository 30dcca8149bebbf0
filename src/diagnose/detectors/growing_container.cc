// Growing container
//
// What: A list, dict, set, deque or bytearray takes on entries and gives none back: a registry where one path forgets
// to remove, results that are collected, a map of names that never ends. This is the most common leak.
//
// Evidence: Its length never falls and rises from look to look, alone or summed over all containers along the same path
// (a map of lists), and the entries of the first look are still there. The line that stores, a bound that it is
// compared with, and lines that remove are asked of the source.
//
// Remedy: Remove the entry when its work is done, also on the error path (`finally`), or bound the container.
//
// Example:
//     ACTIVE[token] = session          # and no `del ACTIVE[token]` on logout
//
// Limits: A container that is replaced by a copy at every store has no series of its own; it is seen along its path.
// Entries that leave as others come are flow, and no finding.
#include <algorithm>

#include "diagnose/container_candidate.h"
#include "diagnose/detectors/detectors.h"
#include "diagnose/place.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kMostCandidates = 24;
constexpr double kAlike = 0.9;  // growth of two containers that have entries for the same objects
constexpr double kMuchMore =
    4.0;  // weak references that cost so much more than what they may follow are a matter of their own
bool SameElements(const Candidate& a, const Candidate& b) {
  if (a.element_hashes.empty() || b.element_hashes.empty()) return false;
  std::vector<u32> both;
  std::set_intersection(a.element_hashes.begin(), a.element_hashes.end(), b.element_hashes.begin(),
                        b.element_hashes.end(), std::back_inserter(both));
  return 2 * both.size() >= std::min(a.element_hashes.size(), b.element_hashes.size());
}

// Which of two holders of the same elements is the one to name: known, not weak, not a frame, no whole namespace (what keeps results
// under made-up names keeps them in a table of its own too), then the shorter path.
bool Better(const Candidate& a, const Candidate& b) {
  auto rank = [](const Candidate& x) {
    return (x.holder.known ? 0 : 8) + (x.finding["kind"] == "weakref-misuse" ? 4 : 0) + (x.holder.via_frame ? 2 : 0) +
           (x.holder.kind == "interpreter" || x.holder.name == "__dict__" ? 1 : 0);
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a.holder.path.size() < b.holder.path.size();
}

// Weak containers grow because somebody else keeps their members: they are the story only when nothing bigger is.
void DropWeakOnes(std::vector<Candidate>& out) {
  auto only_weak = [](const Candidate& c) { return c.holds_only_weak; };
  double strongest = 0;
  for (const Candidate& c : out)
    if (!only_weak(c)) strongest = std::max(strongest, c.bytes_per_s);
  std::erase_if(
      out, [&](const Candidate& c) { return only_weak(c) && strongest > 0 && c.bytes_per_s < kMuchMore * strongest; });
}

// Entries by weak keys that become as many as those of another container: that one keeps the keys.
void DropFollowers(const graph::Heap& heap, std::vector<Candidate>& out) {
  const auto follows = [&](const Candidate& weak) {
    return weak.weak_keys && std::any_of(out.begin(), out.end(), [&](const Candidate& o) {
             const double ratio =
                 static_cast<double>(o.growth.total) / static_cast<double>(std::max<u64>(weak.growth.total, 1));
             return !o.weak_keys && !o.holds_only_weak && ratio > kAlike && ratio < 1 / kAlike &&
                    !heap.dominates(weak.container, o.container);
           });
  };
  std::vector<std::string> drop;
  for (const Candidate& c : out)
    if (follows(c)) drop.push_back(c.key);
  std::erase_if(out, [&](const Candidate& c) { return std::find(drop.begin(), drop.end(), c.key) != drop.end(); });
}

// The table of interned strings, which is found by a word of the interpreter's state: it maps each string to itself. It does not keep
// them; those that stay for good are the matter of immortal_string.
bool IsInternedTable(const graph::Heap& heap, u32 node) {
  const snapshot::Columns& c = heap.columns();
  const u32 root = heap.root_of(node);
  if (root == kNone || heap.parent(node) != kNone || c.role_of(node) != snapshot::Role::kDict) return false;
  const graph::NamedRoot& by = heap.roots()[root];
  if (!by.conservative || by.kind != snapshot::RootKind::kInterpreter) return false;
  const std::vector<u32> members = Members(c, node);  // none where the table's references are not counted
  return std::all_of(members.begin(), members.end(), [&](u32 n) { return c.role_of(n) == snapshot::Role::kStr; });
}

}  // namespace

std::vector<Candidate> FindGrowingContainers(const Evidence& evidence) {
  const std::vector<GrownContainer> grown = FindGrownContainers(evidence);
  std::vector<Candidate> out;
  for (size_t i = 0; i < grown.size() && out.size() < kMostCandidates; ++i) {
    if (IsInternedTable(evidence.last, grown[i].node)) continue;
    Candidate next = MakeContainerCandidate(evidence, grown[i], "c" + std::to_string(i));
    auto same = std::find_if(out.begin(), out.end(), [&](const Candidate& c) { return SameElements(c, next); });
    if (same == out.end()) {
      out.push_back(std::move(next));
    } else if (Better(next, *same)) {
      next.finding["evidence"]["also_in"].push_back(same->holder.text);
      *same = std::move(next);
    } else {
      same->finding["evidence"]["also_in"].push_back(next.holder.text);
    }
  }
  DropWeakOnes(out);
  DropFollowers(evidence.last, out);
  return out;
}

}  // namespace unleak::diagnose
