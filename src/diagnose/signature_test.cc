#include "diagnose/signature.h"

#include <gtest/gtest.h>

namespace unleak::diagnose {
namespace {

Holder Global(const std::string& module, const std::string& name, std::vector<std::string> inner = {}) {
  Holder h;
  h.known = true;
  h.kind = "module-global";
  h.module = module;
  h.name = name;
  h.text = module + "." + name;
  h.inner = std::move(inner);
  return h;
}

Json Finding(const std::string& kind, const std::string& type, u64 objects = 1) {
  return {{"kind", kind}, {"what", {{{"type", type}, {"objects", objects}}}}, {"cycle", nullptr}, {"peak", nullptr}};
}

Json Cycle(std::initializer_list<std::array<const char*, 3>> edges, const Json& members = Json::array()) {
  Json finding = Finding("reference-cycle", "app.A");
  finding["cycle"] = {{"edges", Json::array()}};
  for (const auto& [from, edge, to] : edges)
    finding["cycle"]["edges"].push_back({{"from", from}, {"edge", edge}, {"to", to}});
  finding["evidence"] = {{"members", members}};
  return finding;
}

TEST(Signature, NamesTheVersionItIsMadeBy) {
  EXPECT_EQ(Signature(Finding("growing-container", "int"), Global("app", "ACTIVE")).rfind("u1-", 0), 0u);
}

TEST(Signature, ANamedHolderIsTheLeakWhateverIsInIt) {
  const std::string id = Signature(Finding("growing-container", "app.Session", 10), Global("app", "ACTIVE"));
  EXPECT_EQ(id, Signature(Finding("growing-container", "app.User", 999), Global("app", "ACTIVE")));
  EXPECT_NE(id, Signature(Finding("growing-container", "app.Session", 10), Global("app", "PASSIVE")));
  EXPECT_NE(id, Signature(Finding("growing-container", "app.Session", 10), Global("shop", "ACTIVE")));
  EXPECT_NE(id, Signature(Finding("growing-container", "app.Session", 10), Global("app", "ACTIVE", {"['users']"})));
}

TEST(Signature, TheWayToAnAttributeDoesNotCount) {
  Holder one = Global("app", "entries", {"[*]"});
  one.kind = "instance-attribute";
  one.owner_class = "Cache";
  Holder two = one;
  one.text = "app.CACHE.entries[*]";
  two.text = "thread 3 frame main local cache.entries[*]";
  EXPECT_EQ(Signature(Finding("growing-container", "int"), one), Signature(Finding("growing-container", "int"), two));
}

TEST(Signature, QualifiedNamesThatOldVersionsLackDoNotCount) {
  Holder one = Global("", "");
  one.kind = "closure-variable";
  one.function = "make.<locals>.remember";
  Holder two = one;
  two.function = "remember";
  EXPECT_EQ(Signature(Finding("growing-container", "int"), one), Signature(Finding("growing-container", "int"), two));
}

TEST(Signature, ACycleIsItsClassesHoweverTheyAreLinked) {
  const std::string direct = Signature(Cycle({{"app.A", ".b", "app.B"}, {"app.B", ".a", "app.A"}}), Holder());
  const std::string through_dicts = Signature(Cycle({{"app.B", ".__dict__", "dict"},
                                                     {"dict", "['a']", "app.A"},
                                                     {"app.A", ".__dict__", "dict"},
                                                     {"dict", "['b']", "app.B"}}),
                                              Holder());
  EXPECT_EQ(direct, through_dicts);
  EXPECT_NE(direct, Signature(Cycle({{"app.A", ".c", "app.C"}, {"app.C", ".a", "app.A"}}), Holder()));
}

TEST(Signature, ACycleWithoutClassesIsItsFunctions) {
  const Json one = Cycle({{"function", "", "cell"}, {"cell", "", "function"}},
                         {{{"function", "f.<locals>.g"}, {"file", "/a/x.py"}, {"line", 3}}});
  const Json two = Cycle({{"cell", "", "function"}, {"function", "", "tuple"}, {"tuple", "[*]", "cell"}},
                         {{{"function", "g"}, {"file", "/b/x.py"}, {"line", 99}}});
  EXPECT_EQ(Signature(one, Holder()), Signature(two, Holder()));
}

TEST(Signature, ACycleThatIsNeverFreedIsAnotherThanTheSameThatIsFreedLate) {
  Json never = Cycle({{"app.A", ".a", "app.A"}});
  never["kind"] = "uncollectable-cycle";
  EXPECT_NE(Signature(never, Holder()), Signature(Cycle({{"app.A", ".a", "app.A"}}), Holder()));
}

TEST(Signature, WhatNobodyHoldsIsNamedByItsType) {
  const std::string id = Signature(Finding("lost-reference", "decimal.Decimal", 5), Holder());
  EXPECT_EQ(id, Signature(Finding("lost-reference", "decimal.Decimal", 7), Holder()));
  EXPECT_NE(id, Signature(Finding("lost-reference", "datetime.date", 5), Holder()));
}

TEST(WithoutNumbers, KeepsNamesAndDropsWhatChanges) {
  EXPECT_EQ(WithoutNumbers("app.utf8.x1[12]['key2']"), "app.utf8.x1[*]['key2']");
  EXPECT_EQ(WithoutNumbers("thread 12 frame f"), "thread * frame f");
  EXPECT_EQ(WithoutNumbers("<Pool at 0x7f01ab>"), "<Pool at *>");
  EXPECT_EQ(WithoutNumbers("frame main (/srv/v2.1/app.py:57)"), "frame main (app.py:*)");
  EXPECT_EQ(WithoutNumbers("/"), "");
  EXPECT_EQ(WithoutNumbers(""), "");
}

}  // namespace
}  // namespace unleak::diagnose
