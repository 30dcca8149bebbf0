#include "capture/names.h"

#include <algorithm>
#include <cstring>

namespace unleak::capture {
namespace {

constexpr u64 kWindow = 256 << 10;  // bytes read as one piece at most
constexpr u64 kGap = 1024;          // bytes between two neighbours that are cheaper read than left out
constexpr size_t kWindows = 64;     // pieces a system call

void AppendUtf8(u32 c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0 | (c >> 18 & 7)));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

// Reads one character of well-formed UTF-8 (we made it ourselves in AppendUtf8, from any code point).
u32 NextChar(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<u32>(static_cast<u8>(text[i])) : 0; };
  const u32 c = byte(*at);
  const size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  u32 value = more == 0 ? c : c & (0x3fu >> more);
  for (size_t i = 1; i <= more; ++i) value = value << 6 | (byte(*at + i) & 0x3f);
  *at += more + 1;
  return value;
}

bool IsLetter(u32 c) {
  if (c < 0x80) return (c | 0x20) - 'a' < 26 || c == '_';
  if (c < 0xc0) return c == 0xaa || c == 0xb5 || c == 0xba;
  if (c == 0xd7 || c == 0xf7) return false;
  const bool punctuation = (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3020) ||
                           (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfe10 && c <= 0xfe6f);
  return !punctuation;
}

}  // namespace

bool IsIdentifier(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const bool first = at == 0;
    const u32 c = NextChar(text, &at);
    if (!IsLetter(c) && (first || c - '0' >= 10)) return false;
  }
  return !text.empty();
}

bool IsDottedIdentifier(std::string_view text) {
  for (;;) {
    const size_t dot = text.find('.');
    if (!IsIdentifier(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

BatchReader::Window BatchReader::NextWindow(std::span<const Piece> pieces, size_t first) const {
  Window window{pieces[first].address, pieces[first].size, first, first + 1};
  for (; window.last < pieces.size(); ++window.last) {
    const Piece& next = pieces[window.last];
    const u64 end = window.address + window.size;
    if (next.address < window.address || next.address > end + kGap) break;
    const u64 size = std::max(end, next.address + next.size) - window.address;
    if (size > kWindow) break;
    window.size = size;
  }
  return window;
}

void BatchReader::ReadWindows(std::span<const Piece> pieces, std::span<const Window> windows,
                              const std::function<void(size_t, const u8*)>& take) {
  u64 total = 0;
  for (const Window& window : windows) total += window.size;
  if (buffer_.size() < total) buffer_.resize(total);
  std::vector<ReadRequest> requests;
  u64 at = 0;
  for (const Window& window : windows) {
    requests.push_back({window.address, buffer_.data() + at, window.size, false});
    at += window.size;
  }
  memory_.ReadMany(requests);
  std::vector<u8> single;
  for (size_t w = 0; w < windows.size(); ++w) {
    const u8* bytes = static_cast<const u8*>(requests[w].buffer);
    for (size_t i = windows[w].first; i < windows[w].last; ++i) {
      if (requests[w].ok) {
        take(i, bytes + (pieces[i].address - windows[w].address));
        continue;
      }
      // Some page of the window is not there: each piece for itself, so that one bad address costs no other.
      single.resize(pieces[i].size);
      take(i, memory_.Read(pieces[i].address, single.data(), pieces[i].size) ? single.data() : nullptr);
    }
  }
}

void BatchReader::Read(std::span<const Piece> pieces, const std::function<void(size_t, const u8*)>& take) {
  std::vector<Window> windows;
  for (size_t next = 0; next < pieces.size();) {
    windows.clear();
    u64 bytes = 0;
    while (next < pieces.size() && windows.size() < kWindows && bytes < 4 * kWindow) {
      windows.push_back(NextWindow(pieces, next));
      next = windows.back().last;
      bytes += windows.back().size;
    }
    ReadWindows(pieces, windows, take);
  }
}

u64 TextReader::BytesFor(u64 length) const {
  return static_cast<u64>(layout_.str.compact_size) + 4 * (length + 1);
}

bool TextReader::Decode(const u8* bytes, u64 size, u64 limit, std::string* text) const {
  const auto& str = layout_.str;
  text->clear();
  if (size < static_cast<u64>(str.ascii_size)) return false;
  u64 length;
  u32 state;
  std::memcpy(&length, bytes + str.length, sizeof length);
  std::memcpy(&state, bytes + str.state, sizeof state);
  if (length > limit) return false;
  const u32 kind = state >> str.kind_shift & 7;
  const bool compact = state >> str.compact_shift & 1, ascii = state >> str.ascii_shift & 1;
  if (!compact || (kind != 1 && kind != 2 && kind != 4)) return false;
  const u64 start = static_cast<u64>(ascii ? str.ascii_size : str.compact_size);
  if (start > size || length * kind > size - start) return false;
  const u8* data = bytes + start;
  if (ascii) {
    text->assign(reinterpret_cast<const char*>(data), length);
    return true;
  }
  for (u64 i = 0; i < length; ++i) {
    u32 c = 0;
    std::memcpy(&c, data + i * kind, kind);  // little endian
    if (c > 0x10ffff) return false;
    AppendUtf8(c, text);
  }
  return true;
}

bool TextReader::Read(u64 address, u64 limit, std::string* text) const {
  bool found = false;
  ReadAll({&address, 1}, limit, [&](size_t, const std::string* got) {
    if (got) *text = *got;
    found = got != nullptr;
  });
  if (!found) text->clear();
  return found;
}

void TextReader::ReadAll(std::span<const u64> addresses, u64 limit,
                         const std::function<void(size_t, const std::string*)>& take) const {
  // Heads first: they say how long the text is, so that no page behind the object is needed.
  std::vector<BatchReader::Piece> heads, bodies(addresses.size());
  const u64 head = static_cast<u64>(layout_.str.ascii_size);
  for (u64 address : addresses) heads.push_back({address, head});
  BatchReader reader(memory_);
  reader.Read(heads, [&](size_t i, const u8* bytes) {
    u64 length = 0;
    u32 state = 0;
    if (bytes) {
      std::memcpy(&length, bytes + layout_.str.length, sizeof length);
      std::memcpy(&state, bytes + layout_.str.state, sizeof state);
    }
    const u64 kind = state >> layout_.str.kind_shift & 7;
    const u64 start = static_cast<u64>(state >> layout_.str.ascii_shift & 1 ? layout_.str.ascii_size : layout_.str.compact_size);
    bodies[i] = {addresses[i], bytes && length <= limit ? start + length * kind : 0};
  });
  std::string text;
  reader.Read(bodies, [&](size_t i, const u8* bytes) {
    const bool good = bytes && bodies[i].size && Decode(bytes, bodies[i].size, limit, &text);
    take(i, good ? &text : nullptr);
  });
}

}  // namespace unleak::capture
