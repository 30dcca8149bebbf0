// What to change, in words, by the kind of a finding and by the shape of what holds it.
#pragma once

#include <initializer_list>
#include <string>

#include "diagnose/candidate.h"

namespace unleak::diagnose {

struct Advice {
  std::string action, text;  // as in the document's `remedy`
};

// What the words depend on.
struct Case {
  const snapshot::Columns& columns;
  const Candidate& candidate;
  const Json& finding;
  std::string at;       // " (file:line)" of the line that stores, "" if it is not known
  std::string remover;  // "file:line" of a line that takes entries out, "" if there is none
};

// For everything that is held or lost; cycles, peaks, native and free memory have words of their own.
Advice AdviseKind(const Case& the);

// One of the first `most` types has one of these words in its short name.
bool Mentions(const Json& what, std::initializer_list<const char*> words, size_t most);

// A class, or a metaclass: what it is called says nothing, an app.Prototype is none.
bool IsClassType(const snapshot::Columns& columns, const std::string& type);
bool FirstIsClass(const snapshot::Columns& columns, const Json& what);

// "file:line"
std::string PlaceText(const Json& place);

}  // namespace unleak::diagnose
