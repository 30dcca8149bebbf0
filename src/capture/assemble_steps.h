// The steps of Assembler::Build and the state that they share. Used by assemble*.cc only.
#pragma once

#include <unordered_map>
#include <vector>

#include "capture/assemble.h"
#include "capture/names.h"

namespace unleak::capture {

// What is known of the text of a node that is used as a name. Until ReadNames: who wants it (bits), 0 nobody.
enum NameState : u32 {
  kWantIdentifier = 1,  // key of a dict: kept if it is an identifier
  kWantInterned = 2,    // key of a large dict: kept if it is an interned identifier
  kWantModule = 4,      // key of sys.modules: kept if it is a module's name
  kWantAttribute = 8,   // name of an attribute: kept in any case
  kNameFirst = 16,      // from here on, after ReadNames: string id + kNameFirst
  // kNone: not kept; its users refer to the node
};
inline constexpr u64 kLargeDict = 4096;  // entries from which keys are data rather than names

// What is read of a type object and not kept in the snapshot; parallel to Columns::types.
struct TypeBody {
  u64 base = 0, members = 0, dict = 0;      // addresses
  u64 name = 0, qualname = 0;               // C string; str object of a heap type, else 0
  i64 dict_offset = 0, weaklist_offset = 0;
  u64 flags = 0;
  std::string tp_name;
  u8 kind = UNLEAK_PLAIN;                   // enum unleak_kind; PLAIN for types that the walk did not meet
};

struct Assembly {
  const AssembleInput& in;
  snapshot::Columns& out;
  const AddressIndex& index;
  Array<ArrivedNode>& nodes;
  const Array<WideNode>& wide;
  Array<ArrivedEdge>& edges;
  Array<ArrivedEdge>& group_edges;
  Array<ArrivedBlock>& blocks;
  std::vector<ArrivedGroup>& groups;

  Array<u32> extra{};                                // node id -> value of an int that has one, else first edge or kNone
  Array<u32> names{};                                // node id -> NameState
  std::vector<u32> wanted{};                         // nodes whose texts ReadNames reads
  std::vector<u64> has_value{};                      // bit a node: an int whose value came
  std::vector<TypeBody> bodies{};
  std::unordered_map<u64, u32> type_index{};         // address of a type -> index into types
  std::vector<u64> thread_states{};                  // PyThreadState of each thread
  std::vector<u64> interpreter_states{};             // PyInterpreterState of each collector
  std::vector<std::vector<u32>> members{};           // type -> string id + 1 by offset / 8, filled when first asked
  std::unordered_map<u64, u32> strays{};             // address of a name that is no node -> string id
  std::unordered_map<u32, std::vector<u32>> locals{};  // node of a code object -> string ids of its variables
  std::vector<u32> local_sources{};                  // nodes with edges to variables: frames and generators
  std::unordered_map<u32, u32> code_of{};            // such a node -> node of its code
  std::unordered_map<u32, u32> code_index{};         // node of a code object -> index into codes

  const unleak_layout& layout() const { return in.layout; }

  // Node at exactly this address, kNone if there is none. Only after BuildNodes.
  u32 Find(u64 address) const {
    const u32 id = index.Find(address);
    if (id != kNone && index.MaybeOdd(address) && out.address[id] != address) [[unlikely]] return kNone;
    return id;
  }
  u32 String(const std::string& text) { return out.strings.Intern(text); }
};

// Room for `count` elements in an empty vector, in pages that are there.
template <class T>
void ReservePages(std::vector<T>* column, size_t count) {
  column->reserve(count);
  PopulatePages(column->data(), count * sizeof(T));
}

// The same in pages that `old` has no more use for.
template <class T, class Old>
void ReserveInOldPages(std::vector<T>* column, size_t count, Array<Old>& old) {
  column->reserve(count);
  old.GivePages(column->data(), count * sizeof(T));
}

// assemble_types.cc: addresses, sizes, flags, tp_name and role, from the clone. Bases without instances are added.
Status BuildTypes(Assembly& assembly);
// After the edges: "module.qualname", base and node of each type.
void FinishTypes(Assembly& assembly);

// assemble_roles.cc: role of each type by its name and those of its bases: tp_name first, with modules after FinishTypes.
void AssignRoles(Assembly& assembly);
// What pylayout calls the member of a type at that offset, "" if it does not know.
std::string FieldName(const unleak_layout& layout, const std::string& tp_name, i64 offset);

// assemble_nodes.cc: node columns, ascending by address; lengths that do not fit; Assembly::extra; the owners of blocks.
Status BuildNodes(Assembly& assembly);
// Owned blocks by node, sizes that do not fit. Destroys Assembly::extra and edges, so after WriteEdges.
void WriteBlocks(Assembly& assembly);

// assemble_edges.cc: targets and keys to node ids, in place; which nodes' texts are wanted as names. The last that needs
// the arrived nodes.
void ResolveEdges(Assembly& assembly);
// Reads the texts that ResolveEdges wants.
void ReadNames(Assembly& assembly);
// Edge columns with labels, in the memory that the arrived nodes had; the ints that may be kept.
void WriteEdges(Assembly& assembly);

// assemble_codes.cc: every code object; names of the variables of those whose frames and generators are here.
void BuildCodes(Assembly& assembly);
// Index into codes of the code object at this address, kNone if it is not here.
u32 CodeAt(Assembly& assembly, u64 address);
// String id of variable `index` of a code object (by node); 0 for a slot of the evaluation stack.
u32 LocalName(Assembly& assembly, u32 code_node, u64 index);

// assemble_roots.cc: root groups to roots, threads, frames, collectors.
void BuildRoots(Assembly& assembly);

// assemble_members.cc: string id of the member of `type` at `offset` of the body.
u32 MemberName(Assembly& assembly, u32 type, i64 offset);

}  // namespace unleak::capture
