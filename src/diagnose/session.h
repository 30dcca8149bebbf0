// A diagnosis over many looks at one process: feed it heaps in order of time, ask when to look next, ask for its questions, conclude.
//
// One thread at a time. Only the last heap is kept whole; of the others a summary of at most 64 MiB stays.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "diagnose/candidate.h"

namespace unleak::diagnose {

class Session {
 public:
  // `options` is a JSON object or "": {"looks": 4, "duration_s": null, "run": false, "all": false}.
  static Result<Session> Create(const std::string& options);

  // Drops the last heap, so that the next look is read and its graph built in its room. Until Add, questions and conclusions fail.
  void MakeRoom();

  // kUsage unless `next` may be added: looks must be of one process and in order of time.
  Status Fits(const snapshot::Meta& next) const;

  // Folds a look in that fits.
  Status Add(graph::Heap heap);

  // {"done": bool, "wait_s": seconds from the last look to the next, "why": text}, and "references" where objects are lost: what
  // to ask the capture helper to watch until then, whose reply Observe takes.
  std::string Next();

  // The capture helper's reply to "references". kUsage if it is no JSON object.
  Status Observe(const std::string& reply);

  // docs/questions.md. kUsage before the first look.
  Result<std::string> Questions();

  // The verdict document. `answers` may be "". kUsage before the first look or if the answers are no JSON object.
  Result<std::string> Conclude(const std::string& answers);

  // The last look's heap, null before the first.
  const graph::Heap* last() const { return last_ ? &*last_ : nullptr; }

 private:
  const std::vector<Candidate>& Candidates();
  Json Plan();
  Status HasLook() const;
  double SinceFirst(const snapshot::Meta& meta) const;  // seconds
  void Thin();

  Options options_;
  std::vector<LookSummary> looks_;
  CountWrites writes_;
  std::optional<graph::Heap> last_;
  std::optional<std::vector<Candidate>> candidates_;  // of the looks so far
  snapshot::Meta first_;  // of the first look, once there is one
};

}  // namespace unleak::diagnose
