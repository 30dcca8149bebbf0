#include "capture/inspect_python.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/file.h"
#include "capture/interpreter_search.h"
#include "capture/proc_memory.h"
#include "elf/image.h"
#include "elf/source.h"
#include "pylayout/tables.h"

namespace unleak::capture {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr size_t kMaxImages = 512;          // files looked into where no name says "python"

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// An object in the memory of the process, where its file cannot be opened.
class MemorySource final : public elf::Source {
 public:
  explicit MemorySource(u32 pid) : memory_(pid) {}
  bool ReadAt(u64 offset, std::span<u8> out) const override { return memory_.Read(offset, out.data(), out.size()); }

 private:
  mutable RemoteMemory memory_;  // reading changes nothing of it
};

}  // namespace

int OpenBelow(const std::string& root, const std::string& path) {
  const UniqueFd folder(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return -1;
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how));
}

namespace {

int OpenMapped(const std::string& process, const Mapping& mapping) {
  std::array<char, 64> name;
  std::snprintf(name.data(), name.size(), "/map_files/%llx-%llx", static_cast<unsigned long long>(mapping.start),
                static_cast<unsigned long long>(mapping.end));
  const int fd = open((process + name.data()).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  return fd >= 0 || mapping.path.ends_with(kDeleted) ? fd : OpenBelow(process + "/root", mapping.path);
}

class LiveImages final : public ProcessImages {
 public:
  LiveImages(u32 pid, std::string proc_root) : pid_(pid), proc_root_(std::move(proc_root)), memory_(pid) {}
  Memory& memory() override { return memory_; }

  Result<OpenedImage> OpenImage(const Mapping& first) override {
    const int fd = OpenMapped(proc_root_ + "/" + std::to_string(pid_), first);
    if (fd < 0) {
      if (proc_root_ != "/proc") return SystemError("open", first.path, errno);  // fixtures have no memory
      UNLEAK_ASSIGN(elf::Image image, elf::Image::OpenMemory(std::make_shared<MemorySource>(pid_), first.start));
      const u64 bias = image.memory_bias();
      return OpenedImage{std::move(image), bias};
    }
    UNLEAK_ASSIGN(auto source, elf::SourceOfFile(fd));
    UNLEAK_ASSIGN(elf::Image image, elf::Image::OpenFile(std::move(source)));
    const std::optional<u64> bias = image.LoadBias(first.start, first.offset);
    if (!bias) return Status(Code::kCorrupt, first.path + " is not the file that is mapped");
    return OpenedImage{std::move(image), *bias};
  }

 private:
  const u32 pid_;
  const std::string proc_root_;
  RemoteMemory memory_;
};

// Symbols that are asked for.
constexpr std::array<std::string_view, 11> kNames = {
    "_PyRuntime", "Py_Version", "PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet",
    "strcmp", "strncmp", "strlen", "memcmp", "memcpy", "memmove", "memset"};
constexpr std::size_t kFirstOfLibrary = 4;

// The symbols of an object: those that it exports; where it exports no interpreter (statically linked, or linked without
// exports), those of its whole table.
class Symbols {
 public:
  Symbols(const OpenedImage& opened, bool look_into_table) : opened_(opened) {
    runtime_ = Find("_PyRuntime");
    if (runtime_ || !look_into_table) return;
    all_ = opened.image.FindSymbols(kNames);
    runtime_ = Find("_PyRuntime");
  }

  std::optional<elf::Symbol> Find(std::string_view name) const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (all_[i] && kNames[i] == name) return all_[i];
    }
    return opened_.image.FindDynamicSymbol(name);
  }
  // In the process; 0 if there is none.
  u64 AddressOf(std::string_view name) const {
    const auto symbol = Find(name);
    return symbol ? opened_.bias + symbol->address : 0;
  }
  // Address in the object of _PyRuntime; 0 if there is none.
  u64 Runtime() const {
    if (runtime_) return runtime_->address;
    const auto section = opened_.image.FindSection(".PyRuntime");  // 3.10 and newer, also stripped
    return section ? section->address : 0;
  }

 private:
  const OpenedImage& opened_;
  std::vector<std::optional<elf::Symbol>> all_;
  std::optional<elf::Symbol> runtime_;
};

// struct _Py_DebugOffsets starts so from 3.13 on (Include/internal/pycore_debug_offsets.h, pycore_runtime.h).
struct DebugHead {
  char cookie[8];
  u64 version, free_threaded;
};

void ReadDebugHead(const OpenedImage& opened, u64 runtime, PythonImage* python) {
  DebugHead head;
  if (!opened.image.ReadVirtual(runtime, &head, sizeof head) || std::memcmp(head.cookie, "xdebugpy", 8) != 0) return;
  python->python_hex = static_cast<u32>(head.version);
  python->free_threaded = head.free_threaded == 1;
}

