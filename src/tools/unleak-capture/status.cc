#include <fmt/core.h>

#include <cstdio>

#include "commands.h"

namespace unleak::tools {

int Fail(const Status& status) {
  fmt::print(stderr, "unleak-capture: {}\n", status.message());
  if (!status.hint().empty()) fmt::print(stderr, "try: {}\n", status.hint());
  return status.code() == Code::kUsage ? kUsage : kFailed;
}

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kUsage: return "usage";
    case Code::kNotFound: return "not-found";
    case Code::kPermission: return "permission";
    case Code::kUnsupported: return "unsupported";
    case Code::kCorrupt: return "corrupt";
    case Code::kBusy: return "busy";
    case Code::kExhausted: return "exhausted";
    case Code::kIo: return "io";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

}  // namespace unleak::tools
