#include "diagnose/remedy.h"

#include <algorithm>

namespace unleak::diagnose {
namespace {

bool Mentions(const Json& what, std::initializer_list<const char*> words, size_t most) {
  size_t index = 0;
  for (const Json& w : what) {
    if (index++ == most) break;
    const std::string type = ShortName(w["type"].get<std::string>());
    for (const char* word : words)
      if (type.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string At(const Json& finding) {
  const Json& stored = finding["sites"]["stored"];
  if (stored.empty()) return {};
  return " (" + stored[0]["file"].get<std::string>() + ":" + std::to_string(stored[0]["line"].get<i64>()) + ")";
}

struct Advice {
  std::string action, text;
};

Advice ForContainer(const Candidate& c, const Json& f) {
  const std::string kind = f["kind"], at = At(f);
  if (kind == "filling-cache") return {"none", "nothing to do: it is bounded" + at + "; lower the bound if that is too much memory"};
  if (kind == "warm-up") return {"none", "nothing to do: it levels off"};
  if (kind == "unbounded-cache")
    return {"bound", "give the cache a maxsize, or key it by something that ends with the object instead of the object itself" + at};
  if (kind == "listener") return {"unregister", "unregister the callback when its owner is done, or register once for all owners" + at};
  if (kind == "weakref-misuse")
    return {"remove-entry", "take a dead reference out in its callback, or use a WeakSet or WeakValueDictionary, which do that" + at};
  if (kind == "context") return {"remove-entry", "reset the variable or drop the entry when the unit of work ends" + at};
  if (Mentions(f["what"], {"socket", "Transport"}, 4))
    return {"close", "close the connection when it is no longer used: that takes the entry out of " + c.holder.text};
  if (Mentions(f["what"], {"type", "Type", "ABCMeta"}, 1)) return {"hoist", "make the class once, outside the function that runs again and again" + at};
  return {"remove-entry", "remove the entry when its work is done, or bound " + c.holder.text + at};
}

Advice ForCycle(const Json& f) {
  const std::string at = At(f);
  bool traceback = false;
  for (const Json& w : f["what"]) traceback |= ShortName(w["type"].get<std::string>()) == "traceback";
  if (traceback)
    return {"clear-traceback", "do not keep the exception in a variable that its own traceback reaches: `del` it in a finally block, or clear its __traceback__" + at};
  if (Mentions(f["what"], {"type", "ABCMeta"}, 1))
    return {"hoist", "a class is a cycle with its own dict and method order: make it once, not in each call" + at};
  const Json& edges = f["cycle"]["edges"];
  std::string edge;
  if (!edges.empty()) edge = ShortName(edges.back()["from"].get<std::string>()) + edges.back()["edge"].get<std::string>();
  return {"break-cycle", "break the cycle at " + (edge.empty() ? std::string("one of its edges") : edge) +
                             ": make that reference weak where another owner keeps the object, or clear it when the work is done" + at};
}

}  // namespace

Json ProposeRemedy(const Evidence& evidence, const Candidate& c, const Json& f) {
  Advice advice;
  switch (c.family) {
    case Family::kContainer:
    case Family::kPopulation: advice = ForContainer(c, f); break;
    case Family::kCycle: advice = ForCycle(f); break;
    case Family::kPeak:
      advice = {"stream", "read and work in batches" + At(f)};
      if (f["evidence"].contains("chunked") && f["evidence"]["chunked"] != "") advice.text += ": " + f["evidence"]["chunked"].get<std::string>();
      break;
    case Family::kUnexplained:
      advice = {"fix-native", "native code keeps a reference that it should give back: look at the extension calls that make this type"};
      break;
  }
  const Json& stored = f["sites"]["stored"];
  Json at = stored.empty() ? Json(nullptr) : Json{{"file", stored[0]["file"]}, {"line", stored[0]["line"]}};
  const u64 frees = c.container != kNone ? evidence.last.retained(c.container) : c.family == Family::kPeak ? c.length : 0;
  return {{"action", advice.action}, {"text", advice.text}, {"at", at}, {"frees", frees}, {"kept_by", nullptr}, {"patch", nullptr}};
}

}  // namespace unleak::diagnose
