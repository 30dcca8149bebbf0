// Inner parts of the reader: visited set, output buffer, type table.
#pragma once

#include <cstdlib>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "capture/page_cache.h"
#include "capture/twin.h"
#include "pylayout/decode_types.h"
#include "walker/stream.h"

namespace unleak::capture {

// One bit for 16 bytes of address space, in leaves of 1 GiB that exist where something was marked.
class VisitedSet {
 public:
  bool Has(u64 address) const {
    auto it = leaves_.find(address >> 30);
    return it != leaves_.end() && (it->second[Index(address)] & Bit(address)) != 0;
  }
  void Add(u64 address) {
    Leaf& leaf = leaves_[address >> 30];
    if (!leaf) leaf.reset(static_cast<u64*>(std::calloc(kWords, sizeof(u64))));
    if (leaf) leaf[Index(address)] |= Bit(address);
  }

 private:
  struct Free {
    void operator()(u64* words) const { std::free(words); }
  };
  using Leaf = std::unique_ptr<u64[], Free>;  // calloc: untouched pages cost nothing
  static constexpr u64 kWords = u64{1} << 20;
  static u64 Index(u64 address) { return address >> 10 & (kWords - 1); }
  static u64 Bit(u64 address) { return u64{1} << (address >> 4 & 63); }

  std::unordered_map<u64, Leaf> leaves_;
};

// Whole records to a sink, a few thousand at a time.
class StreamBuffer {
 public:
  explicit StreamBuffer(StreamSink& sink) : sink_(sink) { words_.reserve(kLimit + 8); }
  void Put(u64 a, u64 b) {
    words_.push_back(a);
    words_.push_back(b);
    if (words_.size() >= kLimit) Flush();
  }
  void Put(u64 a, u64 b, u64 c, u64 d) {
    words_.insert(words_.end(), {a, b, c, d});
    if (words_.size() >= kLimit) Flush();
  }
  void Flush() {
    if (!words_.empty()) sink_.Words(words_.data(), words_.size());
    words_.clear();
  }

 private:
  static constexpr std::size_t kLimit = 1 << 16;
  StreamSink& sink_;
  std::vector<u64> words_;
};

struct ReaderType {
  pylayout::TypeInfo info;
  u32 index = 0;
  u64 count = 0;  // objects written
  u64 failures = 0;  // objects whose traverse could be told neither by layout nor by code
  std::string why;   // of the first
};

class TypeTable {
 public:
  using View = pylayout::View<PageCache>;
  TypeTable(const View& view, u64 subtype_traverse) : reader_(view, subtype_traverse) {}

  // The type at `address`, or nullptr if there is none.
  ReaderType* Find(u64 address) {
    if (address == last_address_) return last_;
    auto [it, added] = by_address_.try_emplace(address, nullptr);
    if (added) it->second = Add(address);
    last_address_ = address;
    return last_ = it->second;
  }
  std::deque<ReaderType>& all() { return types_; }

 private:
  ReaderType* Add(u64 address) {
    ReaderType type;
    if (!reader_.Read(address, &type.info)) return nullptr;
    type.index = static_cast<u32>(types_.size());
    types_.push_back(std::move(type));
    return &types_.back();
  }

  pylayout::TypeReader<PageCache> reader_;
  std::unordered_map<u64, ReaderType*> by_address_;
  std::deque<ReaderType> types_;  // addresses stay
  u64 last_address_ = 0;
  ReaderType* last_ = nullptr;
};

}  // namespace unleak::capture
