// The in-memory columns of one look at one process: what the walker and the reader fill, the file
// stores and the graph reads. This layer knows no Python: types have roles, edges have labels.
//
// Node ids are indexes 0 .. node_count()-1, ascending by address. Edge ids are indexes into the edge
// columns; the edges of node n are [edge_row[n], edge_row[n + 1]), in the order they were reported.
// Sizes are bytes, times are nanoseconds. All columns of one table have the same length; Validate()
// (snapshot/validate.h) checks every index and every invariant stated here.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.h"

namespace unleak::snapshot {

// What an object is for, whatever its concrete layout. Values are stored in files: append only.
enum class Role : u8 {
  kOther = 0,       // no special knowledge
  kInstance = 1,    // instance of a class written in Python
  kDict, kList, kTuple, kSet, kFrozenset, kStr, kBytes, kBytearray, kInt, kFloat, kComplex, kBool, kNone,
  kMemoryview, kArray, kDeque, kOrderedDict, kDefaultdict, kCounter,
  kType, kModule, kFunction, kBuiltinFunction, kMethod, kCell, kCode, kFrame, kGenerator, kCoroutine,
  kAsyncGenerator, kTraceback, kException, kWeakref, kWeakProxy, kProperty, kStaticmethod, kClassmethod,
  kDescriptor, kMappingproxy, kPartial, kLruCache, kLruLink, kContext, kContextNode, kContextVar,
  kContextToken, kTask, kFuture, kLock, kThreadLocal, kIterator, kQueue, kFile, kSimpleNamespace,
  kStructseq, kRegex, kCtypes, kDatetime, kCapsule, kDictView, kSlice, kRange, kUnion, kEnumMember,
  kThread, kTimer, kSocket, kWeakMap, kWeakSet, kLogger, kNdarray,
};

// Node flags (bit set).
enum NodeFlag : u16 {
  kTracked = 1 << 0,     // in the collector's lists (or its bit, free-threaded)
  kImmortal = 1 << 1,    // its reference count is not counted
  kFrozen = 1 << 2,      // in the permanent generation (gc.freeze)
  kFaulted = 1 << 3,     // its traverse faulted or hung: edges incomplete
  kOpaque = 1 << 4,      // may hold references that nobody reports (edges may be incomplete)
  kStatic = 1 << 5,      // lies in an ELF image, not on a heap
  kFinalizer = 1 << 6,   // its type has a finalizer (__del__, tp_del)
  kInterned = 1 << 7,    // interned str
  kYoung = 1 << 8,       // in the collector's youngest generation
  kOld = 1 << 9,         // in the collector's oldest generation
  kCollectorBlind = 1 << 10,  // holds references, but the collector does not follow it (not GC, or untracked while holding tracked objects)
};

// Who reported an edge.
enum class EdgeClass : u8 {
  kTraverse = 0,      // tp_traverse: the collector sees it
  kOmitted = 1,       // a counted reference that traverse leaves out, known from the layout
  kConservative = 2,  // a word that looks like a pointer: never proof that something is held
  kType = 3,          // the instance's counted reference to its heap type (traverse left it out)
};

// How an edge is called. `value` is read by kind.
enum class LabelKind : u8 {
  kNone = 0,     // unnamed member: shown as [*] in containers, -> elsewhere
  kIndex = 1,    // sequence index (saturates)
  kName = 2,     // attribute or named member: string id of ".name" without the dot
  kKeyName = 3,  // value under a str key that is an identifier: string id
  kKeyNode = 4,  // value under any other key: node id of the key
  kKey = 5,      // the key itself
  kLocal = 6,    // frame, generator or cell variable: string id
  kType = 7,     // to the object's own type
};

// Packed edge label: class (2 bits), kind (3 bits), value (27 bits).
struct Label {
  static constexpr u32 kMaxValue = (1u << 27) - 1;
  static constexpr u32 Pack(EdgeClass c, LabelKind k, u32 value) {
    return static_cast<u32>(c) << 30 | static_cast<u32>(k) << 27 | (value < kMaxValue ? value : kMaxValue);
  }
  static constexpr EdgeClass Class(u32 label) { return static_cast<EdgeClass>(label >> 30); }
  static constexpr LabelKind Kind(u32 label) { return static_cast<LabelKind>(label >> 27 & 7); }
  static constexpr u32 Value(u32 label) { return label & kMaxValue; }
};

// Strings by id; id 0 is "". Names only (types, attributes, files), never values of the program.
class StringTable {
 public:
  StringTable() { Intern(""); }
  u32 Intern(std::string_view text);
  std::string_view at(u32 id) const {
    return id < size() ? std::string_view(bytes_).substr(offsets_[id], offsets_[id + 1] - offsets_[id])
                                    : std::string_view();
  }
  u32 size() const { return static_cast<u32>(offsets_.size() - 1); }
  const std::string& bytes() const { return bytes_; }
  const std::vector<u64>& offsets() const { return offsets_; }
  // Replaces all by stored columns; false if they are inconsistent.
  bool Assign(std::string bytes, std::vector<u64> offsets);

