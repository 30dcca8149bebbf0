// snapshot, verify, convert: whole files in, whole files out.
#include <fmt/core.h>

#include "commands.h"
#include "facts.h"
#include "snapshot/file.h"

namespace unleak::tools {
namespace {

snapshot::Encoding EncodingOf(bool raw) { return raw ? snapshot::Encoding::kRaw : snapshot::Encoding::kZstd; }

}  // namespace

int RunSnapshot(const SnapshotArguments& arguments) {
  const auto columns = capture::Look(arguments.pid, arguments.options);
  if (!columns.ok()) return Fail(columns.status());
  const Status written = snapshot::WriteFile(*columns, arguments.output, EncodingOf(arguments.raw));
  if (!written.ok()) return Fail(written);
  fmt::print("{}\n", Line(FactsOf(*columns)));
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
