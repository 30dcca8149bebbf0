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

#include "base/file.h"
#include "capture/proc_memory.h"
#include "elf/image.h"
#include "elf/source.h"

namespace unleak::capture {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr u64 kMaxScan = u64{32} << 20;     // bytes of data segments searched for the text of the version
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

u64 RuntimeOf(const elf::Image& image) {
  if (const auto symbol = image.FindDynamicSymbol("_PyRuntime")) return symbol->address;
  const auto section = image.FindSection(".PyRuntime");  // 3.10 and newer, also stripped
  return section ? section->address : 0;
}

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

// The buffer of Py_GetVersion: "3.10.13 (main, ...". In the data of the image or in the zero pages behind it.
u32 VersionInMemory(Memory& memory, const std::vector<Mapping>& maps, const std::string& path) {
  std::string bytes;
  u64 left = kMaxScan, last_end = 0;
  for (const Mapping& mapping : maps) {
    const bool own = mapping.path == path;
    if (own) last_end = mapping.end;
    if (!mapping.writable || !(own || (mapping.path.empty() && mapping.start == last_end))) continue;
    const u64 size = std::min(mapping.end - mapping.start, left);
    left -= size;
    bytes.assign(size, '\0');
    constexpr u64 kPage = 4096;
    for (u64 at = 0; at < size; at += kPage) memory.Read(mapping.start + at, bytes.data() + at, std::min(kPage, size - at));
    for (size_t at = bytes.find(std::string_view("\0" "3.", 3)); at != std::string::npos;
         at = bytes.find(std::string_view("\0" "3.", 3), at + 1)) {
      const std::string_view text = std::string_view(bytes).substr(at + 1, 24);
      const size_t space = text.find(" (");
      const u32 hex = space == std::string_view::npos ? 0 : ParseVersion(text.substr(0, space));
      if (hex) return hex;
    }
  }
  return 0;
}

u32 VersionInName(std::string_view path) {
  const std::string_view name = BaseName(path);
  const size_t at = name.find("python3.");
  return at == std::string_view::npos ? 0 : ParseVersion(name.substr(at + 6));
}

void FindVersion(Memory& memory, const std::vector<Mapping>& maps, const OpenedImage& opened, u64 runtime, PythonImage* python) {
  ReadDebugHead(opened, runtime, python);
  if (python->python_hex) return;
  if (const auto symbol = opened.image.FindDynamicSymbol("Py_Version")) {  // 3.11 and newer
    u64 hex = 0;
    if (opened.image.ReadVirtual(symbol->address, &hex, sizeof hex)) python->python_hex = static_cast<u32>(hex);
  }
  if (!python->python_hex) python->python_hex = VersionInMemory(memory, maps, python->path);
  if (!python->python_hex) python->python_hex = VersionInName(python->path);
}

u64 AddressOf(const OpenedImage& opened, std::string_view name) {
  const auto symbol = opened.image.FindDynamicSymbol(name);
  return symbol ? opened.bias + symbol->address : 0;
}

// Functions of which the C library has several forms: addresses of those that choose (RuntimeAddresses).
void FindLibraryResolvers(ProcessImages& process, const std::vector<const Mapping*>& candidates, RuntimeAddresses* addresses) {
  constexpr u8 kIndirect = 10;  // STT_GNU_IFUNC
  for (const Mapping* mapping : candidates) {
    const std::string_view name = BaseName(mapping->path);
    if (!name.starts_with("libc.so") && !name.starts_with("libc-")) continue;
    auto opened = process.OpenImage(*mapping);
    if (!opened.ok()) continue;
    for (const char* function : {"strcmp", "strncmp", "strlen", "memcmp", "memcpy", "memmove", "memset"}) {
      const auto symbol = opened->image.FindDynamicSymbol(function);
      if (symbol && ELF64_ST_TYPE(symbol->info) == kIndirect) addresses->library_resolvers.emplace_back(function, opened->bias + symbol->address);
    }
    return;
  }
}

// The first mappings of all files, the most likely ones first: the executable, then what "python" is in the name of.
std::vector<const Mapping*> Candidates(const std::vector<Mapping>& maps, const std::string& executable) {
  std::vector<const Mapping*> found;
  for (const Mapping& mapping : maps) {
    if (!mapping.path.starts_with('/') || mapping.path.starts_with("/dev/") || mapping.path.starts_with("/memfd:")) continue;
    const bool known = std::any_of(found.begin(), found.end(), [&](const Mapping* m) { return m->path == mapping.path; });
    if (!known && found.size() < kMaxImages) found.push_back(&mapping);
  }
  const auto rank = [&](const Mapping* m) {
    return m->path == executable ? 0 : Contains(BaseName(m->path), "libpython") ? 1 : Contains(BaseName(m->path), "python") ? 2 : 3;
  };
  std::stable_sort(found.begin(), found.end(), [&](const Mapping* a, const Mapping* b) { return rank(a) < rank(b); });
  return found;
}

Status NoPython(const std::vector<const Mapping*>& candidates, const std::string& executable, const Status& last) {
  for (const Mapping* mapping : candidates) {
    const std::string_view name = BaseName(mapping->path);
    if (Contains(name, "pypy")) return Status(Code::kUnsupported, "the process runs PyPy", "unleak looks at CPython 3.9 to 3.15");
    if (Contains(name, "graalpy")) return Status(Code::kUnsupported, "the process runs GraalPy", "unleak looks at CPython 3.9 to 3.15");
  }
  if (Contains(BaseName(executable), "python")) {
    return Status(Code::kUnsupported,
                  executable + ": no _PyRuntime in it" + (last.ok() ? "" : " (" + last.message() + ")"),
                  "unleak looks at CPython 3.9 to 3.15; older ones have no such symbol");
  }
  return Status(Code::kUnsupported, "the process is not a Python program: " + (executable.empty() ? "no file" : executable) +
                " and its libraries hold no CPython", "give the pid of the Python process itself, or use --children");
}

Status CheckKind(const elf::Image& image, const std::vector<Mapping>& maps, const PythonImage& python) {
  if (image.machine() != EM_X86_64) {
    return Status(Code::kUnsupported, python.path + " is for another machine than x86-64", "look at it from snapshots");
  }
  for (const Mapping& mapping : maps) {
    if (BaseName(mapping.path).starts_with("ld-musl")) {
      return Status(Code::kUnsupported, "the process uses the C library musl, which has not been tested",
                    "run the program on a glibc image");
    }
  }
  if (!python.python_hex) {
    return Status(Code::kUnsupported, python.path + " holds CPython, but does not tell its version", "unleak looks at CPython 3.9 to 3.15");
  }
  if (python.python_hex < 0x03090000) {
    return Status(Code::kUnsupported, "the process runs Python " + std::to_string(python.python_hex >> 24) + "." +
                  std::to_string(python.python_hex >> 16 & 0xff), "unleak looks at CPython 3.9 to 3.15");
  }
  return Status::Ok();
}

}  // namespace

