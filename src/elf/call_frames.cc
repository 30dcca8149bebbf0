#include "elf/call_frames.h"

#include <elf.h>

#include <cstring>
#include <string>

namespace unleak::elf {
namespace {

constexpr u8 kTableEncoding = 0x3b, kCountEncoding = 0x03, kPointerEncoding = 0x1b;  // what all linkers write
constexpr u64 kHeaderBytes = 12, kRowBytes = 8;
constexpr u32 kMostEntries = 1 << 22, kMostEntryBytes = 1 << 16;
constexpr size_t kMostRemembered = 32;

// Reads forward through some bytes of the object; after an end too early all is 0 and `ok` false.
struct Cursor {
  std::span<const u8> bytes;
  u64 address;  // of bytes[0]
  size_t at = 0;
  bool ok = true;

  bool more() const { return ok && at < bytes.size(); }
  template <class Int>
  Int Fixed() {
    Int value = 0;
    if (bytes.size() - at < sizeof value) {
      ok = false;
      at = bytes.size();
      return 0;
    }
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return value;
  }
  u64 Unsigned() {
    u64 value = 0;
    for (unsigned shift = 0; more(); shift += 7) {
      const u8 byte = bytes[at++];
      if (shift < 64) value |= static_cast<u64>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    ok = false;
    return 0;
  }
  i64 Signed() {
    const size_t start = at;
    u64 value = Unsigned();
    const size_t bits = 7 * (at - start);
    if (ok && bits < 64 && (bytes[at - 1] & 0x40)) value |= ~u64{0} << bits;
    return static_cast<i64>(value);
  }
  void Skip(u64 count) {
    if (count > bytes.size() - at) ok = false, count = bytes.size() - at;
    at += count;
  }
  // A pointer in one of the encodings that compilers use (LSB 10.5): its size, relative to itself or not.
  u64 Pointer(u8 encoding) {
    const u64 here = address + at;
    u64 value = 0;
    switch (encoding & 0x0f) {
      case 0x00:
      case 0x04:
      case 0x0c:
        value = Fixed<u64>();
        break;
      case 0x03:
        value = Fixed<u32>();
        break;
      case 0x0b:
        value = static_cast<u64>(static_cast<i64>(Fixed<i32>()));
        break;
      default:
        ok = false;
    }
    if ((encoding & 0x70) == 0x10)
      value += here;
    else if (encoding & 0x70)
      ok = false;
    return value;
  }
};

// An entry without its length; empty if there is none.
struct Entry {
  std::vector<u8> bytes;
  u64 address = 0;  // of bytes[0]
};

Entry ReadEntry(const Image& image, u64 address) {
  u32 length = 0;
  Entry entry;
  if (!image.ReadVirtual(address, &length, sizeof length) || length < 4 || length > kMostEntryBytes) return entry;
  entry.bytes.resize(length);
  entry.address = address + sizeof length;
  if (!image.ReadVirtual(entry.address, entry.bytes.data(), length)) entry.bytes.clear();
  return entry;
}

// What the entries of many functions have in common.
struct Common {
  u64 code_unit = 0;
  i64 data_unit = 0;
  u8 encoding = 0;
  bool augmented = false, ok = false;
  Entry entry;
  size_t instructions = 0;  // offset in the entry
};

Common ReadCommon(const Image& image, u64 address) {
  Common common;
  common.entry = ReadEntry(image, address);
  Cursor in{common.entry.bytes, common.entry.address};
  const u32 id = in.Fixed<u32>();
  const u8 version = in.Fixed<u8>();
  std::string augmentation;
  for (u8 c = in.Fixed<u8>(); in.ok && c && augmentation.size() < 8; c = in.Fixed<u8>())
    augmentation += static_cast<char>(c);
  common.code_unit = in.Unsigned();
  common.data_unit = in.Signed();
  const u64 return_register = version == 1 ? in.Fixed<u8>() : in.Unsigned();
  if (!in.ok || id != 0 || (version != 1 && version != 3) || return_register != kDwarfReturn) return common;
  if (!augmentation.empty()) {
    if (augmentation[0] != 'z') return common;
    common.augmented = true;
    const u64 bytes = in.Unsigned();
    const size_t end = in.at + bytes;
    for (char c : augmentation.substr(1)) {
      if (c == 'R')
        common.encoding = in.Fixed<u8>();
      else if (c == 'L')
        in.Fixed<u8>();
      else if (c == 'P')
        in.Pointer(in.Fixed<u8>() & 0x7f);
      else if (c != 'S' && c != 'B')
        return common;
    }
    if (end > common.entry.bytes.size() || in.at > end) return common;
    in.at = end;
  }
  common.instructions = in.at;
  common.ok = in.ok;
  return common;
}

// Runs the instructions that describe a function, up to an address in it.
class Program {
 public:
  Program(const Common& common, u64 location, u64 target) : common_(common), location_(location), target_(target) {}

