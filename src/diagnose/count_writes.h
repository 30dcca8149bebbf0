// Who changed reference counts between the looks (the capture helper's reply to "references"): which objects to watch,
// what was seen of those that the next look finds lost, and the places that this names.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "diagnose/look.h"

namespace unleak::diagnose {

// What to watch after this look, as the request has it: {"objects": [address ...], "like": [[address ...] ...]}. Null
// where nothing is lost.
Json WatchNext(const std::vector<LookSummary>& looks, const graph::Heap& last);

class CountWrites {
 public:
  // A reply. What is malformed in it is left out.
  void Observe(const Json& reply);
  // Of the objects whose making was seen since the look before, `heap` tells which are lost.
  void Settle(const graph::Heap& heap);

  // {"allocated": [...], "suspect": [...]} as the document lists places, most telling first; empty lists where nothing
  // was seen. Of a type's lost objects: where they were made, and the native code that had hold of them.
  Json PlacesOfType(const std::string& type) const;
  // Of one object in use: who adds more references than it gives back.
  Json PlacesOfObject(u64 address) const;
  // Why the kernel lets nothing be seen; "" otherwise.
  const std::string& problem() const { return problem_; }

 private:
  std::vector<Json> pending_;                                // lives of which no look has told yet
  std::unordered_map<std::string, std::vector<Json>> lost_;  // lists of writes, by type
  std::unordered_map<u64, std::vector<Json>> counts_;        // places, by object
  std::string problem_;
};

}  // namespace unleak::diagnose
