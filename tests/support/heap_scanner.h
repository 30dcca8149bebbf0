// Characters, words, numbers and attributes of a heap text. The first error sticks and ends all scanning.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace unleak::testing::heap {

class Scanner {
 public:
  Scanner(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  const Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  void Fail(const std::string& what);

  bool AtEnd();        // skips blank lines and comments
  bool AtLineEnd();    // skips blanks and a comment; true at a newline or the end
  void SkipBlanks(bool newlines);
  char Peek() const { return at_ < text_.size() && ok() ? text_[at_] : '\0'; }
  bool Accept(std::string_view token);
  void Expect(std::string_view token);

  // A word: letters, digits and any of _ . $ < > / + - ("->" and ".." end it); or quoted. "" and an error if there is none.
  std::string Word();
  // A name: as a word, but only letters, digits, _ $ . < > are taken.
  std::string Name();
  u64 Number();
  void EndLine();

 private:
  std::string Quoted();
  template <class Take>
  std::string TakeWhile(Take&& take);

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0;
  u32 line_ = 1;
  Status status_;
};

// "64", "0x40", "64K", "2M", "1G"; for times "3s", "5ms", "7us", "9ns" in nanoseconds. False if it is none of them.
bool ParseNumber(std::string_view text, u64& value);

}  // namespace unleak::testing::heap
