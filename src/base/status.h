// Errors without exceptions. A Status says what happened, where, and what to try;
// a Result<T> is a Status or a value. Both must be looked at ([[nodiscard]]).
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace unleak {

enum class Code {
  kOk,
  kUsage,        // the caller asked for something that makes no sense (exit status 2)
  kNotFound,     // no such process, file, object
  kPermission,   // the kernel or a policy says no
  kUnsupported,  // not CPython, an unknown layout, a machine or mode that is not covered
  kCorrupt,      // a file or a target's memory is not what it claims to be
  kBusy,         // the target is traced by somebody else, or no good moment was found
  kExhausted,    // a limit would be passed: pause, memory, processes
  kIo,           // a system call failed (disk full, read error)
  kInternal,     // our own bug
};

// What went wrong, as text for a person: `message` names what and where,
// `hint` the next thing to try ("" where there is none).
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  static Status Ok() { return {}; }
  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
  std::string hint_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}              // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {       // NOLINT(google-explicit-constructor)
    assert(!status_.ok());
  }
  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T Take() { return std::move(*value_); }

 private:
  Status status_;
  std::optional<T> value_;
};

#define UNLEAK_RETURN_IF_ERROR(expr)                    \
  do {                                                  \
    if (::unleak::Status return_if_error = (expr); !return_if_error.ok()) return return_if_error; \
  } while (0)

#define UNLEAK_CONCAT_(a, b) a##b
#define UNLEAK_CONCAT(a, b) UNLEAK_CONCAT_(a, b)
// UNLEAK_ASSIGN(auto x, F()): x = value of F(), or return F()'s status.
#define UNLEAK_ASSIGN(lhs, expr) \
  UNLEAK_ASSIGN_(UNLEAK_CONCAT(result_, __LINE__), lhs, expr)
#define UNLEAK_ASSIGN_(tmp, lhs, expr) \
  auto tmp = (expr);                   \
  if (!tmp.ok()) return tmp.status();  \
  lhs = tmp.Take()

}  // namespace unleak
