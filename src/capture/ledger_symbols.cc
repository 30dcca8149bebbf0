#include "capture/ledger_symbols.h"

#include <algorithm>

#include "capture/inspect_python.h"

namespace unleak::capture {

const Mapping* LedgerSymbols::FileAt(u64 address) const {
  const Mapping* map = FindMapping(maps_, address);
  return map && map->path.starts_with('/') && !map->shared ? map : nullptr;
}

const LedgerSymbols::Table& LedgerSymbols::TableOf(const std::string& path) {
  const auto [at, fresh] = tables_.try_emplace(path);
  if (!fresh) return at->second;
  const auto first =
      std::find_if(maps_.begin(), maps_.end(), [&](const Mapping& m) { return m.path == path && m.offset == 0; });
  if (first == maps_.end()) return at->second;
  auto opened = OpenMappedImage(pid_, *first, proc_root_);
  if (!opened.ok()) return at->second;
  Table& table = at->second;
  table.bias = opened->bias;
  table.image = std::make_unique<elf::Image>(std::move(opened->image));
  table.functions = table.image->Functions();
  table.frames = std::make_unique<elf::CallFrames>(*table.image);
  return table;
}

std::string LedgerSymbols::FunctionAt(u64 address) {
  const Mapping* map = FileAt(address);
  if (!map) return {};
  const Table& table = TableOf(map->path);
  const u64 own = address - table.bias;
  auto after = std::upper_bound(table.functions.begin(), table.functions.end(), own,
                                [](u64 a, const auto& f) { return a < f.address; });
  // Several names may start at one address; the last that is long enough will do.
  for (int tries = 0; after != table.functions.begin() && tries < 8; ++tries) {
    --after;
    if (own < after->address + after->size) return after->name;
  }
  return {};
}

u64 LedgerSymbols::Find(const std::string& path, const std::string& function) {
  const Table& table = TableOf(path);
  for (const elf::NamedFunction& f : table.functions)
    if (f.name == function || (f.name.starts_with(function) && f.name[function.size()] == '@'))
      return f.address + table.bias;
  return 0;
}

std::optional<elf::FrameRule> LedgerSymbols::FrameAt(u64 address) {
  const Mapping* map = FileAt(address);
  if (!map || !map->executable) return std::nullopt;
  const Table& table = TableOf(map->path);
  if (!table.frames) return std::nullopt;
  auto rule = table.frames->RuleAt(address - table.bias);
  if (rule) rule->function += table.bias;
  return rule;
}

}  // namespace unleak::capture