 private:
  std::string bytes_;
  std::vector<u64> offsets_{0};               // size() + 1 entries
  std::unordered_map<std::string, u32> ids_;  // filled on first Intern after Assign
};

struct Type {
  u64 address = 0;
  u32 node = kNone;    // its type object, if that is in the snapshot
  u32 name = 0;        // string: "module.qualname" ("dict" for builtins: module builtins is left out)
  u32 module = 0;      // string
  u32 base = kNone;    // index into types of its tp_base, if that has instances or subclasses here
  Role role = Role::kOther;
  u8 gc = 0;           // instances take part in garbage collection
  u8 heap = 0;         // made at run time (class statement, PyType_FromSpec)
  u8 traverse_known = 0;  // pylayout decodes its members: edges and owned blocks are exact
  u32 basic_size = 0, item_size = 0;
};

enum class RootKind : u8 {
  kInterpreter = 0,  // a field of the interpreter state; name says which
  kThread = 1,       // a field of a thread state; thread says whose
  kFrame = 2,        // local or evaluation stack slot of a running frame; frame says which
  kStaticType = 3,   // builtin static type
  kModuleState = 4,  // C state of an extension module; name says which
  kImmortal = 5,
  kCaller = 6,       // a reference known to be held by native code
};

struct Root {
  u32 node = kNone;
  RootKind kind = RootKind::kInterpreter;
  u32 name = 0;       // string: field ("sys.modules", "atexit callbacks"), local variable name, ...
  u32 thread = kNone;  // index into threads
  u32 frame = kNone;   // index into frames
  u8 conservative = 0;  // a word that looks like a reference: stack slot whose depth is not known, C stack, data of C code; never proof
};

struct Thread {
  u64 native_id = 0;   // tid in our PID namespace, 0 if not known
  u64 ident = 0;       // threading.get_ident()
  u32 name = 0;        // string: comm of the kernel thread
  u32 interpreter = 0;
  u8 holds_gil = 0;
  u64 cpu_ns = 0;      // CPU time used so far
  u64 waited_ns = 0;   // so far ready to run while no CPU was free for it (schedstat); 0 = not known
};

struct Frame {
  u32 thread = kNone;
  u32 depth = 0;       // 0 = innermost
  u32 code = kNone;    // index into codes
  u32 line = 0;        // 0 = not known
};

// Every code object of the snapshot.
struct CodeObject {
  u32 node = kNone;
  u32 name = 0, qualname = 0, file = 0;  // strings
  u32 first_line = 0;
};

// Instructions of a code object, of those whose source file was not there to read. The bytes are in Columns::code_bytes (the line
// table after the instructions), the names in Columns::code_names (those of the instructions, then variables).
struct CodeBody {
  u32 code = kNone;      // index into codes
  u64 first_byte = 0;
  u32 instruction_bytes = 0, line_bytes = 0;
  u32 first_name = 0, names = 0, locals = 0;
  u32 fast = 0;          // 3.9, 3.10: of the variables, how many are plain ones; cells come after them
};

struct MemoryMap {
  u64 start = 0, end = 0, offset = 0;
  u32 path = 0;        // string
  u8 readable = 0, writable = 0, executable = 0, shared = 0;
  u64 resident = 0;    // bytes, 0 if not asked for
};

// Collector state of one interpreter.
struct CollectorState {
  u8 enabled = 0, collecting = 0;
  i32 threshold[3] = {0, 0, 0};
  i32 count[3] = {0, 0, 0};
  u64 collections[3] = {0, 0, 0}, collected[3] = {0, 0, 0}, uncollectable[3] = {0, 0, 0};
};

// A block outside the object's body that the object owns (list items, dict keys, set table ...).
struct OwnedBlock {
  u32 node = kNone;
  u64 address = 0;
  u64 bytes = 0;
};

// Where memory goes. Values are stored in files: append only. Those below kFirstFact are parts of resident memory that
// do not overlap; those from it on are facts about them.
enum class MemoryKind : u8 {
  kPymallocUsed = 0,    // allocated blocks of the small-object allocator
  kPymallocFree,        // free blocks inside pools that are in use, and pool headers
  kPymallocFreePools,   // unused pools of its arenas
  kMallocPython,        // malloc: chunks in which an object or a block that an object owns lies
  kMallocNative,        // malloc: all other used chunks
  kMallocCached,        // malloc: free, in a thread's cache or a fast bin
  kMallocFree,          // malloc: free, between used chunks
  kMallocTop,           // malloc: free, at the end of a heap
  kMallocOverhead,      // malloc: its own headers, and what made no sense (an allocation was in progress)
  kStacks,              // of threads
  kCode,                // executable mappings of files
  kFiles,               // other mappings of files, data of libraries
  kShared,              // shared memory
  kOtherAllocator,      // anonymous memory in which objects lie, of an allocator that is not decoded
  kNamed,               // anonymous memory that has a name
  kOther,               // anonymous memory that nothing explains
  kFirstFact = 64,
  kResident = 64,       // the sum that the parts are of
  kMallocSystem,        // that malloc's arenas have from the kernel, by their own count
  kMallocMapped,        // chunks of malloc with a mapping of their own
  kReturnable,          // free pages of malloc, not at the end of a heap, that malloc_trim(0) would give back
  kArenas,              // malloc's arenas (`blocks`)
  kPageTables, kSwapped, kHugePages,
};

struct MemoryPart {
  MemoryKind kind = MemoryKind::kOther;
  u32 name = 0;      // string: of named memory
  u64 bytes = 0;     // allocated
  u64 resident = 0;  // of them, in memory
  u64 blocks = 0;    // chunks, blocks, mappings
};

enum class Allocator : u8 { kMalloc = 0, kPymalloc = 1 };

// The used blocks of one size.
struct MemorySize {
  Allocator allocator = Allocator::kMalloc;
  u64 bytes = 0;   // of each, with what the allocator adds; from 64 KiB on the lower end of a sixteenth of an octave
  u64 used = 0;    // blocks
  u64 owned = 0;   // of them, with an object or a block of an object
  u64 total = 0;   // bytes of the used ones
  u64 total_owned = 0;
};

// Words in used blocks without owner that point into the image of a program or library: who may have made them.
struct MemoryPointer {
  Allocator allocator = Allocator::kMalloc;
  u64 bytes = 0;   // as MemorySize::bytes
  u64 target = 0;  // where to; 0: anywhere in the file
  u32 file = 0;    // string: path
  u64 blocks = 0;  // in how many blocks of that size (estimated from a sample)
};

// An arena, heap or pool area: what is used in it, and what keeps it from being given back.
struct MemoryRegion {
  Allocator allocator = Allocator::kMalloc;
  u64 start = 0, end = 0;
  u64 used = 0, free = 0;  // bytes
  u64 resident = 0;
  u64 returnable = 0;      // whole free pages inside that are resident
};

// Calls of an allocator that were seen while the process ran, by where they came from.
struct MemorySite {
  Allocator allocator = Allocator::kMalloc;
  u64 bytes = 0;       // as MemorySize::bytes, of the block that the call got
  u64 calls = 0;       // seen
  u32 library = 0, function = 0;              // strings: file and, where it has symbols, function that called
  u32 file = 0, python_function = 0, line = 0;  // the Python line that ran; strings, 0 where it is not known
  u64 sure = 0;  // of the calls: those whose line was read where the interpreter keeps it, not found on the stack
};

enum class Producer : u8 { kTwin = 0, kReader = 1, kCore = 2, kAgent = 3, kSynthetic = 4 };
enum class Stop : u8 { kSafe = 0, kGilFree = 1, kBlind = 2, kNone = 3 };

// As documents name them: "twin", "gil-free" ...
const char* NameOf(Producer producer);
const char* NameOf(Stop stop);

// "3.12.1" of a PY_VERSION_HEX.
std::string PythonVersion(u32 hex);

struct Meta {
  u32 pid = 0, ppid = 0;
  u32 python_hex = 0;         // PY_VERSION_HEX
  u8 free_threaded = 0;
  u8 has_values = 0;          // --values: reprs are in the file
  Producer producer = Producer::kSynthetic;
  Stop stop = Stop::kNone;
  u32 retakes = 0;
  u32 clock_ticks_per_s = 100;
  u64 boot_ns = 0;            // CLOCK_BOOTTIME at the stop
  u64 wall_ns = 0;            // CLOCK_REALTIME at the stop
  u64 process_start_ns = 0;   // CLOCK_BOOTTIME at which the process started
  u64 pause_ns = 0;           // longest time the target stood still, all threads or one
  u64 total_pause_ns = 0;     // sum over all stops of this look
  u64 capture_cpu_ns = 0;     // clone and tracer
  u64 rss_bytes = 0, peak_rss_bytes = 0, swap_bytes = 0;
  u64 cpu_ns = 0;             // CPU time of the target so far, all threads, after the look
  u64 cpu_before_ns = 0;      // the same before the look touched it (what the stops cost it is between the two); 0 = not known
  u64 bad_edges = 0, broken_links = 0, faults = 0, hangs = 0;  // what the walk had to leave out
  u32 executable = 0, comm = 0, argv = 0;   // strings; argv only when asked for
  std::vector<u32> skipped_types;  // type indexes whose traverse was given up
  std::vector<u32> notes;          // strings: what could not be seen, and why
};

struct Columns {
  Meta meta;
  StringTable strings;
  std::vector<Type> types;

