// Texts of str objects in the clone, read in batches of neighbouring addresses.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/proc_memory.h"
#include "pylayout/layout.h"

namespace unleak::capture {

inline constexpr u64 kMaxNameLength = 64;     // characters of a key or attribute name that is kept
inline constexpr u64 kMaxTextLength = 4096;   // characters of a file or qualified name that are kept

// A name as Python's grammar has it, ASCII exact, other letters by range ("Größe" is one, "a b", "" and "1x" are not).
bool IsIdentifier(std::string_view utf8);
// Identifiers joined by dots: the name of a module.
bool IsDottedIdentifier(std::string_view utf8);

// Reads pieces of at most a few KiB each, many in one system call; neighbours are joined into one piece.
class BatchReader {
 public:
  explicit BatchReader(Memory& memory) : memory_(memory) {}
  struct Piece {
    u64 address, size;
  };
  // Calls `take(index of piece, its bytes, or nullptr if it cannot be read)` for all pieces, in order. `pieces` must
  // ascend by address to be joined; any order works.
  void Read(std::span<const Piece> pieces, const std::function<void(size_t, const u8*)>& take);

 private:
  struct Window {
    u64 address, size;
    size_t first, last;  // pieces [first, last)
  };
  Window NextWindow(std::span<const Piece> pieces, size_t first) const;
  void ReadWindows(std::span<const Piece> pieces, std::span<const Window> windows,
                   const std::function<void(size_t, const u8*)>& take);

  Memory& memory_;
  std::vector<u8> buffer_;
};

// Decodes compact str objects. `limit` is in characters; longer ones, and what is no sane str, give "" and false.
class TextReader {
 public:
  TextReader(const unleak_layout& layout, Memory& memory) : layout_(layout), memory_(memory) {}

  // Bytes that hold a str of `length` characters at most, whatever its kind.
  u64 BytesFor(u64 length) const;
  // `bytes` of the object from its address on, `size` of them.
  bool Decode(const u8* bytes, u64 size, u64 limit, std::string* text) const;
  // One str; for the few that are not worth a batch.
  bool Read(u64 address, u64 limit, std::string* text) const;
  // Many; take(index, text or nullptr).
  void ReadAll(std::span<const u64> addresses, u64 limit,
               const std::function<void(size_t, const std::string*)>& take) const;

 private:
  const unleak_layout& layout_;
  Memory& memory_;
};

}  // namespace unleak::capture
