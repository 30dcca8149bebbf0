// What an object takes up and how long it is: bytes, owned blocks, length, value, whether it is immortal or interned.
// The rules are those of the walker (src/walker/extent.h); a test holds the two together on the same clone.
#pragma once

#include "pylayout/decode_keys.h"
#include "pylayout/decode_types.h"

namespace unleak::pylayout {

// Slots of localsplus and evaluation stack of a frame that runs `code`; nothing if the numbers make no sense.
struct FrameSlots {
  u64 locals = 0, all = 0;
};

template <class M>
class Extents {
 public:
  explicit Extents(const View<M>& view) : v_(view) {}

  // Bytes of body, collector header and owned blocks; calls block(address, bytes) for each of those.
  template <class OnBlock>
  u64 Size(u64 object, const TypeInfo& t, const OnBlock& block) const {
    u64 size = t.presize;
    auto own = [&](u64 address, u64 bytes) -> u64 {
      if (address == 0 || bytes == 0 || bytes >> 48 != 0) return 0;
      block(address & ~u64{7}, bytes);
      return bytes;
    };
    if (t.kind == UNLEAK_STR) {
      size += StrSize(object, t, own);
    } else if (t.kind == UNLEAK_INT) {
      u64 digits = IntDigits(object);
      size += t.heap ? t.basic_size + 4 * digits : static_cast<u64>(v_.layout.integer.digits) + 4 * (digits != 0 ? digits : 1);
    } else {
      size += t.basic_size + KindExtra(object, t, own);
    }
    if (t.attached == Attached::kManagedDict) size += InstanceExtra(object, t, own);
    return size;
  }

  u64 Length(u64 object, const TypeInfo& t) const {
    const unleak_layout& l = v_.layout;
    switch (t.kind) {
      case UNLEAK_LIST: case UNLEAK_TUPLE: case UNLEAK_BYTES: case UNLEAK_BYTEARRAY: case UNLEAK_DEQUE: case UNLEAK_ARRAY:
        return v_.Count(object);
      case UNLEAK_STR: return v_.Word(object, l.str.length);
      case UNLEAK_DICT: return v_.Word(object, l.dict.used);
      case UNLEAK_SET: return v_.Word(object, l.set.used);
      case UNLEAK_TEXT_FILE: case UNLEAK_BYTES_FILE: return SizeWord(object, l.memory_file.length);
      default: return 0;
    }
  }

  // Value of an int of at most one digit, biased by 2^31; 0 = it has more.
  u32 IntValue(u64 object) const {
    const auto& l = v_.layout.integer;
    u64 tag = v_.Word(object, l.tag);
    if (IntDigits(object) > 1) return 0;
    bool negative = l.old == 1 ? static_cast<i64>(tag) < 0 : (tag & 3) == 2;
    bool zero = l.old == 1 ? tag == 0 : (tag & 3) == 1;
    i64 value = zero ? 0 : static_cast<i64>(v_.Word32(object, l.digits) & 0x3fffffff);
    return static_cast<u32>((negative ? -value : value) + (i64{1} << 31));
  }

  // Free-threaded: both halves together, without the bias of deferred counting; all ones = immortal.
  u32 RefCount(u64 object) const {
    if (v_.layout.free_threaded != 1) return v_.memory.Word32(object);
    constexpr i64 kLocal = 12;  // ob_ref_local, Include/object.h of 3.13t
    u32 local = v_.Word32(object, kLocal);
    if (local == ~0u) return local;
    bool deferred = (v_.Byte(object, v_.layout.object.gc_bits) & v_.layout.object.deferred_bit) != 0;
    return local + static_cast<u32>(v_.Word(object, v_.layout.object.ref_shared) >> 2) - (deferred ? 1 : 0);
  }
  bool IsImmortal(u32 count) const {
    if (v_.layout.free_threaded == 1) return count == ~0u;
    i32 mode = v_.layout.immortal_mode;
    return mode == 2 ? static_cast<i32>(count) < 0 : mode == 1 && count >= 900000000;
  }
  bool IsInterned(u64 object) const {
    const auto& l = v_.layout.str;
    return (v_.Word32(object, l.state) >> l.interned_shift & ((1u << l.interned_bits) - 1)) != 0;
  }

