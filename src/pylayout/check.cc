#include "pylayout/check.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "pylayout/decode_view.h"
#include "pylayout/tables.h"

namespace unleak::pylayout {
namespace {

constexpr char kCookie[] = "xdebugpy";  // pycore_debug_offsets.h: _Py_Debug_Cookie
constexpr u64 kMaxChain = 1 << 16;

// Memory as the decoders want it.
struct Reads {
  const ReadMemory& read;
  template <class T>
  T Load(u64 address) {
    T value{};
    return read(address, &value, sizeof value) ? value : T{};
  }
  u64 Word(u64 address) { return Load<u64>(address); }
  u32 Word32(u64 address) { return Load<u32>(address); }
  u8 Byte(u64 address) { return Load<u8>(address); }
  bool Has(u64 address) {
    u8 byte = 0;
    return read(address, &byte, 1);
  }
};

std::string Hex(u64 value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

class Checker {
 public:
  Checker(const unleak_layout& layout, const ReadMemory& read, u64 runtime)
      : l_(layout), reads_{read}, v_{layout, reads_}, runtime_(runtime) {}

  Status Run() {
    if (l_.runtime.debug_offsets != -1) UNLEAK_RETURN_IF_ERROR(DebugOffsets());
    u64 interpreter = v_.Word(runtime_, l_.runtime.interpreters_head);
    if (interpreter == 0) {
      return Status(Code::kCorrupt, "the process has no Python interpreter: it has not started one yet, or it has ended it");
    }
    for (u64 n = 0; interpreter != 0; ++n) {
      if (!IsSane(interpreter) || n == kMaxChain) return Wrong("interpreter.next", "a chain that ends", Hex(interpreter));
      UNLEAK_RETURN_IF_ERROR(Interpreter(interpreter));
      interpreter = v_.Word(interpreter, l_.interpreter.next);
    }
    return Status::Ok();
  }

 private:
  Status Wrong(const std::string& field, const std::string& expected, const std::string& seen) const {
    return Status(Code::kUnsupported, "layout of CPython " + VersionName(l_) + " does not fit this process: " + field +
                                          " should be " + expected + ", but is " + seen,
                  "this build may be patched or newer than this version of unleak knows");
  }

  Status Same(const char* field, u64 expected, u64 seen) const {
    return expected == seen ? Status::Ok() : Wrong(field, std::to_string(expected), std::to_string(seen));
  }

  Status DebugOffsets() {
    u64 base = At(runtime_, l_.runtime.debug_offsets);
    char cookie[8] = {};
    if (!reads_.read(base, cookie, sizeof cookie) || std::memcmp(cookie, kCookie, sizeof cookie) != 0) {
      return Wrong("debug_offsets.cookie", kCookie, "something else");
    }
    u64 version = v_.Word(base, 8);
    if (version >> 16 != static_cast<u32>(l_.hex) >> 16) return Wrong("debug_offsets.version", Hex(static_cast<u32>(l_.hex)), Hex(version));
    UNLEAK_RETURN_IF_ERROR(Same("debug_offsets.free_threaded", l_.free_threaded == 1, v_.Word(base, 16)));
    const auto& d = l_.debug;
    const struct {
      const char* field;
      i32 place, expected;
    } kSame[] = {
        {"runtime.interpreters_head", d.interpreters_head, l_.runtime.interpreters_head},
        {"interpreter.gc", d.interpreter_gc, l_.interpreter.gc},
        {"interpreter.next", d.interpreter_next, l_.interpreter.next},
        {"interpreter.threads_head", d.threads_head, l_.interpreter.threads_head},
        {"thread.next", d.thread_next, l_.thread.next},
        {"thread.frame", d.thread_frame, l_.thread.frame},
        {"frame.previous", d.frame_previous, l_.frame.previous},
        {"frame.localsplus", d.frame_localsplus, l_.frame.localsplus},
        {"type.name", d.type_name, l_.type.name},
        {"type.flags", d.type_flags, l_.type.flags},
        {"tuple.items", d.tuple_items, l_.tuple.items},
    };
    for (const auto& same : kSame) {
      UNLEAK_RETURN_IF_ERROR(Same(same.field, static_cast<u64>(same.expected), v_.Word(runtime_, same.place)));
    }
    return Status::Ok();
  }

  Status Interpreter(u64 interpreter) {
    const auto& l = l_.interpreter;
    if (l_.free_threaded != 1) {
      for (i32 generation = 0; generation < 4; ++generation) {
        UNLEAK_RETURN_IF_ERROR(ListHead(interpreter, generation < 3 ? l.generation0 + generation * l.generation_size : l.permanent));
      }
    }
    u32 enabled = v_.Word32(interpreter, l.enabled), collecting = v_.Word32(interpreter, l.collecting);
    if (enabled > 1) return Wrong("interpreter.enabled", "0 or 1", std::to_string(enabled));
    if (collecting > 1) return Wrong("interpreter.collecting", "0 or 1", std::to_string(collecting));
    UNLEAK_RETURN_IF_ERROR(Threads(interpreter));
    return Types(interpreter);
  }

  // A head's neighbours point back at it; low bits are flags.
  Status ListHead(u64 interpreter, i32 offset) {
    u64 head = At(interpreter, offset), next = v_.Word(head, 0) & ~u64{3}, previous = v_.Word(head, 8) & ~u64{3};
    std::string field = "collector list at interpreter + " + std::to_string(offset);
    if (!IsSane(next) || (v_.Word(next, 8) & ~u64{3}) != head) return Wrong(field, "circular (next.prev)", Hex(next));
    if (!IsSane(previous) || (v_.Word(previous, 0) & ~u64{3}) != head) return Wrong(field, "circular (prev.next)", Hex(previous));
    return Status::Ok();
  }

  Status Threads(u64 interpreter) {
    u64 thread = v_.Word(interpreter, l_.interpreter.threads_head);
    for (u64 n = 0; thread != 0; ++n) {
      if (!IsSane(thread) || n == kMaxChain * 16) return Wrong("thread.next", "a chain that ends", Hex(thread));
      u64 back = v_.Word(thread, l_.thread.interpreter);
      if (back != interpreter) return Wrong("thread.interpreter", Hex(interpreter), Hex(back));
      thread = v_.Word(thread, l_.thread.next);
    }
    return Status::Ok();
  }

  // sys.modules is a dict: its type's type must be `type`, which is its own type.
  Status Types(u64 interpreter) {
    u64 modules = v_.Word(interpreter, l_.interpreter.modules);
    if (modules == 0) return Status(Code::kCorrupt, "the interpreter has no sys.modules: it is starting or ending");
    u64 dict = IsSane(modules) ? v_.TypeOf(modules) : 0, type = IsSane(dict) ? v_.TypeOf(dict) : 0;
    if (!IsSane(type) || v_.TypeOf(type) != type) return Wrong("interpreter.modules", "an object whose type's type is its own type", Hex(modules));
    if (!HasFlag(v_.TypeFlags(dict), kFlagDict)) return Wrong("type.flags of sys.modules' type", "those of a dict", Hex(v_.TypeFlags(dict)));
    if (!HasFlag(v_.TypeFlags(type), kFlagType)) return Wrong("type.flags of type", "those of a type", Hex(v_.TypeFlags(type)));
    char name[5] = {};
    u64 text = v_.Word(type, l_.type.name);
    if (!reads_.read(text, name, sizeof name) || std::memcmp(name, "type", 5) != 0) return Wrong("type.name of type", "type", "something else");
    u64 used = v_.Word(modules, l_.dict.used);
    if (used > kMaxCount) return Wrong("dict.used of sys.modules", "a number of modules", std::to_string(used));
    return Status::Ok();
  }

  const unleak_layout& l_;
  Reads reads_;
  const View<Reads> v_;
  u64 runtime_;
};

}  // namespace

Status CheckLayout(const unleak_layout& layout, const ReadMemory& read, u64 runtime) { return Checker(layout, read, runtime).Run(); }

}  // namespace unleak::pylayout
