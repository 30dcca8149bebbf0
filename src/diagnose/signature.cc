#include "diagnose/signature.h"

#include <cstdio>
#include <set>
#include <vector>

#include "base/hash.h"

namespace unleak::diagnose {
namespace {

bool IsWord(char ch) {
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || (ch & 0x80);
}

bool IsNumber(std::string_view word) {
  if (word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
    return word.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string Hash(const std::vector<std::string>& parts) {
  u64 hash = kFnvStart;
  for (const std::string& part : parts) hash = Fnv1a("\x1f", Fnv1a(part, hash));  // a separator ends each part
  char text[32];
  std::snprintf(text, sizeof text, "u%d-%016llx", kSignatureVersion, static_cast<unsigned long long>(hash));
  return text;
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Classes of the program and its libraries: their names have a dot. Builtin types link a cycle differently from version
// to version (a dict between an instance and its attributes, a cell, a list).
bool IsClass(const std::string& type) { return type.find('.') != std::string::npos; }

std::vector<std::string> OfHolder(const Json& finding, const Holder& holder) {
  std::vector<std::string> parts = {finding.contains("peak") && finding["peak"].is_object() ? "peak" : "held"};
  if (holder.name.empty() && holder.function.empty()) {
    parts.push_back(WithoutNumbers(holder.text));
    return parts;
  }
  // CPython 3.9 and 3.10 do not know the qualified name of a function.
  for (const std::string& part :
       {holder.kind, holder.module, holder.owner_class, ShortName(holder.function), holder.name})
    parts.push_back(WithoutNumbers(part));
  if (holder.kind == "module-global" && holder.module.empty()) parts.push_back(WithoutNumbers(holder.text));
  for (const std::string& step : holder.inner) parts.push_back(WithoutNumbers(step));
  return parts;
}

std::vector<std::string> OfCycle(const Json& finding) {
  std::set<std::string> named, types;
  for (const Json& edge : finding["cycle"].value("edges", Json::array()))
    for (const char* end : {"from", "to"}) (IsClass(Text(edge, end)) ? named : types).insert(Text(edge, end));
  const Json evidence = finding.value("evidence", Json::object());
  for (const Json& member : evidence.value("members", Json::array()))
    if (const std::string function = Text(member, "function"); !function.empty())
      named.insert(ShortName(function) + "()");
  // What the collector frees late and what it never frees are two findings: a fix can turn the one into the other.
  std::vector<std::string> parts = {Text(finding, "kind") == "uncollectable-cycle" ? "uncollectable" : "cycle"};
  const auto& chosen = named.empty() ? types : named;
  parts.insert(parts.end(), chosen.begin(), chosen.end());
  return parts;
}

}  // namespace

std::string WithoutNumbers(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '/' && (out.empty() || !IsWord(out.back()))) {  // an absolute path: its last part says which file
      size_t end = i;
      while (end < text.size() &&
             (IsWord(text[end]) || std::string_view("/.-+").find(text[end]) != std::string_view::npos))
        ++end;
      i = text.rfind('/', end - 1) + 1;
      if (i >= end) continue;
    }
    size_t end = i;
    while (end < text.size() && IsWord(text[end])) ++end;
    if (end == i) {
      out += text[i++];
      continue;
    }
    const std::string_view word = text.substr(i, end - i);
    out += IsNumber(word) ? std::string_view("*") : word;
    i = end;
  }
  return out;
}

std::string Signature(const Json& finding, const Holder& holder) {
  if (finding.contains("cycle") && finding["cycle"].is_object()) return Hash(OfCycle(finding));
  if (holder.known) return Hash(OfHolder(finding, holder));
  const Json what = finding.value("what", Json::array());
  return Hash({Text(finding, "kind"), what.empty() ? std::string() : Text(what[0], "type")});
}

}  // namespace unleak::diagnose
