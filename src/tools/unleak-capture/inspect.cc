#include <fmt/core.h>

#include "commands.h"
#include "facts.h"

namespace unleak::tools {

int RunInspect(u32 pid, const capture::Options& options) {
  const capture::Target target = capture::Inspect(pid, options);
  fmt::print("{}\n", Line(FactsOf(target)));
  return target.can_look.ok() ? kDone : kFailed;
}

}  // namespace unleak::tools
