// What the decoders need to know of a type, looked up once: how instances are sized, and which words hold references.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "pylayout/decode_keys.h"
#include "pylayout/decode_view.h"
#include "pylayout/fields.h"
#include "pylayout/members.h"

namespace unleak::pylayout {

// Which extra members an instance has beyond its native base.
enum class Attached : u8 { kNothing, kManagedDict, kFrame, kGenerator };

struct TypeInfo {
  u64 address = 0, flags = 0;
  u64 traverse = 0;        // tp_traverse, 0 = not a collected type
  u64 is_gc = 0;           // tp_is_gc
  u64 cached_keys = 0;     // names of its instances' inline values
  i64 dict_offset = 0;     // tp_dictoffset
  u32 basic_size = 0, item_size = 0, presize = 0;
  i32 spec = -1;           // index into unleak_layout::specs
  u8 kind = UNLEAK_PLAIN;  // enum unleak_kind
  bool gc = false, heap = false, finalizer = false;
  bool leaf = false;       // holds no references: known as soon as it is seen
  bool scan = false;       // not collected and unknown: only its words can tell
  std::string name;        // tp_name

  // How its traverse is emulated.
  Attached attached = Attached::kNothing;
  bool python_class = false;             // its traverse is that of class statements (subtype_traverse)
  bool known = false;                    // `native` tells all that traverse visits
  bool visits_type = false;              // traverse visits the type itself
  bool exception = false;                // the members of BaseException come on top
  i64 native_dict_offset = 0;            // tp_dictoffset of the native base
  u64 native = 0;                        // the first base that is no Python class
  const TypeMembers* members = nullptr;  // of that base, or of the one that its traverse comes from
  u64 sequence_fields = 0;               // of a struct sequence (os.stat_result ...): fields, the hidden ones too
  std::vector<i32> slots;                // offsets of __slots__ of the Python classes above it
};

template <class M>
class TypeReader {
 public:
  TypeReader(const View<M>& view, u64 subtype_traverse) : v_(view), subtype_traverse_(subtype_traverse) {}

  // False if there is no type object at `type`: the type of its type, and that of that one, must be types.
  bool Read(u64 type, TypeInfo* info) const {
    const unleak_layout& l = v_.layout;
    if (!IsTypeObject(type) || !IsTypeObject(v_.TypeOf(type))) return false;
    u64 basic = v_.Word(type, l.type.basic_size);
    info->name = Name(type);
    if (basic < 16 || basic > 1 << 20 || info->name.empty()) return false;
    info->address = type;
    info->flags = v_.TypeFlags(type);
    info->basic_size = static_cast<u32>(basic);
    info->item_size = v_.Word32(type, l.type.item_size);
    info->gc = HasFlag(info->flags, kFlagGc);
    info->heap = HasFlag(info->flags, kFlagHeap);
    info->traverse = info->gc ? v_.Word(type, l.type.traverse) : 0;
    info->is_gc = v_.Word(type, l.type.is_gc);
    info->dict_offset = static_cast<i64>(v_.Word(type, l.type.dict_offset));
    info->cached_keys = info->heap ? v_.Word(type, l.heap_type.cached_keys) : 0;
    info->presize = static_cast<u32>(info->gc ? l.gc_header : 0) + ((info->flags & static_cast<u32>(l.preheader_flags)) != 0 ? 16 : 0);
    info->finalizer = v_.Word(type, l.type.finalize) != 0 || v_.Word(type, l.type.del) != 0;
    ReadKind(info);
    ReadAttached(info);
    ReadNative(info);
    return true;
  }

 private:
  bool IsTypeObject(u64 type) const {
    u64 meta = IsSane(type) ? v_.TypeOf(type) : 0;
    return IsSane(meta) && HasFlag(v_.TypeFlags(meta), kFlagType);
  }

  std::string Name(u64 type) const {
    u64 text = v_.Word(type, v_.layout.type.name);
    std::string name;
    for (u64 i = 0; text != 0 && i < 200; ++i) {
      char c = static_cast<char>(v_.memory.Byte(text + i));
      if (c == '\0') break;
      name.push_back(c);
    }
    return name;
  }

  static u8 KindByFlags(u64 flags) {
    if (HasFlag(flags, kFlagType)) return UNLEAK_TYPE;
    if (HasFlag(flags, kFlagDict)) return UNLEAK_DICT;
    if (HasFlag(flags, kFlagList)) return UNLEAK_LIST;
    if (HasFlag(flags, kFlagTuple)) return UNLEAK_TUPLE;
    if (HasFlag(flags, kFlagInt)) return UNLEAK_INT;
    if (HasFlag(flags, kFlagStr)) return UNLEAK_STR;
    if (HasFlag(flags, kFlagBytes)) return UNLEAK_BYTES;
    return UNLEAK_PLAIN;
  }

  // The spec of the type or of a base that speaks for its subclasses. Names without a dot are of static types.
  i32 FindSpec(u64 type) const {
    const unleak_layout& l = v_.layout;
    for (int depth = 0; type != 0 && depth < 64; ++depth) {
      bool heap = HasFlag(v_.TypeFlags(type), kFlagHeap);
      std::string name = Name(type);
      u64 basic = v_.Word(type, l.type.basic_size);
      for (i32 i = 0; i < l.specs_n; ++i) {
        const unleak_spec& spec = l.specs[i];
        if ((depth > 0 && spec.subtypes == 0) || (heap && std::strchr(spec.name, '.') == nullptr)) continue;
        if (spec.basic_size != 0 && static_cast<u64>(spec.basic_size) != basic) continue;
        if (name == spec.name) return i;
      }
      if (!heap) return -1;
      type = v_.Word(type, l.type.base);
    }
    return -1;
  }