  bool IsCode(u64 object) const {
    u64 type = IsSane(object) ? v_.TypeOf(object) : 0;
    if (code_type_ != 0 || !IsSane(type)) return type != 0 && type == code_type_;
    u64 name = v_.Word(type, v_.layout.type.name);
    for (u64 i = 0; i < 5; ++i) {
      if (v_.memory.Byte(name + i) != static_cast<u8>("code"[i])) return false;
    }
    code_type_ = HasFlag(v_.TypeFlags(type), kFlagHeap) ? 0 : type;
    return code_type_ != 0;
  }
  // The code object that the internal frame at `frame` runs; 0 if there is none.
  u64 FrameCode(u64 frame) const {
    u64 code = v_.Word(frame, v_.layout.frame.code) & v_.SlotMask();
    return IsCode(code) ? code : 0;
  }
  FrameSlots SlotsOf(u64 code) const {
    u64 count = v_.Word32(code, v_.layout.code.nlocalsplus), stack = v_.Word32(code, v_.layout.code.stacksize);
    u64 locals = count > 65536 ? 0 : count;
    return {locals, locals + (stack > 65536 ? 0 : stack)};
  }
  // 3.9, 3.10: locals, cells and free variables, then the evaluation stack.
  FrameSlots OldSlotsOf(u64 code) const {
    const auto& l = v_.layout.code;
    u64 cells = v_.Word(code, l.cellvars), frees = v_.Word(code, l.freevars);
    u64 locals = v_.Word32(code, l.nlocals) + (cells != 0 ? v_.Count(cells) : 0) + (frees != 0 ? v_.Count(frees) : 0);
    u64 stack = v_.Word32(code, l.stacksize);
    return locals > 65536 || stack > 65536 ? FrameSlots{} : FrameSlots{locals, locals + stack};
  }

  // Bytes of the buffer that a numpy.ndarray owns: it is contiguous, so the widest dimension spans all of it.
  u64 NdarrayBytes(u64 object) const {
    constexpr u64 kOwnsData = 4, kMostDimensions = 64, kMostBytes = u64{1} << 48;
    const auto& l = v_.layout.ndarray;
    u64 n = v_.Word32(object, l.dimensions_n), most = 0;
    u64 dimensions = v_.Word(object, l.dimensions), strides = v_.Word(object, l.strides);
    if ((v_.Word32(object, l.flags) & kOwnsData) == 0 || v_.Word(object, l.base) != 0) return 0;
    if (n == 0 || n > kMostDimensions || !IsSane(dimensions) || !IsSane(strides)) return 0;
    for (u64 i = 0; i < n; ++i) {
      u64 count = v_.memory.Word(dimensions + i * 8), stride = v_.memory.Word(strides + i * 8);
      if (count == 0 || count >= kMostBytes || stride >= kMostBytes || (stride != 0 && count > kMostBytes / stride)) return 0;
      most = std::max(most, count * stride);
    }
    return most;
  }

 private:
  // A number of bytes or characters in the body; 0 if it cannot be one.
  u64 SizeWord(u64 object, i32 offset) const {
    const u64 n = v_.Word(object, offset);
    return n >> 48 != 0 ? 0 : n;
  }

  template <class Own>
  u64 StrSize(u64 object, const TypeInfo& t, const Own& own) const {
    const auto& l = v_.layout.str;
    u32 state = v_.Word32(object, l.state);
    bool ascii = (state >> l.ascii_shift & 1) != 0, compact = (state >> l.compact_shift & 1) != 0;
    u64 kind = state >> l.kind_shift & 7, text = (v_.Word(object, l.length) + 1) * (kind != 0 ? kind : 1);
    if (compact && ascii) return static_cast<u64>(l.ascii_size) + text;
    u64 size = compact ? static_cast<u64>(l.compact_size) + text : t.basic_size + own(v_.Word(object, l.data), text);
    u64 encoded = ascii ? 0 : v_.Word(object, l.utf8);
    if (encoded != 0 && encoded != At(object, l.compact_size) && encoded != v_.Word(object, l.data)) {
      size += own(encoded, v_.Word(object, l.utf8_length) + 1);
    }
    return size;
  }

  u64 IntDigits(u64 object) const {
    return v_.layout.integer.old == 1 ? v_.Count(object) : v_.Word(object, v_.layout.integer.tag) >> 3;
  }

  template <class Own>
  u64 DictBlocks(u64 object, const Own& own) const {
    const unleak_layout& l = v_.layout;
    u64 keys = v_.Word(object, l.dict.keys), values = v_.Word(object, l.dict.values);
    if (keys == 0) return 0;
    if (values == 0) return IsEmptySingleton(v_, keys) ? 0 : own(keys, ReadKeyTable(v_, keys).bytes);
    if (l.attributes.mode == 13 && v_.Byte(values, 2) != 0) return 0;  // PyDictValues.embedded: lies in the instance
    Block block = ValuesBlock(v_, keys, values);
    return own(block.address, block.bytes);
  }

