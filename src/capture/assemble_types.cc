#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

constexpr size_t kMaxBases = 1 << 16;   // types that are added because others inherit from them
constexpr u64 kMaxTypeName = 256;

template <class T>
T Field(const u8* bytes, i32 offset) {
  T value{};
  if (offset >= 0) std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

// Bytes of a type object that hold all fields in use; static ones are shorter than heap types.
u64 TypeSize(const unleak_layout& layout, bool heap) {
  return static_cast<u64>(heap ? layout.heap_type.size : layout.type.size);
}

TypeBody ParseBody(const unleak_layout& layout, const u8* bytes, bool heap) {
  const auto& type = layout.type;
  TypeBody body;
  body.base = Field<u64>(bytes, type.base);
  body.members = Field<u64>(bytes, type.members);
  body.dict = Field<u64>(bytes, type.dict);
  body.name = Field<u64>(bytes, type.name);
  body.qualname = heap ? Field<u64>(bytes, layout.heap_type.qualname) : 0;
  body.dict_offset = Field<i64>(bytes, type.dict_offset);
  body.weaklist_offset = Field<i64>(bytes, type.weaklist_offset);
  body.flags = Field<u64>(bytes, type.flags);
  return body;
}

constexpr u64 kHeapFlag = u64{1} << 9;  // Py_TPFLAGS_HEAPTYPE, object.h of all versions

// Reads the bodies of types [first, end); their addresses and heap flags are set.
void ReadBodies(Assembly& a, size_t first) {
  std::vector<size_t> order(a.out.types.size() - first);
  std::iota(order.begin(), order.end(), first);
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return a.out.types[x].address < a.out.types[y].address; });
  std::vector<BatchReader::Piece> pieces;
  for (size_t t : order) {
    pieces.push_back({a.out.types[t].address, a.out.types[t].address ? TypeSize(a.layout(), a.out.types[t].heap) : 0});
  }
  a.bodies.resize(a.out.types.size());
  BatchReader reader(a.in.memory);
  reader.Read(pieces, [&](size_t i, const u8* bytes) {
    if (bytes && pieces[i].size) a.bodies[order[i]] = ParseBody(a.layout(), bytes, a.out.types[order[i]].heap);
  });
  for (size_t t = first; t < a.bodies.size(); ++t) {
    if (a.bodies[t].name) a.bodies[t].tp_name = a.in.memory.CString(a.bodies[t].name, kMaxTypeName);
  }
}

// Adds the bases that the walk did not meet, one generation after the other.
void AddBases(Assembly& a) {
  for (size_t first = 0; first < a.out.types.size() && a.out.types.size() < kMaxBases;) {
    const size_t end = a.out.types.size();
    for (size_t t = first; t < end; ++t) {
      const u64 base = a.bodies[t].base;
      if (!base || a.type_index.count(base)) continue;
      a.type_index[base] = static_cast<u32>(a.out.types.size());
      snapshot::Type type;
      type.address = base;
      const u64 flags = a.in.memory.Word(base + static_cast<u64>(a.layout().type.flags));
      type.heap = (flags & kHeapFlag) != 0;
      type.gc = flags >> 14 & 1;  // Py_TPFLAGS_HAVE_GC
      type.basic_size = a.in.memory.Word32(base + static_cast<u64>(a.layout().type.basic_size));
      type.item_size = a.in.memory.Word32(base + static_cast<u64>(a.layout().type.item_size));
      a.out.types.push_back(type);
    }
    ReadBodies(a, end);
    first = end;
  }
}

// The text of the value under the key `name` in the dict at `dict`, from the edges; "" if there is none.
std::string TextInDict(Assembly& a, u64 dict, u32 name) {
  std::string text;
  const u32 node = a.Find(dict);
  if (node == kNone) return text;
  for (u32 e = a.out.edge_row[node]; e < a.out.edge_row[node + 1]; ++e) {
    const u32 label = a.out.edge_label[e];
    if (snapshot::Label::Kind(label) != snapshot::LabelKind::kKeyName || snapshot::Label::Value(label) != name) continue;
    const u32 value = a.out.edge_target[e];
    if (a.in.types[a.out.type[value]].kind == UNLEAK_STR) {
      TextReader(a.layout(), a.in.memory).Read(a.out.address[value], kMaxTypeName, &text);
    }
    break;
  }
  return text;
}

void NameType(Assembly& a, size_t t, u32 module_key) {
  snapshot::Type& type = a.out.types[t];
  const TypeBody& body = a.bodies[t];
  const size_t dot = body.tp_name.rfind('.');
  std::string module = dot == std::string::npos ? "" : body.tp_name.substr(0, dot);
  std::string name = dot == std::string::npos ? body.tp_name : body.tp_name.substr(dot + 1);
  if (type.heap) {
    std::string text;
    if (TextReader(a.layout(), a.in.memory).Read(body.qualname, kMaxTypeName, &text)) name = text;
    if (text = TextInDict(a, body.dict, module_key); !text.empty()) module = text;
  }
  if (name.empty()) name = "?";
  if (module.empty()) module = "builtins";
  type.module = a.String(module);
  type.name = a.String(module == "builtins" ? name : module + "." + name);
}

}  // namespace

Status BuildTypes(Assembly& a) {
  a.out.types.resize(a.in.types.size());
  for (size_t t = 0; t < a.in.types.size(); ++t) {
    const unleak_type_entry& entry = a.in.types[t];
    snapshot::Type& type = a.out.types[t];
    type.address = entry.address;
    type.gc = entry.gc;
    type.heap = entry.heap;
    type.traverse_known = entry.kind != UNLEAK_PLAIN || entry.spec >= 0 || entry.shape != UNLEAK_SHAPE_BODY;
    type.basic_size = entry.basic_size;
    type.item_size = entry.item_size;
    if (entry.address) a.type_index[entry.address] = static_cast<u32>(t);
    if (entry.skipped) a.out.meta.skipped_types.push_back(static_cast<u32>(t));
  }
  ReadBodies(a, 0);
  for (size_t t = 0; t < a.in.types.size(); ++t) a.bodies[t].kind = a.in.types[t].kind;
  AddBases(a);
  for (size_t t = 0; t < a.out.types.size(); ++t) {
    const auto base = a.type_index.find(a.bodies[t].base);
    a.out.types[t].base = base == a.type_index.end() ? kNone : base->second;
  }
  a.members.resize(a.out.types.size());
  AssignRoles(a);
  return Status::Ok();
}

void FinishTypes(Assembly& a) {
  const u32 module_key = a.String("__module__");
  for (size_t t = 0; t < a.out.types.size(); ++t) NameType(a, t, module_key);
  AssignRoles(a);  // again: now modules are known
}

}  // namespace unleak::capture
