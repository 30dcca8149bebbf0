// The bytes of a snapshot file; docs/format.md is the same for people who write a reader.
//
//   FileHeader | section data, each section at a multiple of 64 | SectionEntry[] | BlockEntry[] | Trailer
//
// All numbers are little-endian. A file is written front to back without seeking, so a pipe will do; the trailer
// comes last and its presence proves that the file is whole.
#pragma once

#include <bit>
#include <string>

#include "base/types.h"

namespace unleak::snapshot {

static_assert(std::endian::native == std::endian::little, "columns are stored as they lie in memory");

inline constexpr u8 kMagic[8] = {0x89, 'U', 'N', 'L', 'K', '\r', '\n', 0x1a};
inline constexpr u8 kEndMagic[8] = {'u', 'n', 'l', 'k', '-', 'e', 'n', 'd'};
inline constexpr u16 kMajor = 1;  // readers refuse another one
inline constexpr u16 kMinor = 0;  // grows when sections or fields are added; readers accept any
inline constexpr u64 kAlignment = 64;

inline constexpr u32 kBlockRows = 1u << 16;         // what the writer uses
inline constexpr u32 kMaxBlockRows = 1u << 20;      // what a reader accepts
inline constexpr u32 kMaxSections = 4096;
inline constexpr u64 kMaxRows = 0xfffffffe;         // ids are u32 and kNone is taken
inline constexpr u32 kMaxRecordBytes = 4096;
// Decoded bytes of a section are at most this many times its stored bytes. Writers pad blocks that compress better
// (with a skippable zstd frame), so that readers may take it as a bound on what a file can make them allocate.
inline constexpr u64 kMaxExpansion = 1024;

struct FileHeader {
  u8 magic[8];
  u16 major, minor;
  u32 header_bytes;   // 64
  u8 reserved[44];    // 0
  u32 crc;            // of the 60 bytes before
};
static_assert(sizeof(FileHeader) == 64);

enum class SectionId : u32 {
  kMeta = 1, kSkippedTypes = 2, kNotes = 3, kStringBytes = 4, kStringEnds = 5, kTypes = 6,
  kNodeAddress = 16, kNodeType = 17, kNodeSize = 18, kNodeRefcount = 19, kNodeFlags = 20, kNodeLength = 21,
  kBigSizes = 22, kBigLengths = 23, kInts = 24,
  kEdgeRow = 32, kEdgeTarget = 33, kEdgeLabel = 34,
  kBlockNode = 48, kBlockAddress = 49, kBlockBytes = 50,
  kRoots = 64, kThreads = 65, kFrames = 66, kCodes = 67, kMaps = 68, kCollectors = 69,
  kCodeBodies = 70, kCodeBytes = 71, kCodeNames = 72,
  kMemory = 80, kMemorySizes = 81, kMemoryPointers = 82, kMemoryRegions = 83, kMemorySites = 84,
};

// What was done to the rows of a block before it was compressed; every transform but kPlain also splits the rows into
// byte planes: all lowest bytes of the block first, then all second lowest bytes, and so on.
enum class Transform : u8 {
  kPlain = 0,      // rows as they lie in memory
  kPlanes = 1,     // planes only
  kDelta = 2,      // difference to the row before, modulo 2^bits; the block's first row is kept
  kZigzag = 3,     // the same difference, zigzag coded: (d << 1) ^ (d >> bits-1)
  kSourceDelta = 4,  // edge targets: zigzag of target - source
};

// How a section's blocks are stored. A block whose stored size equals its encoded size is not compressed.
enum class Codec : u8 { kNone = 0, kZstd = 1 };

enum SectionFlag : u8 { kMustUnderstand = 1 };  // a reader that does not know the section must refuse the file

struct SectionEntry {
  u32 id;
  u8 flags;
  Transform transform;
  Codec codec;
  u8 reserved0;        // 0
  u32 element_bytes;   // size of a row
  u32 block_rows;      // rows of each block but the last
  u64 rows;
  u64 offset;          // of the section's data in the file, a multiple of 64
  u64 stored_bytes;    // of all blocks, which follow each other without gaps
  u32 first_block;     // index of its first BlockEntry
  u32 blocks;          // ceil(rows / block_rows)
  u8 reserved1[8];     // 0
};
static_assert(sizeof(SectionEntry) == 56);

struct BlockEntry {
  u32 stored_bytes;
  u32 crc;             // CRC-32C of the stored bytes
};
static_assert(sizeof(BlockEntry) == 8);

struct Trailer {
  u64 table_offset;    // of SectionEntry[]; BlockEntry[] follows at once
  u64 file_bytes;      // the whole file, trailer included
  u32 sections;
  u32 blocks;
  u32 table_crc;       // CRC-32C of both tables
  u8 reserved[24];     // 0
  u32 crc;             // of the 52 bytes before
  u8 magic[8];         // kEndMagic
};
static_assert(sizeof(Trailer) == 64 && offsetof(Trailer, magic) == 56);

// "node.address"; "section 77" for one that is not known.
std::string SectionName(u32 id);

}  // namespace unleak::snapshot
