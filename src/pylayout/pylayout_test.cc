#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <set>

#include "pylayout/fields.h"
#include "pylayout/members.h"
#include "pylayout/roles.h"
#include "pylayout/tables.h"
#include "snapshot/columns.h"

namespace unleak::pylayout {
namespace {

TEST(Tables, FindsByMinorVersionAndBuild) {
  for (u32 minor = 9; minor <= 15; ++minor) {
    const unleak_layout* layout = FindLayout(3u << 24 | minor << 16 | 0x7f0, false);
    ASSERT_NE(layout, nullptr) << "3." << minor;
    EXPECT_EQ(VersionName(*layout), "3." + std::to_string(minor));
    EXPECT_EQ(layout->free_threaded, 0);
    EXPECT_EQ(layout->layout_version, UNLEAK_LAYOUT_VERSION);
  }
  ASSERT_NE(FindLayout(0x030d0000, true), nullptr);
  EXPECT_EQ(VersionName(*FindLayout(0x030d0000, true)), "3.13t");
  EXPECT_EQ(FindLayout(0x03080000, false), nullptr);
  EXPECT_EQ(FindLayout(0x03090000, true), nullptr);
  EXPECT_EQ(FindLayout(0x03100000, false), nullptr);
}

TEST(Tables, HaveRoomAndSaneEntries) {
  for (const unleak_layout* layout : AllLayouts()) {
    EXPECT_EQ(layout->size, static_cast<i32>(sizeof *layout));
    EXPECT_LT(layout->interpreter_roots_n, UNLEAK_MAX_ROOTS) << "a full table may have lost entries";
    EXPECT_LT(layout->thread_roots_n, UNLEAK_MAX_ROOTS);
    EXPECT_LT(layout->specs_n, UNLEAK_MAX_SPECS);
    EXPECT_STREQ(layout->specs[0].name, "code");
    EXPECT_GT(layout->type.flags, 0);
    for (i32 i = 0; i < layout->specs_n; ++i) EXPECT_LE(layout->specs[i].n, UNLEAK_MAX_SPEC_OFFSETS);
  }
}

TEST(Fields, NamesFollowTheVersion) {
  const unleak_layout& v9 = *FindLayout(0x03090000, false);
  const unleak_layout& v12 = *FindLayout(0x030c0000, false);
  const unleak_layout& v13t = *FindLayout(0x030d0000, true);
  EXPECT_EQ(FieldName(v9, "function", v9.function.closure), "__closure__");
  EXPECT_EQ(FieldName(v12, "function", v12.function.closure), "__closure__");
  EXPECT_EQ(FieldName(v13t, "function", v13t.function.closure), "__closure__");
  EXPECT_EQ(FieldName(v12, "method", v12.method.self), "__self__");
  EXPECT_EQ(FieldName(v12, "code", v12.code.consts), "co_consts");
  EXPECT_EQ(FieldName(v12, "type", v12.heap_type.qualname), "__qualname__");
  EXPECT_EQ(FieldName(v12, "_asyncio.Task", 136), "_coro");
  EXPECT_EQ(FieldName(v12, "app.Session", v12.attributes.dict_offset), "__dict__");
  EXPECT_EQ(FieldName(v9, "app.Session", -24), "");
  EXPECT_EQ(FieldName(v12, "function", 17), "");
  EXPECT_EQ(FieldName(v12, "no.such", 16), "");
}

// Every member of the layout that a row repeats lies where the headers say.
TEST(Members, AgreeWithTheGeneratedTables) {
  for (const unleak_layout* l : AllLayouts()) {
    const std::map<std::string_view, std::vector<std::pair<i32, std::string_view>>> kExpected = {
        {"function", {{l->function.code, "__code__"}, {l->function.globals, "__globals__"}, {l->function.closure, "__closure__"},
                      {l->function.defaults, "__defaults__"}, {l->function.kwdefaults, "__kwdefaults__"},
                      {l->function.dict, "__dict__"}, {l->function.name, "__name__"}, {l->function.qualname, "__qualname__"},
                      {l->function.module, "__module__"}}},
        {"method", {{l->method.function, "__func__"}, {l->method.self, "__self__"}}},
        {"cell", {{l->cell.ref, "cell_contents"}}},
        {"traceback", {{l->traceback.next, "tb_next"}, {l->traceback.frame, "tb_frame"}}},
        {"module", {{l->module.dict, "__dict__"}, {l->module.name, "__name__"}}},
    };
    for (const auto& [type, fields] : kExpected) {
      for (const auto& [offset, name] : fields) EXPECT_EQ(FieldName(*l, type, offset), name) << VersionName(*l) << " " << type;
    }
  }
}

TEST(Members, RowsOfOneTypeDoNotOverlap) {
  std::set<std::pair<std::string_view, i32>> seen;
  for (const TypeMembers& type : AllMembers()) {
    EXPECT_LE(type.first_minor, type.last_minor);
    for (i32 minor = type.first_minor; minor <= type.last_minor; ++minor) {
      EXPECT_TRUE(seen.emplace(type.type, minor).second) << type.type << " 3." << minor;
    }
    std::set<i32> offsets;
    for (const Member& member : type.members) {
      EXPECT_TRUE(offsets.insert(member.offset).second) << type.type << " " << member.name;
      EXPECT_GE(member.offset, 16);
      EXPECT_EQ(member.offset % 8, 0);
    }
  }
}

TEST(Roles, MostDerivedNameDecides) {
  auto role = [](std::vector<std::string_view> names, u64 flags = 0, bool python = false) {
    return RoleOf({.names = names, .tp_flags = flags, .python_class = python});
  };
  EXPECT_EQ(role({"app.Cache", "dict", "object"}, u64{1} << 29, true), Role::kDict);
  EXPECT_EQ(role({"app.Count", "collections.Counter", "dict", "object"}, u64{1} << 29, true), Role::kCounter);
  EXPECT_EQ(role({"app.Error", "ValueError", "Exception", "BaseException", "object"}, u64{1} << 30, true), Role::kException);
  EXPECT_EQ(role({"app.Session", "object"}, 0, true), Role::kInstance);
  EXPECT_EQ(role({"sqlite3.Connection", "object"}, 0, false), Role::kOther);
  EXPECT_EQ(role({"bool", "int", "object"}, u64{1} << 24), Role::kBool);
  EXPECT_EQ(role({"app.Lost"}, u64{1} << 25, true), Role::kList) << "bases that could not be read";
  EXPECT_EQ(role({"app.Color", "enum.Enum", "object"}, 0, true), Role::kEnumMember);
}

TEST(Roles, NumbersAreThoseOfTheSnapshot) {
  EXPECT_EQ(static_cast<int>(Role::kNdarray), static_cast<int>(snapshot::Role::kNdarray));
  EXPECT_EQ(static_cast<int>(Role::kLruCache), static_cast<int>(snapshot::Role::kLruCache));
  EXPECT_EQ(static_cast<int>(Role::kDescriptor), static_cast<int>(snapshot::Role::kDescriptor));
  EXPECT_EQ(static_cast<int>(Role::kEnumMember), static_cast<int>(snapshot::Role::kEnumMember));
  EXPECT_EQ(static_cast<int>(Role::kCell), static_cast<int>(snapshot::Role::kCell));
}

}  // namespace
}  // namespace unleak::pylayout