  // False where there is an instruction that is not known.
  bool Run(Cursor in) {
    while (in.more() && location_ <= target_)
      if (!Step(in)) return false;
    return in.ok;
  }
  // What the function starts with.
  void KeepInitial() { initial_ = rule_; }
  const FrameRule& rule() const { return rule_; }

 private:
  using Saved = FrameRule::Saved;

  void Advance(u64 units) {
    const u64 next = location_ + units * common_.code_unit;
    location_ = next < location_ ? ~u64{0} : next;
  }
  void Save(u64 reg, Saved saved) {
    if (reg < kDwarfRegisters) rule_.registers[reg] = saved;
  }
  // Products of what a file says may be any number, but are one.
  i64 Scaled(i64 units) const {
    return static_cast<i64>(static_cast<u64>(units) * static_cast<u64>(common_.data_unit));
  }
  void SaveAt(u64 reg, i64 units) { Save(reg, {Saved::kAtOffset, Scaled(units)}); }
  void Restore(u64 reg) {
    if (reg < kDwarfRegisters) rule_.registers[reg] = initial_.registers[reg];
  }
  void Base(u64 reg) {
    rule_.known = reg < kDwarfReturn;
    rule_.base = static_cast<u8>(rule_.known ? reg : 0);
  }

  bool Step(Cursor& in) {
    const u8 opcode = in.Fixed<u8>(), low = opcode & 0x3f;
    switch (opcode & 0xc0) {
      case 0x40:
        Advance(low);
        return true;
      case 0x80:
        SaveAt(low, static_cast<i64>(in.Unsigned()));
        return true;
      case 0xc0:
        Restore(low);
        return true;
      default:
        return low <= 0x06 ? StepPlace(low, in) : low <= 0x0b ? StepRegister(low, in) : StepFrame(low, in);
    }
  }
  bool StepPlace(u8 opcode, Cursor& in) {
    switch (opcode) {
      case 0x00:  // nop
        return true;
      case 0x01:  // set_loc
        location_ = in.Pointer(common_.encoding);
        return true;
      case 0x02:  // advance_loc1, 2, 4
        Advance(in.Fixed<u8>());
        return true;
      case 0x03:
        Advance(in.Fixed<u16>());
        return true;
      case 0x04:
        Advance(in.Fixed<u32>());
        return true;
      case 0x05: {  // offset_extended
        const u64 reg = in.Unsigned();
        SaveAt(reg, static_cast<i64>(in.Unsigned()));
        return true;
      }
      default:  // restore_extended
        Restore(in.Unsigned());
        return true;
    }
  }
  bool StepRegister(u8 opcode, Cursor& in) {
    switch (opcode) {
      case 0x07:  // undefined
        Save(in.Unsigned(), {Saved::kUnknown, 0});
        return true;
      case 0x08:  // same_value
        Save(in.Unsigned(), {Saved::kSame, 0});
        return true;
      case 0x09:  // register
        Save(in.Unsigned(), {Saved::kUnknown, 0});
        in.Unsigned();
        return true;
      case 0x0a:  // remember_state
        if (remembered_.size() == kMostRemembered) return false;
        remembered_.push_back(rule_);
        return true;
      default:  // restore_state
        if (remembered_.empty()) return false;
        rule_ = remembered_.back();
        remembered_.pop_back();
        return true;
    }
  }
  bool StepFrame(u8 opcode, Cursor& in) {
    switch (opcode) {
      case 0x0c:  // def_cfa
        Base(in.Unsigned());
        rule_.distance = static_cast<i64>(in.Unsigned());
        return true;
      case 0x0d:  // def_cfa_register
        Base(in.Unsigned());
        return true;
      case 0x0e:  // def_cfa_offset
        rule_.distance = static_cast<i64>(in.Unsigned());
        return true;
      case 0x0f:  // def_cfa_expression
        rule_.known = false;
        in.Skip(in.Unsigned());
        return true;
      case 0x10:    // expression
      case 0x16: {  // val_expression
        Save(in.Unsigned(), {Saved::kUnknown, 0});
        in.Skip(in.Unsigned());
        return true;
      }
      case 0x11: {  // offset_extended_sf
        const u64 reg = in.Unsigned();
        SaveAt(reg, in.Signed());
        return true;
      }
      case 0x12:  // def_cfa_sf
        Base(in.Unsigned());
        rule_.distance = Scaled(in.Signed());
        return true;
      case 0x13:  // def_cfa_offset_sf
        rule_.distance = Scaled(in.Signed());
        return true;
      case 0x2e:  // GNU_args_size
        in.Unsigned();
        return true;
      default:
        return false;
    }
  }

