#include "diagnose/registries.h"

namespace unleak::diagnose {
namespace {

// Names are those of Lib/ in CPython 3.9 to 3.15.
constexpr struct {
  std::string_view suffix, pattern_text;
} kRegistries[] = {
    {"linecache.cache{*}", "lines of source files"},
    {"linecache._interactive_cache{*}", "lines of source files"},
    {".__warningregistry__{*}", "warnings that were shown"},
    {"copyreg.dispatch_table{*}", "picklers by class"},
    {"mimetypes.types_map{*}", "file types"},
    {"encodings._cache{*}", "codecs"},
    {"re._cache{*}", "compiled patterns"},
    {"tokenize._compile{*}", "compiled patterns"},
    {"zipimport._zip_directory_cache{*}", "directories of zip files"},
    {"sys.path_importer_cache{*}", "finders by path"},
};

}  // namespace

const char* KnownRegistry(std::string_view text) {
  for (const auto& known : kRegistries)
    if (text.ends_with(known.suffix)) return known.pattern_text.data();
  return nullptr;
}

}  // namespace unleak::diagnose