  template <class Own>
  u64 DequeBlocks(u64 object, const Own& own) const {
    const auto& l = v_.layout.deque;
    u64 block = v_.Word(object, l.left_block), last = v_.Word(object, l.right_block);
    u64 most = v_.Count(object) / static_cast<u64>(l.block_items) + 2, total = 0;
    for (u64 n = 0; IsSane(block) && n < most && n < kMaxLinks; ++n) {
      total += own(block, static_cast<u64>(l.links) + 8);
      if (block == last) break;
      block = v_.Word(block, l.links);
    }
    return total;
  }

  template <class Own>
  u64 KindExtra(u64 object, const TypeInfo& t, const Own& own) const {
    const unleak_layout& l = v_.layout;
    switch (t.kind) {
      case UNLEAK_LIST: return own(v_.Word(object, l.list.items), v_.Word(object, l.list.allocated) * 8);
      case UNLEAK_DICT: return DictBlocks(object, own);
      case UNLEAK_SET: {
        u64 table = v_.Word(object, l.set.table);
        return table == At(object, l.set.small_table) ? 0 : own(table, (v_.Word(object, l.set.mask) + 1) * 16);
      }
      case UNLEAK_BYTEARRAY:  // 3.15 keeps the buffer in a bytes object, a node of its own
        return l.bytearray.object != -1 ? 0 : own(v_.Word(object, l.bytearray.bytes), v_.Word(object, l.bytearray.alloc));
      case UNLEAK_DEQUE: return DequeBlocks(object, own);
      case UNLEAK_ARRAY: {
        u64 descriptor = v_.Word(object, l.array.descriptor);
        u64 item = IsSane(descriptor) ? v_.Word32(descriptor, l.array.descriptor_itemsize) : 0;
        return item > 16 ? 0 : own(v_.Word(object, l.array.items), v_.Word(object, l.array.allocated) * item);
      }
      case UNLEAK_TEXT_FILE: return own(v_.Word(object, l.memory_file.buffer), SizeWord(object, l.memory_file.allocated) * 4);
      case UNLEAK_NDARRAY: return own(v_.Word(object, l.ndarray.data), NdarrayBytes(object));
      case UNLEAK_TYPE: return HasFlag(v_.TypeFlags(object), kFlagHeap) ? t.item_size * v_.Count(object) : 0;
      case UNLEAK_DATETIME: return v_.Byte(object, l.datetime.has_tzinfo) != 0 ? 0 : ~u64{7};  // allocated 8 bytes short
      default: break;
    }
    if (l.frame.internal == 1 && (t.attached == Attached::kFrame || t.attached == Attached::kGenerator)) return FrameExtra(object, t);
    return t.item_size != 0 ? t.item_size * v_.Count(object) : 0;
  }

  // Frame object or generator from 3.11 on: its frame lies behind its body; tp_itemsize says nothing about it.
  u64 FrameExtra(u64 object, const TypeInfo& t) const {
    const unleak_layout& l = v_.layout;
    bool generator = t.attached == Attached::kGenerator;
    u64 frame = generator ? At(object, l.generator.iframe) : v_.Word(object, l.frame.object_frame);
    u64 code = FrameCode(frame);
    if (code == 0) return 0;
    u64 bytes = SlotsOf(code).all * 8;
    return generator ? bytes : bytes + static_cast<u64>(l.frame.localsplus);
  }

  // Values of an instance that lie outside its body (3.11, 3.12: block) or behind it (3.13+).
  template <class Own>
  u64 InstanceExtra(u64 object, const TypeInfo& t, const Own& own) const {
    const auto& l = v_.layout.attributes;
    if (l.mode == 13 && (t.flags & static_cast<u32>(l.inline_flag)) != 0) return ValuesBlock(v_, 0, object + t.basic_size).bytes;
    u64 values = ValuesApart(v_, object);
    if (values == 0 || t.cached_keys == 0) return 0;
    Block block = ValuesBlock(v_, t.cached_keys, values);
    return own(block.address, block.bytes);
  }

  const View<M> v_;
  mutable u64 code_type_ = 0;  // found when the first code object is met
};

}  // namespace unleak::pylayout
