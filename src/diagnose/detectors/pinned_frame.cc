// Pinned frames
//
// What: An exception keeps its traceback, a traceback keeps the frames that it went through, and a frame keeps all its
// local variables. Who stores the exception stores them all. A generator that nobody finishes keeps its frame too.
//
// Evidence: The entries of a growing container (or what they hold directly) are exceptions with a traceback,
// tracebacks, frames or generators; or most of what the entries keep alive hangs on frames that run no more.
//
// Remedy: Keep what is needed of the error (its type and text, `traceback.format_exc()`), or clear it before it is
// stored: `error.with_traceback(None)`, `traceback.clear_frames`. Close generators that are not run to their end.
//
// Example:
//     except ValueError as error:
//         FAILURES.append(error)           # and the frames of all functions below, with their locals
//
// Limits: Exceptions that were never raised have no traceback: they are entries like any other.
#include "diagnose/detectors/classifiers.h"

namespace unleak::diagnose {
namespace {

using snapshot::Columns;
using snapshot::Role;

bool Pins(const Columns& c, u32 node) {
  switch (c.role_of(node)) {
    case Role::kTraceback:
    case Role::kFrame:
    case Role::kGenerator:
    case Role::kAsyncGenerator:
      return true;
    case Role::kException: {
      const u32 traceback = Member(c, node, "__traceback__");
      if (traceback != kNone) return true;
      const std::vector<u32> members = Members(c, node);
      return std::any_of(members.begin(), members.end(), [&](u32 m) { return c.role_of(m) == Role::kTraceback; });
    }
    default:
      return false;
  }
}

// Bytes of `held` that only its frames keep alive.
bool FramesKeepMost(const Place& place) {
  u64 all = 0, frames = 0;
  size_t count = 0;
  for (u32 n : place.held) {
    all += place.columns().size_of(n);
    if (place.role(n) != Role::kFrame) continue;
    ++count;
    const u32 holder = place.heap.dominator(n);
    if (holder == kNone || place.role(holder) != Role::kFrame) frames += place.heap.retained(n);
  }
  const size_t entries = std::max(place.values.size(), place.keys.size());
  return entries > 0 && static_cast<double>(count) >= kMost * static_cast<double>(entries) && 2 * frames >= all;
}

}  // namespace

std::optional<Class> ClassifyPinnedFrame(const Place& place) {
  const Columns& c = place.columns();
  const auto pins = [&](u32 n) { return ItselfOrMember(c, n, [&](u32 m) { return Pins(c, m); }); };
  if (Share(place.values, pins) >= kMost || FramesKeepMost(place))
    return Class{"pinned-frame", "stored exceptions, frames or generators"};
  return std::nullopt;
}

}  // namespace unleak::diagnose