  const Common& common_;
  u64 location_;
  const u64 target_;
  FrameRule rule_, initial_;
  std::vector<FrameRule> remembered_;
};

}  // namespace

CallFrames::CallFrames(const Image& image) : image_(image) {
  if (image.machine() != EM_X86_64) return;
  for (const Segment& segment : image.segments()) {
    u8 head[kHeaderBytes];
    if (segment.type != PT_GNU_EH_FRAME || !image.ReadVirtual(segment.address, head, sizeof head)) continue;
    if (head[0] != 1 || head[1] != kPointerEncoding || head[2] != kCountEncoding || head[3] != kTableEncoding) continue;
    std::memcpy(&count_, head + 8, sizeof count_);
    if (count_ > kMostEntries) count_ = 0;
    header_ = segment.address;
    table_ = segment.address + kHeaderBytes;
    return;
  }
}

// The table is ascending by where functions begin: (begin, entry), both relative to the header.
std::optional<u64> CallFrames::EntryOf(u64 address) const {
  u32 low = 0, high = count_;
  std::optional<u64> entry;
  while (low < high) {
    const u32 middle = low + (high - low) / 2;
    i32 row[2];
    if (!image_.ReadVirtual(table_ + kRowBytes * middle, row, sizeof row)) return std::nullopt;
    if (header_ + static_cast<u64>(static_cast<i64>(row[0])) <= address) {
      entry = header_ + static_cast<u64>(static_cast<i64>(row[1]));
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return entry;
}

std::optional<FrameRule> CallFrames::RuleAt(u64 address) const {
  const std::optional<u64> at = EntryOf(address);
  if (!at) return std::nullopt;
  const Entry entry = ReadEntry(image_, *at);
  Cursor in{entry.bytes, entry.address};
  const u32 back = in.Fixed<u32>();
  if (!in.ok || back == 0 || back > entry.address) return std::nullopt;
  const Common common = ReadCommon(image_, entry.address - back);
  if (!common.ok) return std::nullopt;
  const u64 begin = in.Pointer(common.encoding), size = in.Pointer(common.encoding & 0x0f);
  if (common.augmented) in.Skip(in.Unsigned());
  if (!in.ok || address < begin || address - begin >= size) return std::nullopt;
  Program program(common, begin, address);
  Cursor initial{common.entry.bytes, common.entry.address, common.instructions};
  if (!program.Run(initial)) return std::nullopt;
  program.KeepInitial();
  if (!program.Run(in)) return std::nullopt;
  FrameRule rule = program.rule();
  rule.function = begin;
  return rule;
}

}  // namespace unleak::elf
