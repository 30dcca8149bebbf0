// A look at a core file: the reader on its memory.
#include <algorithm>
#include <new>

#include "capture/assemble.h"
#include "capture/code_bodies.h"
#include "capture/core_file.h"
#include "capture/deque_bounds.h"
#include "capture/gil_state.h"
#include "capture/look.h"
#include "capture/native_roots.h"
#include "capture/opaque_bodies.h"
#include "capture/pools.h"
#include "capture/reader.h"
#include "pylayout/check.h"

namespace unleak::capture {
namespace {

constexpr u64 kGlibcThreadId = 720;  // in struct pthread (nptl/descr.h, x86-64)

Status WithFile(const std::string& path, const CoreFile& core, const Status& status) {
  std::string text = "core file " + path + ": " + status.message();
  for (const std::string& note : core.notes()) text += "; " + note;
  const std::string hint = core.notes().empty()
                               ? status.hint()
                               : "look on the machine where it ran, or give the folder of its files: --root DIR";
  return Status(status.code(), std::move(text), hint);
}

class CoreLook {
 public:
  CoreLook(CoreFile& core, const Options& options) : core_(core), options_(options) {}

  Result<snapshot::Columns> Take() {
    const CoreFacts& facts = core_.facts();
    UNLEAK_ASSIGN(python_, FindPython(core_, facts.maps, facts.executable));
    UNLEAK_ASSIGN(layout_, LayoutOf(python_.python_hex, python_.free_threaded));
    const auto read = [&](u64 address, void* out, std::size_t bytes) { return core_.Read(address, out, bytes); };
    const u64 runtime = python_.addresses.runtime;
    UNLEAK_RETURN_IF_ERROR(pylayout::CheckLayout(*layout_, read, runtime));
    gil_ = ReadGil(core_, *layout_, runtime);
    ReaderOptions how;
    how.follow_tracked = gil_.collecting;
    how.conservative = options_.conservative;
    how.addresses = python_.addresses;
    how.maps = facts.maps;
    how.thread_state = gil_.holder;
    UNLEAK_ASSIGN(ReaderFacts heap, ReadHeap(*layout_, core_, runtime, assembler_, how));
    if (options_.orphans) AddOrphans(*layout_, python_.python_hex, core_, facts.maps, &assembler_, &heap.types);
    UNLEAK_RETURN_IF_ERROR(assembler_.Build({*layout_, core_, heap.types}, &columns_));
    MarkGilHolder(assembler_.thread_states(), gil_.holder, &columns_);
    DescribeCoreThreads();
    if (options_.conservative) AddRootsOfCode();
    AddCodeBodies(
        *layout_, core_, [&](const std::string& file) { return !core_.HasFile(file); }, &columns_);
    Describe(heap);
    return std::move(columns_);
  }

 private:
  void DescribeCoreThreads() {
    for (snapshot::Thread& thread : columns_.threads) {
      const u64 native = thread.native_id ? thread.native_id : core_.Word32(thread.ident + kGlibcThreadId);
      thread.native_id = 0;
      for (const CoreThread& known : core_.facts().threads) {
        if (known.stack.tid == native) thread.native_id = known.stack.tid, thread.cpu_ns = known.cpu_ns;
      }
    }
  }

  void AddRootsOfCode() {
    std::vector<ThreadStack> stacks;
    for (const CoreThread& thread : core_.facts().threads) stacks.push_back(thread.stack);
    const NativeInput native{*layout_,
                             core_,
                             assembler_.index(),
                             core_.facts().maps,
                             stacks,
                             assembler_.interpreter_states(),
                             assembler_.thread_states()};
    AddOpaqueEdges(native, &columns_);
    AddDequeBounds(native, &columns_);
    AddNativeRoots(native, &columns_);
  }

  void Describe(const ReaderFacts& heap) {
    const CoreFacts& facts = core_.facts();
    snapshot::Meta& meta = columns_.meta;
    snapshot::StringTable& strings = columns_.strings;
    meta.pid = facts.pid;
    meta.ppid = facts.ppid;
    meta.python_hex = python_.python_hex;
    meta.free_threaded = python_.free_threaded;
    meta.producer = snapshot::Producer::kCore;
    meta.stop = snapshot::Stop::kNone;
    for (const CoreThread& thread : facts.threads) meta.cpu_ns += thread.cpu_ns;
    meta.bad_edges += heap.bad_edges;
    meta.broken_links = heap.broken_links;
    meta.executable = strings.Intern(facts.executable);
    meta.comm = strings.Intern(facts.comm);
    if (options_.keep_argv) meta.argv = strings.Intern(facts.argv);
    AddMaps(facts.maps, &columns_);
    const auto note = [&](const std::string& text) { meta.notes.push_back(strings.Intern(text)); };
    note("from a core file: how much of its memory was resident is not known");
    if (facts.signal != 0)
      note("the process ended by signal " + std::to_string(facts.signal) +
           ", wherever it was: what it was changing may be half changed");
    if (gil_.collecting) note("a collection was in progress");
    for (const std::string& text : heap.notes) note(text);
    for (const std::string& text : core_.notes()) note(text);
  }

  CoreFile& core_;
  const Options& options_;
  PythonImage python_;
  const unleak_layout* layout_ = nullptr;
  GilState gil_;
  Assembler assembler_;
  snapshot::Columns columns_;
};

}  // namespace

Result<snapshot::Columns> LookAtCore(const std::string& path, const std::string& root, const Options& options) {
  try {
    UNLEAK_ASSIGN(const std::unique_ptr<CoreFile> core, CoreFile::Open(path, root));
    auto columns = CoreLook(*core, options).Take();
    if (columns.ok()) return columns;
    return WithFile(path, *core, columns.status());
  } catch (const std::bad_alloc&) {
    return Status(Code::kExhausted, "not enough memory for a look at " + path, "close other programs");
  }
}

bool IsCoreFile(const std::string& path) {
  const auto file = ByteSource::Open(path);
  bool compressed = false;
  return file.ok() && LooksLikeCore(*file, &compressed);
}

}  // namespace unleak::capture
