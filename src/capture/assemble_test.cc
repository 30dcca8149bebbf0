#include "capture/assemble.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <string>

#include "capture/names.h"
#include "pylayout/tables.h"
#include "snapshot/columns.h"

namespace unleak::capture {
namespace {

using snapshot::EdgeClass;
using snapshot::Label;
using snapshot::LabelKind;

// Memory of a process that never was: pages that were written to, nothing elsewhere.
class FakeMemory final : public Memory {
 public:
  void ReadMany(std::span<ReadRequest> requests) override {
    for (ReadRequest& r : requests) r.ok = ReadOne(r.address, static_cast<u8*>(r.buffer), r.size);
  }
  template <class T>
  void Put(u64 address, T value) {
    std::array<u8, sizeof value> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    for (u8 byte : bytes) At(address++) = byte;
  }
  void Text(u64 address, std::string_view text) {
    for (char c : text) At(address++) = static_cast<u8>(c);
    At(address) = 0;
  }

 private:
  u8& At(u64 address) { return pages_[address / 4096][address % 4096]; }
  bool ReadOne(u64 address, u8* out, u64 size) const {
    for (u64 i = 0; i < size; ++i) {
      const auto page = pages_.find((address + i) / 4096);
      if (page == pages_.end()) return false;
      out[i] = page->second[(address + i) % 4096];
    }
    return true;
  }
  std::map<u64, std::array<u8, 4096>> pages_;
};

// A heap of 3.12 made by hand, its stream and the memory behind it.
class AssembleTest : public ::testing::Test {
 protected:
  enum : u32 { kTypeType, kStrType, kIntType, kDictType, kListType, kNodeType, kCodeType, kTypes };
  static constexpr u64 kTypeBase = 0x7f0000100000;

  AssembleTest() : layout_(*pylayout::FindLayout(0x030c0100, false)), types_(kTypes) {
    AddType(kTypeType, "type", UNLEAK_TYPE);
    AddType(kStrType, "str", UNLEAK_STR);
    AddType(kIntType, "int", UNLEAK_INT);
    AddType(kDictType, "dict", UNLEAK_DICT);
    AddType(kListType, "list", UNLEAK_LIST);
    AddType(kNodeType, "Node", UNLEAK_PLAIN);
    AddType(kCodeType, "code", UNLEAK_SPEC);
    types_[kNodeType].heap = 1;
    types_[kNodeType].shape = UNLEAK_SHAPE_INSTANCE;
  }

  static u64 TypeAddress(u32 type) { return kTypeBase + type * 0x1000; }

  void AddType(u32 type, const char* name, u8 kind) {
    unleak_type_entry& entry = types_[type];
    entry = {};
    entry.address = TypeAddress(type);
    entry.index = type;
    entry.kind = kind;
    entry.spec = -1;
    entry.basic_size = 16;
    memory_.Text(entry.address + 0xf00, name);
    memory_.Put(entry.address + static_cast<u64>(layout_.type.name), entry.address + 0xf00);
  }

  // A str object in memory and, as a leaf, in the stream.
  void AddStr(u64 address, std::string_view text, u16 flags = 0) {
    WriteStr(address, text);
    Leaf(address, kStrType, static_cast<u32>(layout_.str.ascii_size) + static_cast<u32>(text.size()) + 1, 0, text.size(), flags);
  }
  void WriteStr(u64 address, std::string_view text) {
    memory_.Put(address + static_cast<u64>(layout_.str.length), u64{text.size()});
    memory_.Put(address + static_cast<u64>(layout_.str.state),
                1u << layout_.str.kind_shift | 1u << layout_.str.compact_shift | 1u << layout_.str.ascii_shift);
    memory_.Text(address + static_cast<u64>(layout_.str.ascii_size), text);
  }

