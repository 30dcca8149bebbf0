#include "capture/core_format.h"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

namespace unleak::capture {
namespace {

constexpr u64 kMaxNotes = u64{256} << 20, kMaxSegments = 1 << 20, kMaxFiles = 1 << 20, kMaxThreads = 1 << 20;
constexpr u32 kZstdMagic = 0xfd2fb528;
constexpr u32 kCoreFileNote = 0x46494c45;  // NT_FILE

struct MappedFile {
  u64 start, end, offset;
  std::string path;
};

u64 Align4(u64 value) { return (value + 3) & ~u64{3}; }

std::string TextOf(const char* text, std::size_t limit) { return {text, strnlen(text, limit)}; }

// Collects what the notes say.
class Notes {
 public:
  explicit Notes(CoreFacts* facts) : facts_(*facts) {}

  Status Read(std::span<const u8> notes) {
    for (u64 at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
      Elf64_Nhdr head;
      std::memcpy(&head, notes.data() + at, sizeof head);
      u64 body = at + sizeof head + Align4(head.n_namesz), next = body + Align4(head.n_descsz);
      if (body > notes.size() || head.n_descsz > notes.size() - body)
        return Status(Code::kCorrupt, "a note of the core file reaches beyond its end");
      UNLEAK_RETURN_IF_ERROR(One(head.n_type, notes.subspan(body, head.n_descsz)));
      at = next;
    }
    return Status::Ok();
  }
  const std::vector<MappedFile>& files() const { return files_; }
  u64 program_headers() const { return program_headers_; }

 private:
  Status One(u32 type, std::span<const u8> body) {
    switch (type) {
      case NT_PRSTATUS:
        Thread(body);
        return Status::Ok();
      case NT_PRPSINFO:
        Process(body);
        return Status::Ok();
      case NT_AUXV:
        Auxiliary(body);
        return Status::Ok();
      case kCoreFileNote:
        return Files(body);
      default:
        return Status::Ok();
    }
  }

  // The first one is of the thread that the signal came to.
  void Thread(std::span<const u8> body) {
    elf_prstatus status;
    if (body.size() < sizeof status || facts_.threads.size() >= kMaxThreads) return;
    std::memcpy(&status, body.data(), sizeof status);
    if (facts_.threads.empty()) facts_.signal = status.pr_info.si_signo;
    auto ns = [](const auto& time) {
      return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_usec) * 1000;
    };
    arch::Registers registers;
    static_assert(sizeof registers == sizeof status.pr_reg);
    std::memcpy(&registers, &status.pr_reg, sizeof registers);
    CoreThread thread;
    thread.cpu_ns = ns(status.pr_utime) + ns(status.pr_stime);
    thread.stack = StackOf(static_cast<int>(status.pr_pid), registers);
    facts_.threads.push_back(std::move(thread));
  }

  void Process(std::span<const u8> body) {
    elf_prpsinfo info;
    if (body.size() < sizeof info) return;
    std::memcpy(&info, body.data(), sizeof info);
    facts_.pid = static_cast<u32>(info.pr_pid);
    facts_.ppid = static_cast<u32>(info.pr_ppid);
    facts_.comm = TextOf(info.pr_fname, sizeof info.pr_fname);
    facts_.argv = TextOf(info.pr_psargs, sizeof info.pr_psargs);
  }

  void Auxiliary(std::span<const u8> body) {
    for (u64 at = 0; at + sizeof(Elf64_auxv_t) <= body.size(); at += sizeof(Elf64_auxv_t)) {
      Elf64_auxv_t entry;
      std::memcpy(&entry, body.data() + at, sizeof entry);
      if (entry.a_type == AT_PHDR) program_headers_ = entry.a_un.a_val;
    }
  }

  // count, unit of offsets (the page size; gcore's is 1); {start, end, offset} for each; then their names.
  Status Files(std::span<const u8> body) {
    u64 head[2];
    if (body.size() < sizeof head) return Status(Code::kCorrupt, "the core file's list of mapped files is cut short");
    std::memcpy(head, body.data(), sizeof head);
    const u64 count = head[0], unit = head[1];
    if (count > kMaxFiles || count * 24 > body.size() - sizeof head || unit == 0 || unit > 1 << 20) {
      return Status(Code::kCorrupt,
                    "the core file's list of mapped files makes no sense: " + std::to_string(count) + " entries");
    }
    u64 name = sizeof head + count * 24;
    for (u64 i = 0; i < count; ++i) {
      u64 entry[3];
      std::memcpy(entry, body.data() + sizeof head + i * 24, sizeof entry);
      std::string path = TextOf(reinterpret_cast<const char*>(body.data()) + name, body.size() - name);
      name = std::min<u64>(name + path.size() + 1, body.size());
      if (entry[0] < entry[1] && entry[2] < u64{1} << 43)
        files_.push_back({entry[0], entry[1], entry[2] * unit, std::move(path)});
    }
    // What overlaps is forged, and would make of few bytes very many mappings.
    std::sort(files_.begin(), files_.end(), [](const MappedFile& a, const MappedFile& b) { return a.start < b.start; });
    u64 end = 0;
    std::erase_if(files_, [&end](const MappedFile& file) {
      if (file.start < end) return true;
      end = file.end;
      return false;
    });
    return Status::Ok();
  }

