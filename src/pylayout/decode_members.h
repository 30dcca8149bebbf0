// The references of an object: those that its tp_traverse would report, told from the layout alone, and those that it
// leaves out. Where a type is not known, its words are looked through instead (conservative).
//
// Each member function calls visit(u64 target, Edge edge, u64 label); targets may be 0 or nonsense.
#pragma once

#include "pylayout/decode_extent.h"
#include "pylayout/labels.h"

namespace unleak::pylayout {

// What reading needs to know of the process beyond the layout.
struct ProcessFacts {
  u64 subtype_traverse = 0;  // the traverse that class statements give their types
  u64 general_lookup = 0;    // 3.9, 3.10: dk_lookup of tables with keys other than str: dict_traverse reports those
  bool dict_before_values = false;  // 3.13.13, 3.14.4 and later (gh-130327): an instance that has a dict reports only that
  u64 interpreter = 0;       // at hand: builtin static types keep some members there (3.12+)
};

template <class M, class Visit>
class Members {
 public:
  Members(const View<M>& view, const Extents<M>& extents, const ProcessFacts& facts, Visit& visit)
      : v_(view), l_(view.layout), extents_(extents), facts_(facts), visit_(visit) {}

  // What the traverse of the object reports. `t` is its type.
  void Traverse(u64 object, const TypeInfo& t) {
    if (!IsCollected(object, t)) return;
    for (i32 offset : t.slots) Word(object, offset);
    if (t.attached == Attached::kManagedDict) ManagedDict(object, t);
    if (t.python_class && t.dict_offset != t.native_dict_offset && t.dict_offset != 0) OwnDict(object, t);
    if (t.visits_type) visit_(t.address, Edge::kTraverse, BodyLabel(l_.object.type));
    if (!t.known) return Scan(object, t);
    Native(object, t);
  }

  // References that traverse leaves out.
  void Omitted(u64 object, const TypeInfo& t) {
    if (t.kind == UNLEAK_DICT) OmittedKeysOfDict(object);
    else if (t.kind == UNLEAK_TYPE) OmittedOfType(object);
    else if (t.kind == UNLEAK_CALL_CACHE) OmittedLinks(object);
    else if (t.kind == UNLEAK_NDARRAY) OmittedItems(object);
    if (t.spec >= 0) OmittedOfSpec(object, t);
    if (t.attached == Attached::kGenerator) OmittedOfGenerator(object);
    if (t.attached == Attached::kManagedDict) OmittedDict(object, t);
  }

  // Objects of types that the collector does not know, and whose layout nobody knows.
  void Scan(u64 object, const TypeInfo& t) {
    i64 weakrefs = static_cast<i64>(v_.Word(t.address, l_.type.weaklist_offset));
    for (u32 at = static_cast<u32>(l_.object.type) + 8; at + 8 <= t.basic_size; at += 8) {
      if (!t.gc || at != weakrefs) visit_(v_.Word(object, at), Edge::kConservative, BodyLabel(at));
    }
  }

  // True if Traverse() tells all that the traverse of the object reports. Where not, only its code can.
  bool IsKnown(u64 object, const TypeInfo& t) const {
    bool module = t.members != nullptr && t.members->shape == Shape::kModule;
    return t.known && !(module && v_.Word(object, l_.module.state) != 0);
  }

  // tp_is_gc: types that are no heap types have no collector header (Objects/typeobject.c, type_is_gc()).
  bool IsCollected(u64 object, const TypeInfo& t) const {
    if (t.traverse == 0) return false;
    return t.is_gc == 0 || t.kind != UNLEAK_TYPE || HasFlag(v_.TypeFlags(object), kFlagHeap);
  }

 private:
  void Report(u64 target, u64 label) { visit_(target, Edge::kTraverse, label); }
  void Word(u64 object, i64 offset) {
    if (offset != -1) Report(v_.Word(object, offset), BodyLabel(offset));
  }
  void Omit(u64 object, i64 offset) {
    if (offset != -1) visit_(v_.Word(object, offset), Edge::kOmitted, BodyLabel(offset));
  }

