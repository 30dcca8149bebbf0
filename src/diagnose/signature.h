// Names a finding so that the same leak has the same name in another run: after a restart, with another version of the
// program's files, on another machine, on another Python. A baseline of CI and the proof of a fix rest on it.
#pragma once

#include <string>

#include "diagnose/names.h"

namespace unleak::diagnose {

// Version of what Signature() is made from, the document's `signatures`: documents of different versions are not
// compared.
inline constexpr int kSignatureVersion = 1;

// "u1-" and 64 bits of FNV-1a as 16 hex digits, of what stays the same: for something held, the attribute, variable or
// root that holds it and the steps from there (not the way from a root to it, of which there may be several, and not
// what is in it); for a cycle, its named classes and functions; else the kind and the type. Never an address, size,
// line or folder.
std::string Signature(const Json& finding, const Holder& holder);

// `text` without what differs from run to run: addresses, indexes and numbers that stand alone, folders of paths.
std::string WithoutNumbers(std::string_view text);

}  // namespace unleak::diagnose
