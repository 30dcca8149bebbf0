// Names references that interpreted code reported: where in the object does each lie? The rules are those of the walker
// (src/walker/labels.h) for bodies and attributes; containers are decoded by the layout and need none.
#pragma once

#include <algorithm>
#include <vector>

#include "capture/page_cache.h"
#include "pylayout/decode_keys.h"
#include "pylayout/decode_types.h"
#include "pylayout/labels.h"

namespace unleak::capture {

class LabelFinder {
 public:
  using View = pylayout::View<PageCache>;
  explicit LabelFinder(const View& view) : v_(view) {}

  // The object whose reports come next.
  void Begin(u64 object, const pylayout::TypeInfo& t) {
    spans_.clear();
    hot_ = 0;
    object_ = object;
    if (t.attached == pylayout::Attached::kManagedDict) Attributes(object, t);
    u64 body = pylayout::At(object, v_.layout.object.type) + 8;
    Add(body, (object + t.basic_size - std::min(body, object + t.basic_size)) / 8, 0, 0);
  }

  u64 LabelOf(u64 target) {
    if (hot_ < spans_.size()) {
      Span& hot = spans_[hot_];
      if (hot.next < hot.count && Load(hot, hot.next) == target) return Found(hot_, hot.next);
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      for (u64 n = spans_[i].next, end = std::min(spans_[i].count, n + kNear); n < end; ++n) {
        if (Load(spans_[i], n) == target) return Found(i, n);
      }
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      for (u64 n = 0; n < spans_[i].count; ++n) {
        if (Load(spans_[i], n) == target) return Found(i, n);
      }
    }
    return pylayout::kNoLabel;
  }

 private:
  static constexpr u64 kNear = 16, kMostWords = 1 << 17;
  struct Span {
    u64 first, count, next;
    u64 keys, keys_stride;  // 0: words of the body, named by their place
  };

  void Add(u64 first, u64 count, u64 keys, u64 stride) {
    if (first != 0 && count != 0 && count <= kMostWords) spans_.push_back({first, count, 0, keys, stride});
  }

  void Attributes(u64 object, const pylayout::TypeInfo& t) {
    const auto& a = v_.layout.attributes;
    u64 values = pylayout::ValuesApart(v_, object);
    if (a.mode == 13 && (t.flags & static_cast<u32>(a.inline_flag)) != 0) {
      u64 header = object + t.basic_size;
      values = v_.Byte(header, a.values_valid) != 0 ? pylayout::At(header, a.values_header) : 0;
    }
    if (values != 0 && t.cached_keys != 0) {
      pylayout::KeyTable table = pylayout::ReadKeyTable(v_, t.cached_keys);
      if (table.count != 0) Add(values, table.count, table.KeyAddress(0), table.stride);
    }
    Add(pylayout::At(object, a.dict_offset), 1, 0, 0);
  }

  u64 Load(const Span& span, u64 n) const { return v_.memory.Word(span.first + n * 8); }
  u64 Found(std::size_t index, u64 n) {
    Span& span = spans_[index];
    span.next = n + 1;
    hot_ = index;
    if (span.keys != 0) return pylayout::AttributeLabel(v_.memory.Word(span.keys + n * span.keys_stride));
    return pylayout::BodyLabel(static_cast<i64>(span.first + n * 8 - object_));
  }

  const View v_;
  std::vector<Span> spans_;
  std::size_t hot_ = 0;
  u64 object_ = 0;
};

}  // namespace unleak::capture