  void Edge(u64 target, u64 label = 0, u64 edge_class = UNLEAK_TRAVERSE) {
    words_.insert(words_.end(), {target | edge_class, label});
    ++edges_;
  }
  void Leaf(u64 address, u32 type, u32 size, u32 value, u64 length, u16 flags = 0) {
    words_.insert(words_.end(), {address | UNLEAK_LEAF_NODE, u64{type} << 32 | size, u64{1} << 32 | value, length << 16 | flags});
  }
  void Node(u64 address, u32 type, u64 length = 0, u64 tag = UNLEAK_NODE) {
    words_.insert(words_.end(), {address | tag, u64{type} << 32 | 64, u64{2} << 32 | edges_, length << 16});
    edges_ = 0;
  }
  void Group(u64 group, u64 context, u64 extra) {
    words_.insert(words_.end(), {u64{UNLEAK_NODE}, group, context, extra});
    edges_ = 0;
  }

  snapshot::Columns Build() {
    assembler_.Words(words_.data(), words_.size());
    snapshot::Columns columns;
    const Status status = assembler_.Build({layout_, memory_, types_}, &columns);
    EXPECT_TRUE(status.ok()) << status.message();
    return columns;
  }

  // Edges of the node at `address` as "name>target" texts.
  static std::vector<std::string> Edges(const snapshot::Columns& c, u64 address) {
    std::vector<std::string> texts;
    const u32 node = At(c, address);
    for (u32 e = c.edge_row[node]; e < c.edge_row[node + 1]; ++e) {
      const u32 label = c.edge_label[e], value = Label::Value(label);
      std::string text;
      switch (Label::Kind(label)) {
        case LabelKind::kIndex: text = "[" + std::to_string(value) + "]"; break;
        case LabelKind::kName: text = "." + std::string(c.strings.at(value)); break;
        case LabelKind::kKeyName: text = "'" + std::string(c.strings.at(value)) + "'"; break;
        case LabelKind::kKeyNode: text = "key " + Hex(c.address[value]); break;
        case LabelKind::kKey: text = "key"; break;
        case LabelKind::kLocal: text = "local " + std::string(c.strings.at(value)); break;
        case LabelKind::kType: text = "type"; break;
        case LabelKind::kNone: text = "-"; break;
      }
      texts.push_back(text + ">" + Hex(c.address[c.edge_target[e]]));
    }
    return texts;
  }
  static u32 At(const snapshot::Columns& c, u64 address) {
    for (u32 i = 0; i < c.node_count(); ++i) {
      if (c.address[i] == address) return i;
    }
    ADD_FAILURE() << "no node at " << Hex(address);
    return 0;
  }
  static std::string Hex(u64 value) {
    char text[20];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
    return text;
  }

