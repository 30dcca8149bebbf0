// What kind of leak a growing container or population is: asked of one classifier after the other, the first that knows
// it wins.
//
// A classifier judges by roles and structure alone (what the entries are, what holds the container), never by names of
// packages or types. What it cannot tell stays a growing container. The table of roles is in docs/adr and
// docs/findings.
#pragma once

#include <optional>
#include <string>

#include "diagnose/place.h"

namespace unleak::diagnose {

struct Class {
  Class(std::string kind_of, std::string pattern_of) : kind(std::move(kind_of)), pattern(std::move(pattern_of)) {}

  std::string kind;        // of the document
  std::string pattern;     // in words: "call cache on a method", goes to evidence
  i64 bound = -1;          // most entries that it will ever hold, where the structure says so
  std::string bound_from;  // where that was read
  bool bounded = false;    // bounded, by how much is not known
  bool weak = false;       // its entries are weak references: somebody else may keep what they refer to
  bool weak_keys = false;  // its values stay while something keeps the keys, which may be somebody else
  std::string keeps;       // type of the objects that its keys keep alive, if that is the point
};

using Classifier = std::optional<Class> (*)(const Place&);

inline constexpr const char* kFinalizers = "finalizers whose object never goes";  // a pattern with a remedy of its own
inline constexpr double kMost = 0.5;  // share of the entries that makes a container one of theirs

// Never fails: growing-container is what is left.
Class Classify(const Place& place);

}  // namespace unleak::diagnose