  CoreFacts& facts_;
  std::vector<MappedFile> files_;
  u64 program_headers_ = 0;
};

Result<std::vector<Elf64_Phdr>> ReadProgramHeaders(const ByteSource& file, const std::string& name,
                                                   const Elf64_Ehdr& header) {
  u64 count = header.e_phnum;
  if (count == PN_XNUM) {  // more than fit: the first section header says how many
    Elf64_Shdr section;
    UNLEAK_RETURN_IF_ERROR(file.ReadAt(header.e_shoff, &section, sizeof section));
    count = section.sh_info;
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || count == 0 || count > kMaxSegments) {
    return Status(Code::kCorrupt, name + ": a core file with " + std::to_string(count) + " segments");
  }
  std::vector<Elf64_Phdr> headers(count);
  UNLEAK_RETURN_IF_ERROR(file.ReadAt(header.e_phoff, headers.data(), count * sizeof(Elf64_Phdr)));
  return headers;
}

Status AddSegments(const ByteSource& file, const std::string& name, const std::vector<Elf64_Phdr>& headers,
                   CoreFacts* facts) {
  u64 missing = 0;
  for (const Elf64_Phdr& header : headers) {
    if (header.p_offset + header.p_filesz > file.size())
      missing = std::max(missing, header.p_offset + header.p_filesz - file.size());
    if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
    const u64 end = header.p_vaddr + header.p_memsz, held = header.p_vaddr + std::min(header.p_filesz, header.p_memsz);
    if (end < header.p_vaddr || header.p_offset + header.p_filesz < header.p_offset) {
      return Status(Code::kCorrupt, name + ": a segment of the core file reaches around the end of memory");
    }
    facts->segments.push_back({header.p_vaddr, end, held, header.p_offset});
    facts->maps.push_back({header.p_vaddr,
                           end,
                           0,
                           (header.p_flags & PF_R) != 0,
                           (header.p_flags & PF_W) != 0,
                           (header.p_flags & PF_X) != 0,
                           false,
                           {}});
  }
  if (missing != 0) {
    return Status(Code::kCorrupt, name + " is cut short: " + std::to_string(missing) + " bytes are missing at its end",
                  "let cores be as large as they are: `ulimit -c unlimited` in the program's shell, enough room on the "
                  "disk, and for systemd "
                  "ExternalSizeMax= and ProcessSizeMax= in coredump.conf");
  }
  std::sort(facts->segments.begin(), facts->segments.end(),
            [](const CoreSegment& a, const CoreSegment& b) { return a.start < b.start; });
  for (size_t i = 1; i < facts->segments.size(); ++i) {
    if (facts->segments[i].start < facts->segments[i - 1].end)
      return Status(Code::kCorrupt, name + ": segments of the core file overlap");
  }
  return Status::Ok();
}

// Names the mappings by the files that lie in them; gcore leaves out segments of which it holds nothing, the list of
// files does not.
void NameMappings(const Notes& notes, CoreFacts* facts) {
  std::sort(facts->maps.begin(), facts->maps.end(),
            [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
  std::vector<Mapping> left_out;
  for (const MappedFile& file : notes.files()) {
    auto at = std::upper_bound(facts->maps.begin(), facts->maps.end(), file.start,
                               [](u64 a, const Mapping& m) { return a < m.end; });
    u64 from = file.start;
    for (; at != facts->maps.end() && at->start < file.end; ++at) {
      if (at->start > from)
        left_out.push_back({from, at->start, file.offset + (from - file.start), true, false, true, false, file.path});
      at->path = file.path;
      at->offset = file.offset + (at->start - file.start);
      from = std::min(at->end, file.end);
    }
    if (from < file.end)
      left_out.push_back({from, file.end, file.offset + (from - file.start), true, false, true, false, file.path});
    if (notes.program_headers() - file.start < file.end - file.start) facts->executable = file.path;
  }
  facts->maps.insert(facts->maps.end(), left_out.begin(), left_out.end());
  std::sort(facts->maps.begin(), facts->maps.end(),
            [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
}

}  // namespace

bool LooksLikeCore(const ByteSource& file, bool* compressed) {
  u8 head[18] = {};
  u32 magic = 0;
  u16 type = 0;
  if (!file.ReadAt(0, head, sizeof head).ok()) return false;
  std::memcpy(&magic, head, sizeof magic);
  std::memcpy(&type, head + 16, sizeof type);
  *compressed = magic == kZstdMagic;
  return *compressed || (std::memcmp(head, ELFMAG, SELFMAG) == 0 && type == ET_CORE);
}

Result<CoreFacts> ReadCoreFacts(const ByteSource& file, const std::string& name) {
  Elf64_Ehdr header;
  if (!file.ReadAt(0, &header, sizeof header).ok() || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return Status(Code::kUnsupported, name + " is not a core file: it has no ELF header");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return Status(Code::kUnsupported, name + " is of another machine than x86-64");
  }
  if (header.e_type != ET_CORE)
    return Status(Code::kUnsupported, name + " is an ELF file, but no core file", "give the core file itself");
  UNLEAK_ASSIGN(const std::vector<Elf64_Phdr> headers, ReadProgramHeaders(file, name, header));
  CoreFacts facts;
  UNLEAK_RETURN_IF_ERROR(AddSegments(file, name, headers, &facts));  // says as well if the file is whole
  Notes notes(&facts);
  u64 left = std::min(kMaxNotes, file.size());  // of all notes together: segments of them might all be the same
  for (const Elf64_Phdr& one : headers) {
    if (one.p_type != PT_NOTE) continue;
    if (one.p_filesz > left)
      return Status(Code::kCorrupt,
                    name + ": more notes than a core file holds (notes at byte " + std::to_string(one.p_offset) + ")");
    std::vector<u8> bytes(one.p_filesz);
    left -= bytes.size();
    UNLEAK_RETURN_IF_ERROR(file.ReadAt(one.p_offset, bytes.data(), bytes.size()));
    const Status read = notes.Read(bytes);
    if (!read.ok())
      return Status(read.code(),
                    name + ": " + read.message() + " (notes at byte " + std::to_string(one.p_offset) + ")");
  }
  NameMappings(notes, &facts);
  return facts;
}

}  // namespace unleak::capture