  void Native(u64 object, const TypeInfo& t) {
    if (t.sequence_fields != 0) return Items(At(object, l_.tuple.items), t.sequence_fields);
    if (t.members == nullptr) return;
    for (const Member& member : t.members->members) {
      if (member.reports == Reports::kTraverse && t.members->shape != Shape::kItems) Word(object, member.offset);
    }
    if (t.exception && std::string_view(t.members->type) != "BaseException") BaseException(object);
    switch (t.members->shape) {
      case Shape::kList: return Items(v_.Word(object, l_.list.items), v_.Count(object));
      case Shape::kTuple: return Items(At(object, l_.tuple.items), v_.Count(object));
      case Shape::kDict: return Dict(object);
      case Shape::kSet: return Set(object);
      case Shape::kType: return Type(object);
      case Shape::kModule: return ModuleState(object);
      case Shape::kFrame: return FrameObject(object);
      case Shape::kGenerator: return Generator(object);
      case Shape::kOrderedDict: return OrderedDict(object);
      case Shape::kDeque: return Deque(object);
      case Shape::kItems: return BodyItems(object, t.members->members.front().offset);
      case Shape::kLruCache: return LruCache(object);
      case Shape::kElement: return Element(object);
      case Shape::kTee: return Tee(object);
      case Shape::kSimpleQueue: return SimpleQueue(object);
      case Shape::kFixed:
      case Shape::kPartial:
      case Shape::kLeaf: return;
    }
  }

  void BaseException(u64 object) {
    const TypeMembers* base = FindMembers(l_, "BaseException");
    for (const Member& member : base->members) Word(object, member.offset);
  }

  // Attributes that lie in the instance or in a block of its own, and its dict (3.11+).
  void ManagedDict(u64 object, const TypeInfo& t) {
    const auto& a = l_.attributes;
    u64 values = ValuesApart(v_, object), dict = v_.Word(object, a.dict_offset);
    if (a.mode == 13) {  // 3.13+: dictobject.c, PyObject_VisitManagedDict(): one of the two, which first has changed
      u64 header = object + t.basic_size;
      bool valid = (t.flags & static_cast<u32>(a.inline_flag)) != 0 && v_.Byte(header, a.values_valid) != 0;
      if (valid && !(facts_.dict_before_values && dict != 0)) values = At(header, a.values_header), dict = 0;
    }
    KeyTable table = ReadKeyTable(v_, t.cached_keys);
    v_.EachPlace(values, table.count, 8, [&](u64 i, u64 at) {
      Report(v_.memory.Word(at), AttributeLabel(v_.memory.Word(table.KeyAddress(i))));
    });
    if (a.mode != 12 || (dict & 1) == 0) Report(dict, BodyLabel(a.dict_offset));
  }

  // __dict__ of a Python class in the body, or behind the items of an object of variable size.
  void OwnDict(u64 object, const TypeInfo& t) {
    if (t.dict_offset > 0) return Word(object, t.dict_offset);
    if (t.attached == Attached::kManagedDict) return;
    u64 end = (t.basic_size + t.item_size * v_.Count(object) + 7) & ~u64{7};
    Report(v_.Word(object + end, t.dict_offset), BodyLabel(t.dict_offset));
  }

  void Items(u64 items, u64 count) {
    v_.EachPlace(items, count, 8, [&](u64 i, u64 at) { Report(v_.memory.Word(at), IndexLabel(i)); });
  }

  void BodyItems(u64 object, i32 first) {
    u64 fixed = first == 16 ? 32 : 0;  // HAMT array nodes have 32 children and no ob_size (Python/hamt.c)
    u64 count = fixed != 0 ? fixed : v_.Count(object);
    v_.EachPlace(At(object, first), count, 8, [&](u64 i, u64 at) { Report(v_.memory.Word(at), BodyLabel(first + static_cast<i64>(i) * 8)); });
  }

