// Core files that are cut, or say of themselves what cannot be.
#include "capture/core_format.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace unleak::capture {
namespace {

constexpr u32 kFileNote = 0x46494c45;  // NT_FILE
constexpr u64 kHeld = 16;              // bytes of memory that each segment holds

using Bytes = std::vector<u8>;

template <class T>
void Append(Bytes* bytes, const T& value) {
  const auto* from = reinterpret_cast<const u8*>(&value);
  bytes->insert(bytes->end(), from, from + sizeof value);
}

// A note that maps file "f" at each of these ranges.
Bytes FileNote(const std::vector<std::pair<u64, u64>>& ranges) {
  Bytes body;
  Append(&body, u64{ranges.size()});
  Append(&body, u64{4096});
  for (const auto& [start, end] : ranges) {
    Append(&body, start);
    Append(&body, end);
    Append(&body, u64{0});
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) body.insert(body.end(), {'f', 0});
  while (body.size() % 4 != 0) body.push_back(0);
  Bytes note;
  Append(&note, Elf64_Nhdr{4, static_cast<u32>(body.size()), kFileNote});
  note.insert(note.end(), {'C', 'O', 'R', 'E'});
  note.insert(note.end(), body.begin(), body.end());
  return note;
}

// A core of the notes, told `times` times, and of a page at each of `pages`.
Bytes CoreOf(const Bytes& notes, const std::vector<u64>& pages, u64 times = 1) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phoff = sizeof header;
  header.e_phnum = static_cast<u16>(times + pages.size());
  const u64 notes_at = sizeof header + header.e_phnum * sizeof(Elf64_Phdr);
  Bytes core;
  Append(&core, header);
  for (u64 i = 0; i < times; ++i) Append(&core, Elf64_Phdr{PT_NOTE, 0, notes_at, 0, 0, notes.size(), 0, 4});
  for (u64 page : pages) Append(&core, Elf64_Phdr{PT_LOAD, PF_R, notes_at + notes.size(), page, 0, kHeld, 4096, 4096});
  core.insert(core.end(), notes.begin(), notes.end());
  core.resize(core.size() + kHeld);
  return core;
}

Result<CoreFacts> Read(const Bytes& core) { return ReadCoreFacts(ByteSource::OfMemory(core, "a.core"), "a.core"); }

TEST(CoreFormat, NamesMappingsAndAddsThoseThatWereLeftOut) {
  const auto facts = Read(CoreOf(FileNote({{0x10000, 0x13000}}), {0x11000, 0x20000}));
  ASSERT_TRUE(facts.ok()) << facts.status().message();
  ASSERT_EQ(facts->maps.size(), 4u);
  EXPECT_EQ(facts->maps[0].path, "f");
  EXPECT_EQ(facts->maps[1].start, 0x11000u);
  EXPECT_EQ(facts->maps[1].offset, 0x1000u);
  EXPECT_EQ(facts->maps[2].end, 0x13000u);
  EXPECT_EQ(facts->maps[3].path, "");
}

TEST(CoreFormat, FilesThatOverlapMakeNoMoreMappingsThanOthers) {
  std::vector<std::pair<u64, u64>> ranges;
  std::vector<u64> pages;
  for (u64 i = 0; i < 5'000; ++i) ranges.emplace_back(0x10000 + i, u64{1} << 46);
  for (u64 i = 0; i < 5'000; ++i) pages.push_back(0x100000 + i * 0x2000);
  const auto facts = Read(CoreOf(FileNote(ranges), pages));
  ASSERT_TRUE(facts.ok()) << facts.status().message();
  EXPECT_LE(facts->maps.size(), 2 * pages.size() + 2);
}

TEST(CoreFormat, NotesThatAreToldAgainAndAgainAreNoCore) {
  const auto facts = Read(CoreOf(FileNote({{0x10000, 0x13000}, {0x20000, 0x21000}}), {0x11000}, 60'000));
  ASSERT_FALSE(facts.ok());
  EXPECT_EQ(facts.status().code(), Code::kCorrupt);
}

TEST(CoreFormat, WhereverItIsCutAnErrorNamesTheFile) {
  const Bytes core = CoreOf(FileNote({{0x10000, 0x13000}}), {0x11000});
  for (std::size_t size = 0; size < core.size(); ++size) {
    const auto facts = Read({core.begin(), core.begin() + static_cast<std::ptrdiff_t>(size)});
    ASSERT_FALSE(facts.ok()) << size;
    EXPECT_EQ(facts.status().message().rfind("a.core", 0), 0u) << facts.status().message();
  }
}

TEST(CoreFormat, ANoteThatReachesBeyondItsEndIsToldWithItsPlace) {
  Bytes notes = FileNote({{0x10000, 0x13000}});
  notes[4] = 0xff;  // length of what it says
  const auto facts = Read(CoreOf(notes, {0x11000}));
  ASSERT_FALSE(facts.ok());
  EXPECT_EQ(facts.status().code(), Code::kCorrupt);
  EXPECT_EQ(facts.status().message(), "a.core: a note of the core file reaches beyond its end (notes at byte 176)");
}

}  // namespace
}  // namespace unleak::capture
