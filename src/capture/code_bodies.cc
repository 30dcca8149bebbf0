#include "capture/code_bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "capture/names.h"

namespace unleak::capture {
namespace {

constexpr u64 kMostBytes = 8 << 20;      // of instructions and line tables, of a look
constexpr u64 kMostCodeBytes = 1 << 20;  // of one code object
constexpr u64 kMostNames = 1 << 16;      // of one code object
constexpr u64 kMostAllNames = 1 << 20;   // of a look

class BodyReader {
 public:
  BodyReader(const unleak_layout& layout, Memory& memory, snapshot::Columns* columns)
      : layout_(layout), memory_(memory), out_(*columns) {}

  // False when the look's bound is reached.
  bool Add(u32 code) {
    const u64 address = out_.address[out_.codes[code].node];
    snapshot::CodeBody body;
    body.code = code;
    body.first_byte = out_.code_bytes.size();
    body.first_name = static_cast<u32>(out_.code_names.size());
    body.instruction_bytes = AppendInstructions(address);
    if (body.instruction_bytes == 0) return true;
    body.line_bytes = AppendBytes(Word(address, layout_.code.linetable));
    body.names = AppendNames(Word(address, layout_.code.names));
    if (layout_.code.localsplusnames > 0) {
      body.locals = AppendNames(Word(address, layout_.code.localsplusnames));
    } else {
      body.fast = body.locals = AppendNames(Word(address, layout_.code.varnames));
      body.locals += AppendNames(Word(address, layout_.code.cellvars));
      body.locals += AppendNames(Word(address, layout_.code.freevars));
    }
    out_.code_bodies.push_back(body);
    return out_.code_bytes.size() < kMostBytes && out_.code_names.size() < kMostAllNames;
  }

 private:
  u64 Word(u64 address, i32 offset) { return offset > 0 ? memory_.Word(address + static_cast<u64>(offset)) : 0; }

  // 3.11 and later: in the object itself, as the interpreter has adapted them. Before: in a bytes object.
  u32 AppendInstructions(u64 address) {
    if (layout_.code.code_adaptive < 0) return AppendBytes(Word(address, layout_.code.code_bytes));
    const u64 units = Word(address, layout_.code.code_bytes);
    if (units > kMostCodeBytes / 2) return 0;
    return Append(address + static_cast<u64>(layout_.code.code_adaptive), units * 2);
  }

  u32 AppendBytes(u64 object) {
    const u64 size = object ? memory_.Word(object + static_cast<u64>(layout_.bytes_object.size)) : 0;
    return Append(object + static_cast<u64>(layout_.bytes_object.bytes), size);
  }

  u32 Append(u64 address, u64 size) {
    if (size == 0 || size > kMostCodeBytes) return 0;
    const size_t first = out_.code_bytes.size();
    out_.code_bytes.resize(first + size);
    if (memory_.Read(address, out_.code_bytes.data() + first, size)) return static_cast<u32>(size);
    out_.code_bytes.resize(first);
    return 0;
  }

  // A name that cannot be read keeps its place as "".
  u32 AppendNames(u64 tuple) {
    const u64 count = tuple ? memory_.Word(tuple + static_cast<u64>(layout_.object.size)) : 0;
    if (count == 0 || count > kMostNames) return 0;
    std::vector<u64> items(count);
    if (!memory_.Read(tuple + static_cast<u64>(layout_.tuple.items), items.data(), count * 8)) return 0;
    const size_t first = out_.code_names.size();
    out_.code_names.resize(first + count);
    TextReader(layout_, memory_).ReadAll(items, kMaxNameLength, [&](size_t i, const std::string* text) {
      if (text) out_.code_names[first + i] = out_.strings.Intern(*text);
    });
    return static_cast<u32>(count);
  }

  const unleak_layout& layout_;
  Memory& memory_;
  snapshot::Columns& out_;
};

u64 ClockNow(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

}  // namespace

void AddCodeBodies(const unleak_layout& layout, Memory& memory, const std::function<bool(const std::string&)>& missing,
                   snapshot::Columns* columns) {
  std::unordered_map<u32, bool> known;
  BodyReader reader(layout, memory, columns);
  for (u32 code = 0; code < columns->codes.size(); ++code) {
    const u32 file = columns->codes[code].file;
    auto [it, inserted] = known.try_emplace(file);
    if (inserted) it->second = missing(std::string(columns->strings.at(file)));
    if (it->second && !reader.Add(code)) return;
  }
}

bool IsOwn(std::string_view file) {
  for (const char* library : {"/lib/python3.", "/site-packages/", "/dist-packages/"})
    if (file.find(library) != std::string_view::npos) return false;
  return !file.empty() && file.front() != '<';
}

SourceFiles::SourceFiles(u32 pid, const std::string& proc_root, u64 start_ns) {
  const std::string process = proc_root + "/" + std::to_string(pid);
  root_ = open((process + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  folder_ = open((process + "/cwd").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const u64 running = ClockNow(CLOCK_BOOTTIME) - std::min(ClockNow(CLOCK_BOOTTIME), start_ns);
  start_wall_ns_ = ClockNow(CLOCK_REALTIME) - running;
}

SourceFiles::~SourceFiles() {
  if (root_ >= 0) close(root_);
  if (folder_ >= 0) close(folder_);
}

bool SourceFiles::Missing(const std::string& file) const {
  if (file.empty() || file.starts_with("<frozen ")) return false;
  if (file.front() == '<') return true;
  const int base = file.front() == '/' ? root_ : folder_;
  if (base < 0) return false;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  // A path in the working folder may go up from it, but no link leads out of the process's root.
  how.resolve = file.front() == '/' ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : u64{RESOLVE_NO_MAGICLINKS};
  const int fd = static_cast<int>(syscall(SYS_openat2, base, file.c_str(), &how, sizeof how));
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR;
  struct stat info {};
  const bool there = fstat(fd, &info) == 0;
  close(fd);
  if (!there) return false;
  const u64 changed = static_cast<u64>(info.st_mtim.tv_sec) * 1'000'000'000 + static_cast<u64>(info.st_mtim.tv_nsec);
  return !S_ISREG(info.st_mode) || (info.st_mtim.tv_sec > 0 && changed > start_wall_ns_);
}

}  // namespace unleak::capture
