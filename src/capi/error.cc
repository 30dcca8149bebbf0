#include <cstdlib>
#include <cstring>

#include "capi/handles.h"

namespace unleak::capi {
namespace {

struct Failure {
  std::string message, hint;
};

Failure& Last() {
  thread_local Failure failure;
  return failure;
}

// The numbers of unleak.h are those of Code.
static_assert(static_cast<int>(Code::kUsage) == UNLEAK_USAGE && static_cast<int>(Code::kNotFound) == UNLEAK_NOT_FOUND &&
              static_cast<int>(Code::kPermission) == UNLEAK_PERMISSION && static_cast<int>(Code::kUnsupported) == UNLEAK_UNSUPPORTED &&
              static_cast<int>(Code::kCorrupt) == UNLEAK_CORRUPT && static_cast<int>(Code::kBusy) == UNLEAK_BUSY &&
              static_cast<int>(Code::kExhausted) == UNLEAK_EXHAUSTED && static_cast<int>(Code::kIo) == UNLEAK_IO &&
              static_cast<int>(Code::kInternal) == UNLEAK_INTERNAL);

}  // namespace

int Fail(const Status& status) {
  Last() = {status.message(), status.hint()};
  return static_cast<int>(status.code());
}

char* Give(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace unleak::capi

const char* unleak_version(void) { return UNLEAK_VERSION; }
const char* unleak_error(void) { return unleak::capi::Last().message.c_str(); }
const char* unleak_hint(void) { return unleak::capi::Last().hint.c_str(); }
void unleak_string_free(char* text) { std::free(text); }
