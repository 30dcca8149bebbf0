#include "references.h"

#include <algorithm>

#include "capture/look.h"
#include "capture/reference_watch.h"
#include "facts.h"

namespace unleak::tools {
namespace {

using nlohmann::json;

constexpr u64 kMostTimeMs = 2000, kUsualTimeMs = 500;
constexpr size_t kMostObjects = 64, kMostTypes = 8;

// Of the process that was looked at last.
struct {
  u32 pid = 0, python_hex = 0;
  bool free_threaded = false;
  capture::CodeTable codes;
} remembered;

std::vector<u64> Addresses(const json& list) {
  std::vector<u64> out;
  if (!list.is_array()) return out;
  for (const json& address : list)
    if (address.is_number_unsigned() && out.size() < kMostObjects) out.push_back(address.get<u64>());
  return out;
}

u64 Number(const json& request, const char* key, u64 otherwise) {
  const auto it = request.find(key);
  return it != request.end() && it->is_number_unsigned() ? it->get<u64>() : otherwise;
}

json Place(const capture::CountWrite& write) {
  json native = json::array(), python = json::array();
  for (const auto& caller : write.native)
    native.push_back({{"library", caller.library}, {"function", caller.function}});
  for (const auto& place : write.python)
    python.push_back({{"file", place.file},
                      {"function", place.function},
                      {"line", place.line},
                      {"certainty", place.sure ? "sure" : "likely"}});
  return {{"native", native}, {"python", python}, {"up", write.up}, {"down", write.down}, {"unclear", write.unclear}};
}

json Places(const std::vector<capture::CountWrite>& writes) {
  json out = json::array();
  for (const auto& write : writes) out.push_back(Place(write));
  return out;
}

}  // namespace

void RememberCodes(u32 pid, const snapshot::Columns& columns) {
  remembered = {pid, columns.meta.python_hex, columns.meta.free_threaded != 0, capture::TableOfCodes(columns)};
}

json WatchCounts(const json& request) {
  const u32 pid = static_cast<u32>(Number(request, "pid", 0));
  if (pid != remembered.pid || pid == 0)
    return ErrorOf(Status(Code::kUsage, "references are watched after a look at the process", "look at it first"));
  const auto layout = capture::LayoutOf(remembered.python_hex, remembered.free_threaded);
  if (!layout.ok()) return ErrorOf(layout.status());
  capture::ReferenceWatchInput input{
      pid, **layout, remembered.python_hex, remembered.free_threaded, remembered.codes, {}, {}, 0};
  if (const auto objects = request.find("objects"); objects != request.end()) input.objects = Addresses(*objects);
  if (const auto like = request.find("like"); like != request.end() && like->is_array())
    for (const json& lost : *like)
      if (input.like.size() < kMostTypes) input.like.push_back(Addresses(lost));
  input.time_ns = std::min(kMostTimeMs, Number(request, "time_ms", kUsualTimeMs)) * 1'000'000;
  const capture::ReferenceWatchResult seen = capture::WatchReferences(input);
  json counts = json::array(), lives = json::array();
  for (const auto& count : seen.counts) counts.push_back({{"object", count.object}, {"places", Places(count.places)}});
  for (const auto& life : seen.lives) lives.push_back({{"object", life.object}, {"writes", Places(life.writes)}});
  return {{"counts", counts}, {"lives", lives}, {"problem", seen.problem}};
}

}  // namespace unleak::tools
