// The handles of unleak.h and how failures reach the caller. Not part of the ABI.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "base/status.h"
#include "capi/unleak.h"
#include "diagnose/session.h"
#include "graph/heap.h"
#include "snapshot/columns.h"

// One look: its columns until somebody asks for the graph, the graph from then on.
struct unleak_snapshot {
  std::optional<unleak::snapshot::Columns> columns;
  std::optional<unleak::graph::Heap> heap;

  const unleak::snapshot::Columns& Look() const { return heap ? heap->columns() : *columns; }
  // Builds the graph if it is not there yet.
  unleak::Status Graph();
};

struct unleak_session {
  explicit unleak_session(unleak::diagnose::Session s) : session(std::move(s)) {}
  unleak::diagnose::Session session;
};

namespace unleak::capi {

// Remembers the failure for unleak_error() and unleak_hint() of this thread; returns its unleak_code.
int Fail(const Status& status);

// A copy for the caller, freed by unleak_string_free.
char* Give(const std::string& text);

// Runs `body` (which returns a Status) so that no exception leaves the library.
template <class Body>
int Guarded(Body body) {
  try {
    const Status status = body();
    return status.ok() ? UNLEAK_OK : Fail(status);
  } catch (const std::bad_alloc&) {
    return Fail(Status(Code::kExhausted, "out of memory", "use a machine with more memory, or a smaller snapshot"));
  } catch (const std::exception& e) {
    return Fail(Status(Code::kInternal, std::string("internal error: ") + e.what(), "please report it with the command that led here"));
  }
}

}  // namespace unleak::capi
