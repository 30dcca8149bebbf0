// Buffered text output for large JSON files: numbers and escaped strings, the first write error is kept.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace unleak::exporting {

class JsonSink {
 public:
  JsonSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) { buffer_.reserve(kBytes + kSlack); }

  void Text(std::string_view text) {
    buffer_.append(text);
    if (buffer_.size() >= kBytes) Flush();
  }
  void Number(u64 value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    Text({digits, static_cast<std::size_t>(end - digits)});
  }
  // In quotes; bytes that are no UTF-8 become U+FFFD.
  void Quoted(std::string_view text);

  Status Finish() {
    Flush();
    return status_;
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 20, kSlack = 4096;
  void Flush() {
    if (status_.ok()) status_ = WriteAll(fd_, buffer_.data(), buffer_.size(), name_);
    buffer_.clear();
  }

  int fd_;
  std::string name_;
  std::string buffer_;
  Status status_;
};

}  // namespace unleak::exporting