  // True if dict_traverse reports the keys of this table with the values.
  bool ReportsKeys(u64 keys) const {
    if (l_.keys.old == 1) return facts_.general_lookup != 0 && v_.Word(keys, l_.keys.lookup) == facts_.general_lookup;
    return v_.Byte(keys, l_.keys.kind) == 0;
  }

  void Dict(u64 object) {
    u64 keys = v_.Word(object, l_.dict.keys), values = v_.Word(object, l_.dict.values);
    KeyTable table = ReadKeyTable(v_, keys);
    if (values != 0) {
      bool embedded = l_.attributes.mode == 13 && v_.Byte(values, 2) != 0;
      if (embedded && !facts_.dict_before_values) return;  // the instance reports them
      u64 first = l_.attributes.mode == 13 ? At(values, l_.attributes.values_header) : values;
      v_.EachPlace(first, table.count, 8, [&](u64 i, u64 at) {
        Report(v_.memory.Word(at), ValueLabel(v_.memory.Word(table.KeyAddress(i))));
      });
      return;
    }
    bool with_keys = keys != 0 && ReportsKeys(keys);
    v_.EachPlace(table.KeyAddress(0), table.count, table.stride, [&](u64, u64 at) {
      u64 key = v_.memory.Word(at), value = v_.memory.Word(at + 8);
      if (value == 0) return;
      Report(value, ValueLabel(key));
      if (with_keys) Report(key, kKeyLabel);
    });
  }

  // Entries {key, hash}; a removed one has the hash -1, which no key has.
  void Set(u64 object) {
    u64 table = v_.Word(object, l_.set.table), mask = v_.Word(object, l_.set.mask);
    v_.EachPlace(table, mask < kMaxCount ? mask + 1 : 0, 16, [&](u64, u64 at) {
      if (v_.memory.Word(at + 8) != ~u64{0}) Report(v_.memory.Word(at), kNoLabel);
    });
  }

  void Type(u64 object) {
    for (i32 offset : {l_.type.dict, l_.type.cache, l_.type.mro, l_.type.bases, l_.type.base, l_.heap_type.module}) Word(object, offset);
  }

  // What an extension module keeps in C: which words are references only its own traverse knows.
  void ModuleState(u64 object) {
    constexpr i32 kDefinitionSize = 56;  // PyModuleDef.m_size (Include/moduleobject.h)
    u64 state = v_.Word(object, l_.module.state), definition = v_.Word(object, l_.module.definition);
    u64 size = l_.module.state_size != -1 ? v_.Word(object, l_.module.state_size)
                                          : definition != 0 ? v_.Word(definition, kDefinitionSize) : 0;
    if (state == 0 || size > 1 << 20) return;
    for (u64 at = 0; at + 8 <= size; at += 8) visit_(v_.memory.Word(state + at), Edge::kConservative, kNoLabel);
  }

  void FrameObject(u64 object) {
    for (i32 offset : {l_.frame.back, l_.frame.trace}) Word(object, offset);
    if (l_.frame.internal != 1) return OldFrame(object);
    for (i32 offset : {l_.frame.extra_locals, l_.frame.locals_cache, l_.frame.overwritten_locals}) Word(object, offset);
    u64 frame = v_.Word(object, l_.frame.object_frame);
    if (v_.Byte(frame, l_.frame.owner) == l_.frame.owner_frame_object) InternalFrame(object, frame);
  }