u32 VersionInName(std::string_view path) {
  const std::string_view name = BaseName(path);
  const size_t at = name.find("python3.");
  return at == std::string_view::npos ? 0 : ParseVersion(name.substr(at + 6));
}

void FindVersion(Memory& memory, const std::vector<Mapping>& maps, const OpenedImage& opened, const Symbols& symbols, u64 runtime,
                 PythonImage* python) {
  ReadDebugHead(opened, runtime, python);
  if (python->python_hex) return;
  if (const auto symbol = symbols.Find("Py_Version")) {  // 3.11 and newer
    u64 hex = 0;
    if (opened.image.ReadVirtual(symbol->address, &hex, sizeof hex)) python->python_hex = static_cast<u32>(hex);
  }
  if (!python->python_hex) python->python_hex = ParseVersion(VersionText(memory, maps, python->path));
  if (!python->python_hex) python->python_hex = VersionInName(python->path);
}

void AddResolvers(const Symbols& symbols, RuntimeAddresses* addresses) {
  constexpr u8 kIndirect = 10;  // STT_GNU_IFUNC
  for (std::size_t i = kFirstOfLibrary; i < kNames.size(); ++i) {
    const auto symbol = symbols.Find(kNames[i]);
    if (symbol && ELF64_ST_TYPE(symbol->info) == kIndirect) {
      addresses->library_resolvers.emplace_back(kNames[i], symbols.AddressOf(kNames[i]));
    }
  }
}

// Functions of which the C library has several forms: addresses of those that choose (RuntimeAddresses).
void FindLibraryResolvers(ProcessImages& process, const std::vector<const Mapping*>& candidates, RuntimeAddresses* addresses) {
  for (const Mapping* mapping : candidates) {
    const std::string_view name = BaseName(mapping->path);
    if (!name.starts_with("libc.so") && !name.starts_with("libc-")) continue;
    auto opened = process.OpenImage(*mapping);
    if (!opened.ok()) continue;
    AddResolvers(Symbols(*opened, false), addresses);
    return;
  }
}

// The first mappings of all files, the most likely ones first: the executable, then what "python" is in the name of. A file
// that was loaded several times (dlmopen) is there as often.
std::vector<const Mapping*> Candidates(const std::vector<Mapping>& maps, const std::string& executable) {
  std::vector<const Mapping*> found;
  std::unordered_set<std::string_view> known;
  for (const Mapping& mapping : maps) {
    if (!mapping.path.starts_with('/') || mapping.path.starts_with("/dev/") || mapping.path.starts_with("/memfd:")) continue;
    const bool is_new = known.insert(mapping.path).second;
    if ((is_new || mapping.offset == 0) && found.size() < kMaxImages) found.push_back(&mapping);
  }
  const auto rank = [&](const Mapping* m) {
    return m->path == executable ? 0 : Contains(BaseName(m->path), "libpython") ? 1 : Contains(BaseName(m->path), "python") ? 2 : 3;
  };
  std::stable_sort(found.begin(), found.end(), [&](const Mapping* a, const Mapping* b) { return rank(a) < rank(b); });
  return found;
}

constexpr const char* kSupported = "unleak looks at CPython 3.9 to 3.15";

Status CheckKind(const elf::Image& image, const PythonImage& python) {
  if (image.machine() != EM_X86_64) {
    return Status(Code::kUnsupported, python.path + " is for another machine than x86-64", "look at it from snapshots");
  }
  if (!python.python_hex) {
    return Status(Code::kUnsupported, python.path + " holds CPython, but does not tell its version", kSupported);
  }
  if (python.python_hex < 0x03090000) {
    return Status(Code::kUnsupported, "the process runs Python " + std::to_string(python.python_hex >> 24) + "." +
                  std::to_string(python.python_hex >> 16 & 0xff), kSupported);
  }
  return Status::Ok();
}

// Finds what CPythons a process holds, and chooses the one that runs.
class Search {
 public:
  Search(ProcessImages& process, const std::vector<Mapping>& maps, const std::string& executable)
      : process_(process), maps_(maps), executable_(executable), candidates_(Candidates(maps, executable)) {}

  Result<PythonImage> Run() {
    for (const Mapping* mapping : candidates_) {
      if (IsLikely(*mapping) || (found_.empty() && refused_.ok())) LookInto(*mapping);
    }
    if (found_.empty() && refused_.ok()) CheckOther();
    for (const Mapping* mapping : candidates_) {
      if (found_.empty() && refused_.ok() && IsLikely(*mapping)) LookForShape(mapping->path);
    }
    if (found_.empty()) return refused_.ok() ? NoPython() : refused_;
    return Choose();
  }

 private:
  bool IsLikely(const Mapping& mapping) const {
    const std::string_view name = BaseName(mapping.path);
    return mapping.path == executable_ || name.starts_with("python") || Contains(name, "libpython");
  }

