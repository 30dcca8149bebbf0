// Growing registry of the library
//
// What: Python's own library keeps things by name for good: modules, loggers, lines of source files, which warnings
// were shown. Used with names that are made at run time they grow without an end.
//
// Evidence: The entries of a growing map are modules or loggers; or the map is one of those that the table of known
// registries names (src/diagnose/registries.cc). The finding is a growing container whose pattern says which registry
// it is.
//
// Remedy: Use one name for all and pass what differs as a value (`logging.LoggerAdapter`); do not import or compile
// code under names made at run time, or take the entry out afterwards (`linecache.cache.pop(name)`).
//
// Example:
//     log = logging.getLogger("request.%s" % request.id)       # a logger is never removed
//
// Limits: Registries of packages are growing containers without a name of their own.
#include "diagnose/detectors/classifiers.h"
#include "diagnose/registries.h"

namespace unleak::diagnose {

using snapshot::Role;

std::optional<Class> ClassifyRegistry(const Place& place) {
  const auto has_role = [&](Role role) { return [&place, role](u32 n) { return place.role(n) == role; }; };
  if (Share(place.values, has_role(Role::kModule)) >= kMost) return Class{"growing-container", "modules"};
  if (Share(place.values, has_role(Role::kLogger)) >= kMost) return Class{"growing-container", "loggers"};
  if (const char* known = KnownRegistry(place.holder.text); known != nullptr) return Class{"growing-container", known};
  return std::nullopt;
}

}  // namespace unleak::diagnose