  const unleak_layout& layout_;
  std::vector<unleak_type_entry> types_;
  FakeMemory memory_;
  Assembler assembler_;
  std::vector<u64> words_;
  u32 edges_ = 0;
};

using Texts = std::vector<std::string>;

TEST_F(AssembleTest, NodesAreOrderedByAddressWithTheirFigures) {
  Leaf(0x5000, kIntType, 28, 0, 0);
  Edge(0x5000, 7 << 3 | UNLEAK_LABEL_INDEX);
  Node(0x2000, kListType, 8);
  Leaf(0x2ff0008, kIntType, 32, 0, 0);  // 8-aligned: objects in ELF images may be
  const snapshot::Columns c = Build();
  EXPECT_EQ(c.address, (std::vector<u64>{0x2000, 0x5000, 0x2ff0008}));
  EXPECT_EQ(c.type, (std::vector<u32>{kListType, kIntType, kIntType}));
  EXPECT_EQ(c.size, (std::vector<u32>{64, 28, 32}));
  EXPECT_EQ(c.refcount, (std::vector<u32>{2, 1, 1}));
  EXPECT_EQ(c.length, (std::vector<u32>{8, kNone, kNone}));
  EXPECT_EQ(Edges(c, 0x2000), Texts{"[7]>5000"});
}

TEST_F(AssembleTest, LeavesBetweenTheEdgesOfANodeBelongToNobody) {
  Edge(0x3000, 0 << 3 | UNLEAK_LABEL_INDEX);
  Leaf(0x3000, kIntType, 28, 0, 0);
  Edge(0x1000, 1 << 3 | UNLEAK_LABEL_INDEX);
  Leaf(0x1000, kIntType, 28, 0, 0);
  Node(0x2000, kListType, 2);
  Edge(0x2000, 0 << 3 | UNLEAK_LABEL_INDEX);
  Node(0x2100, kListType, 1);
  const snapshot::Columns c = Build();
  EXPECT_EQ(Edges(c, 0x2000), (Texts{"[0]>3000", "[1]>1000"}));
  EXPECT_EQ(Edges(c, 0x2100), Texts{"[0]>2000"});
  EXPECT_EQ(c.edge_row, (std::vector<u32>{0, 0, 2, 3, 3}));
}

TEST_F(AssembleTest, KeysThatAreIdentifiersAreNamesOthersAreNodes) {
  AddStr(0x8000, "colour");
  AddStr(0x8100, "not a name");
  AddStr(0x8200, std::string(65, 'x'));
  Leaf(0x8300, kIntType, 28, 0, 0);
  Edge(0x8300, 0x8000 | UNLEAK_LABEL_VALUE);
  Edge(0x8300, 0x8100 | UNLEAK_LABEL_VALUE);
  Edge(0x8300, 0x8200 | UNLEAK_LABEL_VALUE);
  Edge(0x8300, 0x8300 | UNLEAK_LABEL_VALUE);
  Edge(0x8000, UNLEAK_LABEL_KEY, UNLEAK_OMITTED);
  Node(0x2000, kDictType, 4);
  const snapshot::Columns c = Build();
  EXPECT_EQ(Edges(c, 0x2000), (Texts{"'colour'>8300", "key 8100>8300", "key 8200>8300", "key 8300>8300", "key>8000"}));
  EXPECT_EQ(c.strings.bytes().find("not a name"), std::string::npos);
  EXPECT_EQ(Label::Class(c.edge_label[4]), EdgeClass::kOmitted);
}

TEST_F(AssembleTest, KeysOfALargeDictAreNamesOnlyIfTheSourceNamesThem) {
  AddStr(0x8000, "token1");
  AddStr(0x8100, "interned", snapshot::kInterned);
  Edge(0x8000, 0x8000 | UNLEAK_LABEL_VALUE);
  Edge(0x8000, 0x8100 | UNLEAK_LABEL_VALUE);
  Node(0x2000, kDictType, 5000);
  const snapshot::Columns c = Build();
  EXPECT_EQ(Edges(c, 0x2000), (Texts{"key 8000>8000", "'interned'>8000"}));
  EXPECT_EQ(c.strings.bytes().find("token1"), std::string::npos);
}

TEST_F(AssembleTest, ModuleNamesAreKeptInSysModulesOnly) {
  AddStr(0x8000, "shop.cart");
  Edge(0x8000, 0x8000 | UNLEAK_LABEL_VALUE);
  Node(0x2000, kDictType, 1);
  memory_.Put(0x400000 + static_cast<u64>(layout_.interpreter.modules), u64{0x2000});
  Edge(0x2000, 0 << 3 | UNLEAK_LABEL_ROOT);
  Group(UNLEAK_GROUP_INTERPRETER, 0x400000, 0);
  Edge(0x8000, 0 << 3 | UNLEAK_LABEL_INDEX);
  Node(0x2100, kListType, 1);
  const snapshot::Columns c = Build();
  EXPECT_EQ(Edges(c, 0x2000), Texts{"'shop.cart'>8000"});
  ASSERT_EQ(c.roots.size(), 1u);
  EXPECT_EQ(c.strings.at(c.roots[0].name), "sys.modules");
  EXPECT_EQ(c.roots[0].node, At(c, 0x2000));
  EXPECT_EQ(Edges(c, 0x2100), Texts{"[0]>8000"});
}

TEST_F(AssembleTest, AttributesAreNamedEvenWhereTheNameIsNoNode) {
  AddStr(0x8000, "left");
  WriteStr(0x9000, "right");
  Edge(0x8000, 0x8000 | UNLEAK_LABEL_ATTR);
  Edge(0x8000, 0x9000 | UNLEAK_LABEL_ATTR);
  Node(0x2000, kNodeType);
  EXPECT_EQ(Edges(Build(), 0x2000), (Texts{".left>8000", ".right>8000"}));
}

TEST_F(AssembleTest, SlotsAreNamedByTheMembersOfTheTypeOrItsBase) {
  const u64 table = 0xa000;
  memory_.Put(table, u64{0xa800});
  memory_.Text(0xa800, "count");
  memory_.Put(table + 8, 1);  // T_INT: no object
  memory_.Put(table + 16, u64{16});
  memory_.Put(table + 40, u64{0xa880});
  memory_.Text(0xa880, "parent");
  memory_.Put(table + 48, 16);  // T_OBJECT_EX
  memory_.Put(table + 56, u64{16});
  memory_.Put(TypeAddress(kListType) + static_cast<u64>(layout_.type.members), table);
  memory_.Put(TypeAddress(kNodeType) + static_cast<u64>(layout_.type.base), TypeAddress(kListType));
  Edge(0x2000, 16 << 3 | UNLEAK_LABEL_BODY);
  Edge(0x2000, 40 << 3 | UNLEAK_LABEL_BODY);
  Edge(0x2000, static_cast<u64>(i64{layout_.attributes.dict_offset}) << 3 | UNLEAK_LABEL_BODY);
  Node(0x2000, kNodeType);
  EXPECT_EQ(Edges(Build(), 0x2000), (Texts{".parent>2000", ".+0x28>2000", ".__dict__>2000"}));
}

TEST_F(AssembleTest, IntsAreKeptOnlyWhereAnAttributeHoldsThem) {
  AddStr(0x8000, "limit");
  Leaf(0x8100, kIntType, 28, (1u << 31) + 1000, 0);
  Leaf(0x8200, kIntType, 28, (1u << 31) + 2000, 0);
  Leaf(0x8300, kIntType, 28, (1u << 31) - 7, 0);
  Edge(0x8100, 0x8000 | UNLEAK_LABEL_ATTR);
  Edge(0x2100, 16 << 3 | UNLEAK_LABEL_BODY);
  Node(0x2000, kNodeType);
  Edge(0x8200, 0x8000 | UNLEAK_LABEL_VALUE);
  Node(0x2100, kDictType, 1);  // a dict that is no attribute dict: "+0x10" of Node
  Edge(0x8300, 0x8000 | UNLEAK_LABEL_VALUE);
  Node(0x2200, kDictType, 1);
  Edge(0x2200, static_cast<u64>(i64{layout_.attributes.dict_offset}) << 3 | UNLEAK_LABEL_BODY);
  Node(0x2300, kNodeType);
  const snapshot::Columns c = Build();
  EXPECT_EQ(c.ints, (std::vector<std::pair<u32, i64>>{{At(c, 0x8100), 1000}, {At(c, 0x8300), -7}}));
}

TEST_F(AssembleTest, WhatMakesNoSenseIsCountedAndLeftOut) {
  Edge(0xdead0000, 0);  // nobody there
  Edge(0x2008, 0);      // inside a granule that another object starts in
  Edge(u64{1} << 60, 0);
  Node(0x2000, kListType, 1);
  Edge(0x2000, 0);
  Node(0x2000, kListType, 1);  // reported twice: the first one counts
  Edge(0x2000, 0);             // its node never comes
  const snapshot::Columns c = Build();
  EXPECT_EQ(c.node_count(), 1u);
  EXPECT_EQ(c.edge_count(), 0u);
  EXPECT_EQ(c.meta.bad_edges, 3u);
  EXPECT_EQ(assembler_.bad_records(), 2u);
}

TEST_F(AssembleTest, ATypeThatWasNeverDescribedIsRefused) {
  Node(0x2000, kTypes + 3);
  assembler_.Words(words_.data(), words_.size());
  snapshot::Columns columns;
  EXPECT_EQ(assembler_.Build({layout_, memory_, types_}, &columns).code(), Code::kCorrupt);
}

TEST_F(AssembleTest, RestartForgetsAll) {
  Node(0x1000, kListType);
  assembler_.Words(words_.data(), words_.size());
  assembler_.Restart();
  words_.clear();
  Node(0x2000, kListType);
  EXPECT_EQ(Build().address, std::vector<u64>{0x2000});
}

TEST_F(AssembleTest, BlocksAndSizesThatDoNotFitBelongToTheNextNode) {
  words_.insert(words_.end(), {u64{0xb000} | UNLEAK_BLOCK, 512});
  words_.insert(words_.end(), {u64{UNLEAK_BLOCK}, u64{5} << 32});
  words_.insert(words_.end(), {u64{0x3000} | UNLEAK_NODE, u64{kListType} << 32 | 0xffffffff, u64{1} << 32, u64{6} << 48});
  Node(0x2000, kListType, 3);
  const snapshot::Columns c = Build();
  ASSERT_EQ(c.blocks.size(), 1u);
  EXPECT_EQ(c.blocks[0].node, At(c, 0x3000));
  EXPECT_EQ(c.blocks[0].bytes, 512u);
  EXPECT_EQ(c.size_of(At(c, 0x3000)), u64{5} << 32);
  EXPECT_EQ(c.length_of(At(c, 0x3000)), u64{6} << 32);
}

TEST_F(AssembleTest, TypesAreNamedByModuleAndQualifiedName) {
  AddStr(0x8000, "__module__");
  AddStr(0x8100, "shop.model");
  WriteStr(0x9000, "Order.Item");
  memory_.Put(TypeAddress(kNodeType) + static_cast<u64>(layout_.heap_type.qualname), u64{0x9000});
  memory_.Put(TypeAddress(kNodeType) + static_cast<u64>(layout_.type.dict), u64{0x2000});
  Edge(0x8100, 0x8000 | UNLEAK_LABEL_VALUE);
  Node(0x2000, kDictType, 1);
  Node(0x2100, kNodeType);
  Edge(0x2000, static_cast<u64>(layout_.type.dict) << 3 | UNLEAK_LABEL_BODY);
  Node(TypeAddress(kNodeType), kTypeType);
  const snapshot::Columns c = Build();
  EXPECT_EQ(c.type_name(At(c, 0x2100)), "shop.model.Order.Item");
  EXPECT_EQ(c.strings.at(c.types[kNodeType].module), "shop.model");
  EXPECT_EQ(c.type_name(At(c, 0x2000)), "dict");
  EXPECT_EQ(c.types[kNodeType].node, At(c, TypeAddress(kNodeType)));
  EXPECT_EQ(Edges(c, TypeAddress(kNodeType)), Texts{".__dict__>2000"});
}

TEST(IdentifierTest, NamesAsTheGrammarHasThem) {
  for (const char* text : {"a", "_x1", "Größe", "变量"}) EXPECT_TRUE(IsIdentifier(text)) << text;
  for (const char* text : {"", "1a", "a b", "a-b", "a.b", "a@b.de", "x…"}) EXPECT_FALSE(IsIdentifier(text)) << text;
  EXPECT_TRUE(IsDottedIdentifier("a.b_c.d"));
  for (const char* text : {".a", "a.", "a..b", ""}) EXPECT_FALSE(IsDottedIdentifier(text)) << text;
}

}  // namespace
}  // namespace unleak::capture