  // Python/frame.c, _PyFrame_Traverse(). Words of the frame are named by their offset in `object` if they lie in it.
  void InternalFrame(u64 object, u64 frame) {
    u64 mask = v_.SlotMask(), into = frame - object;
    auto word = [&](i32 offset) {
      u64 label = into < 4096 ? BodyLabel(static_cast<i64>(into) + offset) : kNoLabel;
      Report(v_.Word(frame, offset) & mask, label);
    };
    for (i32 offset : {l_.frame.code, l_.frame.function, l_.frame.locals, l_.frame.object}) word(offset);
    u64 code = extents_.FrameCode(frame), slots = At(frame, l_.frame.localsplus);
    u64 all = code != 0 ? extents_.SlotsOf(code).all : 0;
    i64 depth = static_cast<i32>(v_.Word32(frame, l_.frame.top));
    if (l_.frame.tagged == 1) {
      u64 top = v_.Word(frame, l_.frame.top);
      depth = top > slots ? static_cast<i64>((top - slots) / 8) : 0;
    }
    for (u64 i = 0; depth > 0 && i < static_cast<u64>(depth) && i < all; ++i) {
      u64 slot = v_.memory.Word(slots + i * 8);
      if (l_.frame.tagged != 1 || (slot & 3) != 3) Report(slot & mask, LocalLabel(i));  // 3: a tagged int
    }
  }

  // 3.9, 3.10: Objects/frameobject.c, frame_traverse().
  void OldFrame(u64 object) {
    for (i32 offset : {l_.frame.code, l_.frame.builtins, l_.frame.globals, l_.frame.locals}) Word(object, offset);
    u64 code = v_.Word(object, l_.frame.code), first = At(object, l_.frame.localsplus);
    if (!extents_.IsCode(code)) return;
    FrameSlots slots = extents_.OldSlotsOf(code);
    u64 stack = v_.Word(object, l_.frame.value_stack);
    bool pointer = (l_.hex >> 16 & 0xff) == 9;  // f_stacktop; later f_stackdepth
    u64 top = pointer ? v_.Word(object, l_.frame.stack_depth) : 0;
    i64 depth = pointer ? (top > stack ? static_cast<i64>((top - stack) / 8) : 0)
                        : static_cast<i32>(v_.Word32(object, l_.frame.stack_depth));
    for (u64 i = 0; i < slots.locals; ++i) Report(v_.memory.Word(first + i * 8), LocalLabel(i));
    for (u64 i = 0; depth > 0 && i < static_cast<u64>(depth) && slots.locals + i < slots.all; ++i) {
      Report(v_.memory.Word(stack + i * 8), LocalLabel((stack + i * 8 - first) / 8));
    }
  }

  // Objects/genobject.c, gen_traverse().
  void Generator(u64 object) {
    const auto& g = l_.generator;
    for (i32 offset : {g.name, g.qualname, g.exc_value, g.code, g.exc_type, g.exc_traceback}) Word(object, offset);
    if (l_.frame.internal != 1) return Word(object, g.iframe);
    if (static_cast<int8_t>(v_.Byte(object, g.state)) < g.cleared) return InternalFrame(object, At(object, g.iframe));
    if (l_.frame.tagged == 1) {
      Report(v_.Word(object, g.iframe + l_.frame.code) & v_.SlotMask(), BodyLabel(g.iframe + l_.frame.code));
    }
  }

  // Objects/odictobject.c: first node; nodes are {key, hash, next, previous}; then the dict.
  void OrderedDict(u64 object) {
    constexpr i32 kFirstNode = 48, kNextNode = 16;
    u64 node = v_.Word(object, kFirstNode), most = v_.Word(object, l_.dict.used);
    for (u64 i = 0; IsSane(node) && i < most && i < kMaxLinks; ++i, node = v_.Word(node, kNextNode)) {
      Report(v_.memory.Word(node), kNoLabel);
    }
    Dict(object);
  }

  void Deque(u64 object) {
    const auto& d = l_.deque;
    u64 block = v_.Word(object, d.left_block), count = v_.Count(object), at = v_.Word(object, d.left_index);
    for (u64 i = 0; i < count && v_.memory.Has(block); ++i, ++at) {
      if (at >= static_cast<u64>(d.block_items)) {
        block = v_.Word(block, d.links);
        at = 0;
      }
      Report(v_.memory.Word(At(block, d.data) + at * 8), kNoLabel);
    }
  }

