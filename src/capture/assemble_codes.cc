#include <algorithm>
#include <cstring>

#include "capture/assemble_steps.h"

namespace unleak::capture {
namespace {

constexpr u64 kMaxVariables = 1 << 16;  // of one code object; more is no code object
constexpr u64 kMaxVariableName = 200;   // characters

// The figures of a code object's body that the snapshot keeps.
struct CodeBody {
  u64 name = 0, qualname = 0, file = 0;
  u32 first_line = 0;
};

template <class T>
T Field(const u8* body, i32 offset) {
  T value{};
  if (offset >= 0) std::memcpy(&value, body + offset, sizeof value);
  return value;
}

u64 CodeSize(const unleak_layout& layout) {
  const auto& code = layout.code;
  return static_cast<u64>(std::max({code.name, code.qualname, code.filename, code.firstlineno})) + 8;
}

std::vector<CodeBody> ReadBodies(Assembly& a, const std::vector<u32>& nodes) {
  const auto& code = a.layout().code;
  std::vector<BatchReader::Piece> pieces;
  for (u32 node : nodes) pieces.push_back({a.out.address[node], CodeSize(a.layout())});
  std::vector<CodeBody> bodies(nodes.size());
  BatchReader(a.in.memory).Read(pieces, [&](size_t i, const u8* bytes) {
    if (!bytes) return;
    bodies[i] = {Field<u64>(bytes, code.name), Field<u64>(bytes, code.qualname), Field<u64>(bytes, code.filename),
                 Field<u32>(bytes, code.firstlineno)};
  });
  return bodies;
}

// String ids of many str objects, each read once.
std::unordered_map<u64, u32> Texts(Assembly& a, std::vector<u64> addresses) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  std::unordered_map<u64, u32> ids;
  TextReader(a.layout(), a.in.memory).ReadAll(addresses, kMaxTextLength, [&](size_t i, const std::string* text) {
    ids[addresses[i]] = text ? a.String(*text) : 0;
  });
  return ids;
}

u64 Untagged(const unleak_layout& layout, u64 word) { return layout.frame.tagged ? word & ~u64{7} : word; }

// Where a frame object or generator keeps the pointer to its code; 0 if the layout does not say.
u64 CodePointerOf(Assembly& a, u32 source) {
  const auto& layout = a.layout();
  const u64 address = a.out.address[source];
  const u8 shape = a.in.types[a.out.type[source]].shape;
  const u64 code = static_cast<u64>(layout.frame.code);
  if (!layout.frame.internal) return shape == UNLEAK_SHAPE_FRAME ? address + code : 0;
  if (shape == UNLEAK_SHAPE_GENERATOR) return address + static_cast<u64>(layout.generator.iframe) + code;
  if (shape != UNLEAK_SHAPE_FRAME) return 0;
  const u64 frame = a.in.memory.Word(address + static_cast<u64>(layout.frame.object_frame));
  return frame ? frame + code : 0;
}

void FindCodesOfFrames(Assembly& a) {
  std::vector<BatchReader::Piece> pieces;
  for (u32 source : a.local_sources) pieces.push_back({CodePointerOf(a, source), 8});
  BatchReader(a.in.memory).Read(pieces, [&](size_t i, const u8* bytes) {
    if (!bytes) return;
    const u32 node = a.Find(Untagged(a.layout(), Field<u64>(bytes, 0)));
    if (node != kNone) a.code_of[a.local_sources[i]] = node;
  });
}

// Appends the names in a tuple of str.
void AppendNames(Assembly& a, u64 tuple, std::vector<u32>* names) {
  if (!tuple) return;
  const u64 count = a.in.memory.Word(tuple + static_cast<u64>(a.layout().object.size));
  if (count == 0 || count > kMaxVariables) return;
  std::vector<u64> items(count);
  if (!a.in.memory.Read(tuple + static_cast<u64>(a.layout().tuple.items), items.data(), count * 8)) return;
  const size_t first = names->size();
  names->resize(first + count);
  TextReader(a.layout(), a.in.memory).ReadAll(items, kMaxVariableName, [&](size_t i, const std::string* text) {
    if (text) (*names)[first + i] = a.String(*text);
  });
}

}  // namespace

void BuildCodes(Assembly& a) {
  std::vector<u32> nodes;
  for (u32 id = 0; id < a.out.node_count(); ++id) {
    if (a.out.role_of(id) == snapshot::Role::kCode) nodes.push_back(id);
  }
  const std::vector<CodeBody> bodies = ReadBodies(a, nodes);
  std::vector<u64> wanted;
  for (const CodeBody& body : bodies) {
    for (u64 text : {body.name, body.qualname, body.file}) {
      if (text) wanted.push_back(text);
    }
  }
  std::unordered_map<u64, u32> texts = Texts(a, std::move(wanted));
  texts[0] = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const CodeBody& body = bodies[i];
    const u32 name = texts[body.name];
    const u32 qualname = body.qualname ? texts[body.qualname] : name;  // 3.9, 3.10 have none
    a.code_index[nodes[i]] = static_cast<u32>(a.out.codes.size());
    a.out.codes.push_back({nodes[i], name, qualname, texts[body.file], body.first_line});
  }
  FindCodesOfFrames(a);
}

u32 CodeAt(Assembly& a, u64 address) {
  const u32 node = a.Find(address);
  const auto it = node == kNone ? a.code_index.end() : a.code_index.find(node);
  return it == a.code_index.end() ? kNone : it->second;
}

u32 LocalName(Assembly& a, u32 code_node, u64 index) {
  const auto [it, inserted] = a.locals.try_emplace(code_node);
  std::vector<u32>& names = it->second;
  if (inserted) {
    const u64 code = a.out.address[code_node];
    const auto& offsets = a.layout().code;
    const auto tuple = [&](i32 offset) { return offset >= 0 ? a.in.memory.Word(code + static_cast<u64>(offset)) : 0; };
    if (offsets.localsplusnames > 0) {
      AppendNames(a, tuple(offsets.localsplusnames), &names);
    } else {
      AppendNames(a, tuple(offsets.varnames), &names);
      AppendNames(a, tuple(offsets.cellvars), &names);
      AppendNames(a, tuple(offsets.freevars), &names);
    }
  }
  return index < names.size() ? names[index] : 0;
}

}  // namespace unleak::capture