  void LookInto(const Mapping& mapping) {
    auto opened = process_.OpenImage(mapping);
    if (!opened.ok()) {
      if (Contains(BaseName(mapping.path), "python")) not_opened_ = opened.status();
      return;
    }
    const Symbols symbols(*opened, IsLikely(mapping));
    const u64 runtime = symbols.Runtime();
    if (!runtime) return;
    PythonImage python;
    python.path = mapping.path;
    FindVersion(process_.memory(), maps_, *opened, symbols, runtime, &python);
    if (const Status kind = CheckKind(opened->image, python); !kind.ok()) {
      if (refused_.ok()) refused_ = kind;
      return;
    }
    python.addresses.runtime = opened->bias + runtime;
    python.addresses.thread_state_getter =
        symbols.AddressOf(python.python_hex >= 0x030d0000 ? "PyThreadState_GetUnchecked" : "_PyThreadState_UncheckedGet");
    AddResolvers(symbols, &python.addresses);  // it may hold the C library as well
    found_.push_back(std::move(python));
  }

  void CheckOther() {
    for (const Mapping* mapping : candidates_) {
      const std::string_view name = BaseName(mapping->path);
      const char* other = Contains(name, "pypy") ? "PyPy" : Contains(name, "graalpy") ? "GraalPy" : nullptr;
      if (other && refused_.ok()) refused_ = Status(Code::kUnsupported, std::string("the process runs ") + other, kSupported);
    }
  }

  // An object that no symbol and no section tells of, but which has the text of a version: stripped and statically linked
  // (before 3.10 the state of the interpreter has no section of its own), or too old to have such a state.
  void LookForShape(const std::string& path) {
    const std::string version = VersionText(process_.memory(), maps_, path);
    if (version.empty()) return;
    PythonImage python;
    python.path = path;
    python.python_hex = ParseVersion(version);
    const unleak_layout* layout = pylayout::FindLayout(python.python_hex, false);
    if (layout) python.addresses.runtime = RuntimeByShape(process_.memory(), maps_, path, *layout);
    if (python.addresses.runtime) return found_.push_back(std::move(python));
    refused_ = !layout ? Status(Code::kUnsupported, "the process runs Python " + version, kSupported)
                       : Status(Code::kUnsupported, "the process seems to run Python " + version + ", but " + path +
                                " has no symbol for its state, nor is it found in its data (it may not have started yet)",
                                "try again, or keep the symbols of that file (no strip)");
  }

  Result<PythonImage> Choose() {
    std::vector<PythonImage*> running;
    for (PythonImage& python : found_) {
      if (found_.size() == 1 || HasInterpreter(process_.memory(), python.addresses.runtime, python.python_hex, python.free_threaded))
        running.push_back(&python);
    }
    if (running.size() > 1) return Several(running);
    PythonImage& chosen = running.empty() ? found_.front() : *running.front();
    FindLibraryResolvers(process_, candidates_, &chosen.addresses);
    return std::move(chosen);
  }

  Status Several(const std::vector<PythonImage*>& running) const {
    std::string text = "the process runs " + std::to_string(running.size()) + " CPythons at once:";
    for (const PythonImage* python : running) {
      text += (python == running.front() ? " 3." : ", 3.") + std::to_string(python->python_hex >> 16 & 0xff) + " in " + python->path;
    }
    return Status(Code::kUnsupported, text + "; objects of one are not told from those of the other",
                  "run them in processes of their own for the diagnosis");
  }

  Status NoPython() const {
    if (Contains(BaseName(executable_), "python")) {
      return Status(Code::kUnsupported,
                    executable_ + ": no _PyRuntime in it" + (not_opened_.ok() ? "" : " (" + not_opened_.message() + ")"),
                    "unleak looks at CPython 3.9 to 3.15; older ones have no such symbol");
    }
    return Status(Code::kUnsupported, "the process is not a Python program: " + (executable_.empty() ? "no file" : executable_) +
                  " and its libraries hold no CPython", "give the pid of the Python process itself, or use --children");
  }

  ProcessImages& process_;
  const std::vector<Mapping>& maps_;
  const std::string& executable_;
  const std::vector<const Mapping*> candidates_;
  std::vector<PythonImage> found_;
  Status refused_, not_opened_;
};

}  // namespace

Result<PythonImage> FindPython(u32 pid, const std::vector<Mapping>& maps, const std::string& executable,
                               const std::string& proc_root) {
  LiveImages process(pid, proc_root);
  return FindPython(process, maps, executable);
}

Result<PythonImage> FindPython(ProcessImages& process, const std::vector<Mapping>& maps, const std::string& executable) {
  return Search(process, maps, executable).Run();
}

Result<OpenedImage> OpenMappedImage(u32 pid, const Mapping& first, const std::string& proc_root) {
  return LiveImages(pid, proc_root).OpenImage(first);
}

}  // namespace unleak::capture