  // Modules/_functoolsmodule.c: a ring of links {header, prev, next, hash, key, result} through the cache itself.
  void LruCache(u64 object) {
    constexpr i32 kNext = 24, kKey = 40, kResult = 48;
    u64 link = v_.Word(object, kNext);
    for (u64 i = 0; link != object && IsSane(link) && i < kMaxLinks; ++i, link = v_.Word(link, kNext)) {
      Report(v_.Word(link, kKey), kNoLabel);
      Report(v_.Word(link, kResult), kNoLabel);
      if ((l_.hex >> 16 & 0xff) >= 10) Report(v_.TypeOf(link), kNoLabel);
    }
  }

  // Modules/_elementtree.c: text and tail carry a flag bit; extra: attrib, length, allocated, children.
  void Element(u64 object) {
    constexpr i32 kExtra = 40, kLength = 8, kChildren = 24;
    u64 extra = v_.Word(object, kExtra);
    if (extra == 0) return;
    Report(v_.memory.Word(extra), kNoLabel);
    u64 children = v_.Word(extra, kChildren), count = v_.Word(extra, kLength);
    v_.EachPlace(children, count, 8, [&](u64, u64 at) { Report(v_.memory.Word(at), kNoLabel); });
  }

  // Modules/itertoolsmodule.c: teedataobject: iterator, numread, running, nextlink, values[57].
  void Tee(u64 object) {
    constexpr i32 kNumber = 24, kValues = 40;
    u64 number = v_.Word32(object, kNumber);
    for (u64 i = 0; i < number && i < 57; ++i) Word(object, kValues + static_cast<i64>(i) * 8);
  }

  // Modules/_queuemodule.c from 3.13 on: a ring of references: put index, get index, items, capacity, number of items.
  void SimpleQueue(u64 object) {
    constexpr i32 kGet = 32, kItems = 40, kCapacity = 48, kNumber = 56;
    u64 get = v_.Word(object, kGet), items = v_.Word(object, kItems), capacity = v_.Word(object, kCapacity);
    u64 number = v_.Word(object, kNumber);
    if (capacity == 0 || capacity > kMaxCount || number > capacity || get >= capacity) return;
    v_.EachPlace(items, capacity, 8, [&](u64 i, u64 at) {
      if ((i + capacity - get) % capacity < number) Report(v_.memory.Word(at), kNoLabel);
    });
  }

  void OmittedKeys(u64 keys) {
    KeyTable table = ReadKeyTable(v_, keys);
    v_.EachPlace(table.KeyAddress(0), table.count, table.stride, [&](u64, u64 at) { visit_(v_.memory.Word(at), Edge::kOmitted, kKeyLabel); });
  }

  // Keys of a dict where all are str; those of a split dict belong to the table that its class owns.
  void OmittedKeysOfDict(u64 object) {
    u64 keys = v_.Word(object, l_.dict.keys);
    if (keys != 0 && v_.Word(object, l_.dict.values) == 0 && !ReportsKeys(keys)) OmittedKeys(keys);
  }

  void OmittedOfType(u64 object) {
    if (!HasFlag(v_.TypeFlags(object), kFlagHeap)) return OmittedOfStaticType(object);
    for (i32 offset : {l_.heap_type.name, l_.heap_type.qualname, l_.heap_type.slots, l_.type.subclasses}) Omit(object, offset);
    OmittedKeys(v_.Word(object, l_.heap_type.cached_keys));
  }

  void OmittedOfStaticType(u64 object) {
    const auto& s = l_.static_types;
    if (s.offset != -1 && (v_.TypeFlags(object) & static_cast<u32>(s.flag)) != 0) {
      if (u64 state = StaticTypeState(object); state != 0) {
        visit_(v_.Word(state, s.dict), Edge::kOmitted, BodyLabel(l_.type.dict));
        visit_(v_.Word(state, s.subclasses), Edge::kOmitted, BodyLabel(l_.type.subclasses));
      }
    } else {
      Omit(object, l_.type.dict);
      Omit(object, l_.type.subclasses);
    }
    for (i32 offset : {l_.type.mro, l_.type.bases, l_.type.cache}) Omit(object, offset);
  }