  void ReadKind(TypeInfo* info) const {
    const unleak_layout& l = v_.layout;
    info->kind = KindByFlags(info->flags);
    info->spec = FindSpec(info->address);
    if (info->kind != UNLEAK_PLAIN && info->spec >= 0 && l.specs[info->spec].kind != info->kind) info->spec = -1;
    if (info->spec >= 0) info->kind = static_cast<u8>(l.specs[info->spec].kind);
    info->scan = info->kind == UNLEAK_PLAIN && !info->gc;
    bool holds = info->gc || info->heap || (info->spec >= 0 && l.specs[info->spec].n > 0);
    info->leaf = !holds && (info->kind == UNLEAK_STR || info->kind == UNLEAK_INT || info->kind == UNLEAK_LEAF ||
                            info->kind == UNLEAK_BYTES || info->kind == UNLEAK_BYTEARRAY);
  }

  void ReadAttached(TypeInfo* info) const {
    const unleak_layout& l = v_.layout;
    bool generator = info->name == "generator" || info->name == "coroutine" || info->name == "async_generator";
    u32 managed = static_cast<u32>(l.attributes.managed_flag) | static_cast<u32>(l.attributes.inline_flag);
    if (!info->heap && info->name == "frame") info->attached = Attached::kFrame;
    else if (!info->heap && l.frame.internal == 1 && generator) info->attached = Attached::kGenerator;
    else if (l.attributes.mode > 0 && (info->flags & managed) != 0) info->attached = Attached::kManagedDict;
  }

  // Follows Objects/typeobject.c, subtype_traverse(): slots of the Python classes, then the first base with another
  // traverse. A base without a row has the traverse of one above it where the pointers are the same.
  void ReadNative(TypeInfo* info) const {
    const unleak_layout& l = v_.layout;
    if (info->traverse == 0) return;
    u64 base = info->address;
    for (int depth = 0; depth < 64 && base != 0 && v_.Word(base, l.type.traverse) == subtype_traverse_; ++depth) {
      for (const NamedField& field : OwnFields(l, Reader(), base)) {
        if (field.name != "__dict__") info->slots.push_back(field.offset);
      }
      info->python_class = true;
      base = v_.Word(base, l.type.base);
    }
    info->native = base;
    info->exception = HasFlag(info->flags, kFlagException);
    info->native_dict_offset = static_cast<i64>(v_.Word(base, l.type.dict_offset));
    u64 traverse = v_.Word(base, l.type.traverse);
    info->visits_type = info->heap;
    for (int depth = 0; depth < 64 && base != 0; ++depth) {
      info->members = FindMembers(l, Name(base));
      if (info->members != nullptr) break;
      base = v_.Word(base, l.type.base);
      if (v_.Word(base, l.type.traverse) != traverse) break;
    }
    if (info->members == nullptr && info->kind == UNLEAK_TUPLE) info->sequence_fields = SequenceFields(info->native);
    info->known = traverse == 0 || info->sequence_fields != 0 || (info->members != nullptr && IsWhole(*info->members));
  }

  // Places in rows are those of builds with a GIL; free-threaded ones know what the layout itself places.
  bool IsWhole(const TypeMembers& row) const {
    if (v_.layout.free_threaded != 1) return row.shape != Shape::kPartial;
    switch (row.shape) {
      case Shape::kList: case Shape::kTuple: case Shape::kDict: case Shape::kSet: case Shape::kType: case Shape::kFrame:
      case Shape::kGenerator: case Shape::kDeque: case Shape::kLeaf: return row.members.empty();
      default: return false;
    }
  }

  // Objects/structseq.c: the type's dict says how many fields there are, "n_fields". 0 = no struct sequence. Static types
  // have their dict elsewhere from 3.12 on, but from 3.13 on the basic size has room for the hidden fields, and a
  // shorter count is only a few missing edges.
  u64 SequenceFields(u64 type) const {
    const unleak_layout& l = v_.layout;
    KeyTable table = ReadKeyTable(v_, v_.Word(v_.Word(type, l.type.dict), l.dict.keys));
    for (u64 i = 0; i < table.count && i < 1000; ++i) {
      u64 key = v_.memory.Word(table.KeyAddress(i)), value = v_.memory.Word(table.ValueAddress(i));
      if (!IsSane(key) || !IsSane(value) || v_.Word(key, l.str.length) != 8) continue;
      if (v_.Word(key, l.str.ascii_size) == kFieldsName) return v_.Word32(value, l.integer.digits) & 0xffff;
    }
    return 0;
  }

  // "n_fields" as a word.
  static constexpr u64 kFieldsName = u64{'n'} | u64{'_'} << 8 | u64{'f'} << 16 | u64{'i'} << 24 | u64{'e'} << 32 | u64{'l'} << 40 |
                                     u64{'d'} << 48 | u64{'s'} << 56;

  ReadMemory Reader() const {
    return [this](u64 address, void* out, std::size_t bytes) {
      u8* to = static_cast<u8*>(out);
      for (std::size_t i = 0; i < bytes; ++i) to[i] = v_.memory.Byte(address + i);
      return true;
    };
  }

  const View<M> v_;
  u64 subtype_traverse_;
};

}  // namespace unleak::pylayout
