// snapshot, verify, convert: whole files in, whole files out.
#include <fmt/core.h>
#include <sys/stat.h>
#include <time.h>

#include <charconv>

#include "commands.h"
#include "facts.h"
#include "snapshot/file.h"

namespace unleak::tools {
namespace {

snapshot::Encoding EncodingOf(bool raw) { return raw ? snapshot::Encoding::kRaw : snapshot::Encoding::kZstd; }

u64 CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

u64 FileBytes(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? static_cast<u64>(status.st_size) : 0;
}

// A pid where the text is a number.
Result<snapshot::Columns> LookAt(const SnapshotArguments& arguments, capture::LookCost* cost) {
  const std::string& target = arguments.target;
  u32 pid = 0;
  const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), pid);
  if (error == std::errc() && end == target.data() + target.size()) return capture::Look(pid, arguments.options, cost);
  return capture::LookAtCore(target, arguments.root, arguments.options);
}

}  // namespace

int RunSnapshot(const SnapshotArguments& arguments) {
  capture::LookCost cost;
  const auto columns = LookAt(arguments, &cost);
  if (!columns.ok()) return Fail(columns.status());
  const u64 looked = CpuNs();
  const Status written = snapshot::WriteFile(*columns, arguments.output, EncodingOf(arguments.raw));
  if (!written.ok()) return Fail(written);
  const u64 done = CpuNs();
  nlohmann::json facts = FactsOf(*columns);
  facts["clone_cpu_ms"] = static_cast<double>(cost.clone_cpu_ns) / 1e6;
  facts["tracer_cpu_ms"] = static_cast<double>(cost.tracer_cpu_ns) / 1e6;
  facts["encode_cpu_ms"] = static_cast<double>(done - looked) / 1e6;  // and writing
  facts["file_bytes"] = FileBytes(arguments.output);
  fmt::print("{}\n", Line(facts));
  return kDone;
}

int RunVerify(const std::string& path) {
  const auto columns = snapshot::ReadFile(path);
  if (!columns.ok()) return Fail(columns.status());
  fmt::print("{}: whole and consistent, {} objects, {} edges, {} types\n", path, columns->node_count(), columns->edge_count(),
             columns->types.size());
  return kDone;
}

int RunConvert(const ConvertArguments& arguments) {
  const auto columns = snapshot::ReadFile(arguments.from);
  if (!columns.ok()) return Fail(columns.status());
  const Status written = snapshot::WriteFile(*columns, arguments.to, EncodingOf(arguments.raw));
  return written.ok() ? kDone : Fail(written);
}

}  // namespace unleak::tools