  // 3.12+: what an interpreter keeps for a builtin static type; its index is in tp_subclasses.
  u64 StaticTypeState(u64 type) const {
    const auto& s = l_.static_types;
    u64 index = v_.Word(type, l_.type.subclasses) - 1;
    for (auto [offset, max] : {std::pair{s.offset, s.max}, std::pair{s.offset2, s.max2}}) {
      if (offset == -1 || index >= static_cast<u64>(max)) continue;
      u64 state = At(facts_.interpreter, offset) + index * static_cast<u64>(s.stride);
      if (v_.Word(state, s.type) == type) return state;
    }
    return 0;
  }

  // The links that a functools.lru_cache owns, through C pointers.
  void OmittedLinks(u64 object) {
    u64 link = v_.Word(object, l_.call_link.next);
    for (u64 i = 0; link != object && IsSane(link) && i < kMaxLinks; ++i, link = v_.Word(link, l_.call_link.next)) {
      visit_(link, Edge::kOmitted, kNoLabel);
    }
  }

  // 3.13.0 - 3.13.12, 3.14.0 - 3.14.3: an instance that has values in line reports these, and not the dict over them.
  void OmittedDict(u64 object, const TypeInfo& t) {
    const auto& a = l_.attributes;
    if (a.mode != 13 || facts_.dict_before_values || (t.flags & static_cast<u32>(a.inline_flag)) == 0) return;
    if (v_.Byte(object + t.basic_size, a.values_valid) != 0) Omit(object, a.dict_offset);
  }

  // What an array of objects holds (numpy/ndarraytypes.h). Views hold their base, which owns the buffer.
  void OmittedItems(u64 object) {
    constexpr u64 kObjects = 17;  // NPY_OBJECT
    const auto& l = l_.ndarray;
    u64 descriptor = v_.Word(object, l.descriptor), data = v_.Word(object, l.data);
    if (!IsSane(descriptor) || !IsSane(data) || v_.Byte(descriptor, l.descriptor_kind) != 'O') return;
    if (v_.Word32(descriptor, l.descriptor_number) != kObjects) return;
    v_.EachPlace(data, extents_.NdarrayBytes(object) / 8, 8,
                 [&](u64 i, u64 at) { visit_(v_.memory.Word(at), Edge::kOmitted, IndexLabel(i)); });
  }

  // 3.12, 3.13: a generator that has ended keeps its code object; its traverse says nothing any more (Objects/genobject.c).
  void OmittedOfGenerator(u64 object) {
    if (l_.frame.internal != 1 || l_.frame.tagged == 1 || l_.generator.code != -1) return;
    if (static_cast<int8_t>(v_.Byte(object, l_.generator.state)) >= l_.generator.cleared) Omit(object, l_.generator.iframe + l_.frame.code);
  }

  void OmittedOfSpec(u64 object, const TypeInfo& t) {
    const unleak_spec& spec = l_.specs[t.spec];
    if (t.kind == UNLEAK_DATETIME && v_.Byte(object, l_.datetime.has_tzinfo) == 0) return;
    for (i32 i = 0; i < spec.n; ++i) Omit(object, spec.offset[i]);
    u64 block = spec.indirect >= 0 ? v_.Word(object, spec.indirect) : 0;
    for (i32 i = 0; block != 0 && i < spec.indirect_n; ++i) {
      visit_(v_.memory.Word(block + static_cast<u64>(i) * 8), Edge::kOmitted, kNoLabel);
    }
  }

  const View<M> v_;
  const unleak_layout& l_;
  const Extents<M>& extents_;
  const ProcessFacts& facts_;
  Visit& visit_;
};

}  // namespace unleak::pylayout
