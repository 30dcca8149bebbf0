// The file formats that a look can be handed over in, one a file of this folder.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "graph/heap.h"

namespace unleak::exporting {

struct Format {
  const char* name;       // what `unleak export --to` takes
  const char* extension;  // with the dot
  const char* readers;    // which tools open it
  // Writes a file that appears only when it is whole; errors as snapshot::WriteFile.
  Status (*write)(const graph::Heap& heap, const std::string& path);
};

std::span<const Format> Formats();
const Format* FindFormat(std::string_view name);  // null if there is none
std::string FormatNames();                        // "heapsnapshot, ..."

}  // namespace unleak::exporting
