// Catalogue of registries of Python's own library: data for the pattern that a finding names, no part of any judgement.
#pragma once

#include <string_view>

namespace unleak::diagnose {

// What the registry with this holder text ("linecache.cache{*}") is, in words; null if it is not known.
const char* KnownRegistry(std::string_view holder_text);

}  // namespace unleak::diagnose