u32 ParseVersion(std::string_view text) {
  u32 part[3] = {0, 0, 0};
  size_t at = 0;
  int parts = 0;
  for (; parts < 3; ++parts) {
    const size_t start = at;
    while (at < text.size() && at - start < 3 && text[at] >= '0' && text[at] <= '9') {
      part[parts] = part[parts] * 10 + static_cast<u32>(text[at++] - '0');
    }
    if (at == start) break;
    if (at >= text.size() || text[at] != '.') {
      ++parts;
      break;
    }
    ++at;
  }
  if (parts < 2 || part[0] != 3 || part[1] > 99 || part[2] > 255) return 0;
  const u32 hex = part[0] << 24 | part[1] << 16 | part[2] << 8;
  const std::string_view rest = text.substr(at);
  const u32 level = rest.starts_with("a") ? 0xa0 : rest.starts_with("b") ? 0xb0 : rest.starts_with("rc") ? 0xc0 : 0xf0;
  return hex | level;
}

Result<PythonImage> FindPython(u32 pid, const std::vector<Mapping>& maps, const std::string& executable,
                               const std::string& proc_root) {
  LiveImages process(pid, proc_root);
  return FindPython(process, maps, executable);
}

Result<PythonImage> FindPython(ProcessImages& process, const std::vector<Mapping>& maps, const std::string& executable) {
  const std::vector<const Mapping*> candidates = Candidates(maps, executable);
  Status last;
  for (const Mapping* mapping : candidates) {
    auto opened = process.OpenImage(*mapping);
    if (!opened.ok()) {
      if (Contains(BaseName(mapping->path), "python")) last = opened.status();
      continue;
    }
    const u64 runtime = RuntimeOf(opened->image);
    if (!runtime) continue;
    PythonImage python;
    python.path = mapping->path;
    FindVersion(process.memory(), maps, *opened, runtime, &python);
    UNLEAK_RETURN_IF_ERROR(CheckKind(opened->image, maps, python));
    python.addresses.runtime = opened->bias + runtime;
    python.addresses.thread_state_getter = AddressOf(*opened, python.python_hex >= 0x030d0000 ? "PyThreadState_GetUnchecked"
                                                                                               : "_PyThreadState_UncheckedGet");
    python.addresses.visit_objects = AddressOf(*opened, "PyUnstable_GC_VisitObjects");
    FindLibraryResolvers(process, candidates, &python.addresses);
    return python;
  }
  return NoPython(candidates, executable, last);
}

Result<OpenedImage> OpenMappedImage(u32 pid, const Mapping& first, const std::string& proc_root) {
  return LiveImages(pid, proc_root).OpenImage(first);
}

}  // namespace unleak::capture
