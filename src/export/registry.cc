#include "export/registry.h"

#include <array>

#include "export/heapsnapshot.h"

namespace unleak::exporting {
namespace {

constexpr auto kFormats = std::to_array<Format>({
    {"heapsnapshot", ".heapsnapshot", "Chrome DevTools (Memory, Load), memlab", WriteHeapSnapshot},
});

}  // namespace

std::span<const Format> Formats() { return kFormats; }

const Format* FindFormat(std::string_view name) {
  for (const Format& format : kFormats)
    if (format.name == name) return &format;
  return nullptr;
}

std::string FormatNames() {
  std::string names;
  for (const Format& format : kFormats) names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

}  // namespace unleak::exporting