  // nodes
  std::vector<u64> address;   // ascending, unique
  std::vector<u32> type;      // index into types
  std::vector<u32> size;      // bytes of body, collector header and owned blocks; saturates: see big_size
  std::vector<u32> refcount;  // saturates; meaningless for immortal ones
  std::vector<u16> flags;     // NodeFlag
  std::vector<u32> length;    // entries or logical bytes for roles that have a length, kNone elsewhere; saturates: see big_length
  std::vector<std::pair<u32, u64>> big_size;    // node, bytes: those that do not fit u32, by node
  std::vector<std::pair<u32, u64>> big_length;  // node, length: likewise
  std::vector<std::pair<u32, i64>> ints;        // node, value (< 2^30): ints held by attributes, defaults or cells; of a deque its maxlen; by node

  // edges
  std::vector<u32> edge_row;     // node_count() + 1
  std::vector<u32> edge_target;  // node id
  std::vector<u32> edge_label;   // Label

  std::vector<OwnedBlock> blocks;  // by node
  std::vector<Root> roots;
  std::vector<Thread> threads;
  std::vector<Frame> frames;
  std::vector<CodeObject> codes;
  std::vector<CodeBody> code_bodies;  // by code
  std::vector<u8> code_bytes;
  std::vector<u32> code_names;        // strings
  std::vector<MemoryMap> maps;
  std::vector<CollectorState> collectors;  // one an interpreter

  // where resident memory goes; empty in a look that did not measure it
  std::vector<MemoryPart> memory;            // by kind
  std::vector<MemorySize> memory_sizes;      // by allocator and size
  std::vector<MemoryPointer> memory_pointers;  // by allocator and size
  std::vector<MemoryRegion> memory_regions;  // by address
  std::vector<MemorySite> memory_sites;

  u32 node_count() const { return static_cast<u32>(address.size()); }
  u32 edge_count() const { return static_cast<u32>(edge_target.size()); }
  u64 size_of(u32 node) const;    // with big_size
  u64 length_of(u32 node) const;  // with big_length; 0 where it has none
  u64 total_bytes() const;        // of all nodes
  Role role_of(u32 node) const { return types[type[node]].role; }
  std::string_view type_name(u32 node) const { return strings.at(types[type[node]].name); }
};

}  // namespace unleak::snapshot
