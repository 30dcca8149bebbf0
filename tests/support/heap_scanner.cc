#include "tests/support/heap_scanner.h"

#include <charconv>

namespace unleak::testing::heap {

namespace {
bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
}  // namespace

void Scanner::Fail(const std::string& what) {
  if (ok()) status_ = Status(Code::kCorrupt, name_ + ":" + std::to_string(line_) + ": " + what, "see tests/heaps/README.md");
}

void Scanner::SkipBlanks(bool newlines) {
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '#') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      if (at_ == text_.size()) return;
    }
    if (text_[at_] == '\n' && newlines)
      ++line_;
    else if (!IsBlank(text_[at_]))
      return;
  }
}

bool Scanner::AtEnd() {
  SkipBlanks(true);
  return !ok() || at_ >= text_.size();
}

bool Scanner::AtLineEnd() {
  SkipBlanks(false);
  return !ok() || at_ >= text_.size() || text_[at_] == '\n';
}

bool Scanner::Accept(std::string_view token) {
  if (!ok() || text_.substr(at_, token.size()) != token) return false;
  at_ += token.size();
  return true;
}

void Scanner::Expect(std::string_view token) {
  if (Accept(token)) return;
  Fail("'" + std::string(token) + "' expected" + (at_ < text_.size() ? std::string(" before '") + text_[at_] + "'" : " at the end"));
}

template <class Take>
std::string Scanner::TakeWhile(Take&& take) {
  std::size_t start = at_;
  while (ok() && at_ < text_.size() && take(at_)) ++at_;
  if (at_ == start) Fail("a word is missing");
  return std::string(text_.substr(start, at_ - start));
}

std::string Scanner::Quoted() {
  const char quote = text_[at_++];
  std::size_t start = at_;
  while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') ++at_;
  std::string word(text_.substr(start, at_ - start));
  Expect(std::string_view(&quote, 1));
  return word;
}

std::string Scanner::Word() {
  if (Peek() == '"' || Peek() == '\'') return Quoted();
  return TakeWhile([this](std::size_t i) {
    const char c = text_[i];
    const std::string_view two = text_.substr(i, 2);
    if (two == "->" || two == "..") return false;
    return IsAlnum(c) || std::string_view("_.$<>/+-").find(c) != std::string_view::npos;
  });
}

std::string Scanner::Name() {
  if (Peek() == '"' || Peek() == '\'') return Quoted();
  return TakeWhile([this](std::size_t i) {
    return text_.substr(i, 2) != ".." && (IsAlnum(text_[i]) || std::string_view("_$.<>").find(text_[i]) != std::string_view::npos);
  });
}

u64 Scanner::Number() {
  std::string word = TakeWhile([this](std::size_t i) { return IsAlnum(text_[i]); });
  u64 value = 0;
  if (ok() && !ParseNumber(word, value)) Fail("'" + word + "' is not a number");
  return value;
}

void Scanner::EndLine() {
  if (!AtLineEnd()) Fail(std::string("unexpected '") + Peek() + "'");
}

bool ParseNumber(std::string_view text, u64& value) {
  const bool hex = text.substr(0, 2) == "0x";
  if (hex) text.remove_prefix(2);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc()) return false;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  u64 factor = 0;
  if (unit.empty() || unit == "ns") factor = 1;
  else if (unit == "K") factor = u64{1} << 10;
  else if (unit == "M") factor = u64{1} << 20;
  else if (unit == "G") factor = u64{1} << 30;
  else if (unit == "us") factor = 1000;
  else if (unit == "ms") factor = 1000 * 1000;
  else if (unit == "s") factor = 1000 * 1000 * 1000;
  return factor != 0 && !__builtin_mul_overflow(value, factor, &value);
}

}  // namespace unleak::testing::heap
