#if defined(__x86_64__)
#include "capture/arch/x86_64/signal_frame.h"

#include <cpuid.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "capture/proc_memory.h"

namespace unleak::capture::arch {
namespace {

// struct rt_sigframe of the kernel (arch/x86/include/asm/sigframe.h) as far as rt_sigreturn reads it.
struct Frame {
  u64 return_address;
  u64 flags, link, stack_pointer, stack_flags, stack_size;  // struct ucontext
  u64 registers[23];                                        // in the order of kRegister
  u64 floating_point;                                       // address
  u64 reserved[8];
  u64 mask;
};
static_assert(sizeof(Frame) == 312);
enum { kR10 = 2, kRdi = 8, kRsi = 9, kRdx = 12, kRax = 13, kRsp = 15, kRip = 16 };

struct Frames {
  Frame wait, resume, exit;
};

constexpr u64 kContextFlags = 7;  // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
// No such mode: restore_altstack() then leaves the thread's signal stack alone.
constexpr u64 kLeaveSignalStack = 0x5a5a;
constexpr u64 kAnyPid = 0x7fffffff;  // until the kernel puts the clone's pid there: a wait that fails at once

// xsave area (Intel SDM vol. 1, 13.4) with what the kernel expects behind it in a signal frame.
constexpr std::size_t kSoftwareBytes = 464, kStateBits = 512, kLegacyAndHeader = 576;
constexpr u32 kMagic1 = 0x46505853, kMagic2 = 0x46505845;
constexpr u64 kTileData = 1ull << 18;
constexpr std::size_t kLargestState = 32768;
constexpr int kShadowStack = 0x204;  // NT_X86_SHSTK

struct FloatState {
  alignas(64) u8 bytes[kLargestState];
  std::size_t size = 0;  // with the magic word behind
};

// Bytes of the standard format with the components of `features`, 0 if the processor says nonsense.
u32 StateSize(u64 features) {
  u32 size = kLegacyAndHeader;
  for (u32 i = 2; i < 62; ++i) {
    if (!(features >> i & 1)) continue;
    u32 bytes, offset, c, d;
    __cpuid_count(13, i, bytes, offset, c, d);
    size = std::max(size, bytes + offset);
  }
  return size;
}

// Reads the floating point state of a thread and makes it fit for a signal frame.
bool ReadFloatState(int tid, FloatState* state) {
  iovec area{state->bytes, sizeof state->bytes - 64};  // room for the magic word; a multiple of 8 is asked for
  if (ptrace(static_cast<__ptrace_request>(PTRACE_GETREGSET), tid, NT_X86_XSTATE, &area) || area.iov_len < kLegacyAndHeader)
    return false;
  u64 features, in_use;
  std::memcpy(&features, state->bytes + kSoftwareBytes, sizeof features);
  std::memcpy(&in_use, state->bytes + kStateBits, sizeof in_use);
  // A frame with room for tiles would be refused where the thread never used them.
  if (!(in_use & kTileData)) features &= ~kTileData;
  u32 size = StateSize(features);
  if (size > area.iov_len) return false;
  const u32 software[12] = {kMagic1, size + 4, static_cast<u32>(features), static_cast<u32>(features >> 32), size};
  std::memcpy(state->bytes + kSoftwareBytes, software, sizeof software);
  std::memcpy(state->bytes + size, &kMagic2, sizeof kMagic2);
  state->size = size + sizeof kMagic2;
  return true;
}

// Is `low` .. rsp on the thread's own stack? Below another one (coroutine, signal stack) may lie anything.
bool OnOwnStack(const Registers& r, u64 low, const std::vector<Mapping>& maps) {
  const Mapping* m = FindMapping(maps, r.rsp);
  if (!m || !m->writable || low < m->start + 512) return false;
  return m->path == "[stack]" || (m->path.empty() && r.fs_base > r.rsp && r.fs_base < m->end);
}

Frame BaseFrame(const Registers& r, u64 sigreturn, u64 floating_point) {
  Frame f{};
  f.return_address = sigreturn;
  f.flags = kContextFlags;
  f.stack_flags = kLeaveSignalStack;
  f.floating_point = floating_point;
  f.mask = ~0ull;
  const u64 registers[] = {r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi,    r.rsi,
                           r.rbp, r.rbx, r.rdx, r.rax, r.rcx, r.rsp, r.rip, r.eflags, r.cs | r.ss << 48};
  std::memcpy(f.registers, registers, sizeof registers);
  return f;
}

void MakeSystemCall(Frame* f, u64 syscall_ret, u64 number, u64 a0, u64 a2, u64 then) {
  f->registers[kRax] = number;
  f->registers[kRdi] = a0;
  f->registers[kRsi] = 0;
  f->registers[kRdx] = a2;
  f->registers[kR10] = 0;  // wait4 would write a struct rusage there
  f->registers[kRsp] = then;
  f->registers[kRip] = syscall_ret;
}

// Fills the frames as they lie at address `base`.
void FillFrames(Frames* frames, u64 base, u64 floating_point, const Registers& r, u64 mask, const Gadgets& gadgets) {
  frames->wait = frames->resume = frames->exit = BaseFrame(r, gadgets.sigreturn, floating_point);
  MakeSystemCall(&frames->wait, gadgets.syscall_ret, SYS_wait4, kAnyPid, __WALL, base + offsetof(Frames, resume));
  MakeSystemCall(&frames->exit, gadgets.syscall_ret, SYS_exit, 0, 0, base);
  frames->resume.mask = mask;
  if (IsRestart(r)) {  // one with a timeout starts anew
    frames->resume.registers[kRax] = r.orig_rax;
    frames->resume.registers[kRip] -= kSyscallInstructionBytes;
  }
}

// `syscall; ret`, and the two forms of `mov $15, %eax; syscall`.
constexpr std::string_view kSyscallReturn("\x0f\x05\xc3", 3), kRestorer("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9),
    kShortRestorer("\xb8\x0f\0\0\0\x0f\x05", 7);

bool IsCode(RemoteMemory& memory, u64 address, std::string_view wanted) {
  std::string code(wanted.size(), '\0');
  return memory.Read(address, code.data(), code.size()) && code == wanted;
}

void Search(std::string_view code, u64 start, std::string_view pattern, u64* found) {
  std::size_t at = code.find(pattern);
  if (!*found && at != std::string_view::npos) *found = start + at;
}

}  // namespace

bool AreThere(u32 pid, const Gadgets& gadgets) {
  RemoteMemory memory(pid);
  return IsCode(memory, gadgets.syscall_ret, kSyscallReturn) &&
         (IsCode(memory, gadgets.sigreturn, kRestorer) || IsCode(memory, gadgets.sigreturn, kShortRestorer));
}

Gadgets FindGadgets(u32 pid, const std::vector<Mapping>& maps) {
  Gadgets gadgets;
  RemoteMemory memory(pid);
  std::string code;
  for (int pass = 0; pass < 2; ++pass) {
    for (const Mapping& m : maps) {
      bool libc = m.path.find("/libc") != std::string::npos || m.path.find("/ld-musl") != std::string::npos;
      if (gadgets.found() || !m.executable || m.shared || (m.path[0] != '/' && m.path != "[vdso]")) continue;
      if ((libc || m.path == "[vdso]") != (pass == 0) || m.end - m.start > (256u << 20)) continue;
      code.resize(m.end - m.start);
      if (!memory.Read(m.start, code.data(), code.size())) continue;
      Search(code, m.start, kSyscallReturn, &gadgets.syscall_ret);
      Search(code, m.start, kRestorer, &gadgets.sigreturn);
      Search(code, m.start, kShortRestorer, &gadgets.sigreturn);
    }
  }
  return gadgets;
}

Result<HealingFrames> WriteHealingFrames(int tid, const Registers& registers, u64 mask, const Gadgets& gadgets,
                                         const std::vector<Mapping>& maps) {
  u64 shadow;
  iovec shadow_area{&shadow, sizeof shadow};
  if (!ptrace(static_cast<__ptrace_request>(PTRACE_GETREGSET), tid, kShadowStack, &shadow_area))
    return Status(Code::kUnsupported, "thread " + std::to_string(tid) + " has a shadow stack: its return addresses cannot be set");
  static thread_local FloatState state;
  if (!ReadFloatState(tid, &state))
    return Status(Code::kUnsupported, "cannot read the floating point state of thread " + std::to_string(tid));
  u64 floating_point = (registers.rsp - kRedZone - state.size) & ~63ull;
  u64 base = floating_point - ((sizeof(Frames) + 63) & ~63ull);
  if (!OnOwnStack(registers, base, maps))
    return Status(Code::kExhausted, "no room on the stack of thread " + std::to_string(tid));
  Frames frames;
  FillFrames(&frames, base, floating_point, registers, mask, gadgets);
  static thread_local u8 image[sizeof(Frames) + 64 + kLargestState];
  std::memcpy(image, &frames, sizeof frames);
  std::memcpy(image + (floating_point - base), state.bytes, state.size);
  iovec local{image, floating_point - base + state.size};
  iovec remote{reinterpret_cast<void*>(base), local.iov_len};  // NOLINT: an address there
  if (process_vm_writev(tid, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(local.iov_len))
    return Status(Code::kExhausted, "cannot write to the stack of thread " + std::to_string(tid));
  return HealingFrames{base, base + offsetof(Frames, resume), base + offsetof(Frames, exit),
                       base + offsetof(Frames, wait.registers) + kRdi * sizeof(u64)};
}

}  // namespace unleak::capture::arch
#endif
