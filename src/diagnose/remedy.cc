#include "diagnose/remedy.h"

#include <algorithm>
#include <cmath>

#include "diagnose/classify.h"
#include "diagnose/remedy_cut.h"

namespace unleak::diagnose {
namespace {

constexpr double kAllKept =
    0.95;  // share of entries that others hold too, from which emptying the container frees next to nothing
constexpr size_t kTellingTypes = 4;

struct Advice {
  std::string action, text;
};

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

std::string PlaceText(const Json& place) {
  return place.value("file", "") + ":" + std::to_string(place.value("line", i64{0}));
}

Json FirstPlace(const Json& finding) {
  const Json& stored = finding["sites"]["stored"];
  return stored.empty() ? Json(nullptr) : Json{{"file", stored[0]["file"]}, {"line", stored[0]["line"]}};
}

std::string At(const Json& place) { return place.is_null() ? "" : " (" + PlaceText(place) + ")"; }

const Json* Answer(const Json& answers, const std::string& id) {
  const auto all = answers.find("answers");
  if (all == answers.end() || !all->is_object()) return nullptr;
  const auto it = all->find(id);
  return it == all->end() || !it->is_object() || !it->contains("places") || !(*it)["places"].is_array() ? nullptr
                                                                                                        : &*it;
}

// A line that takes entries out; empty if the source has none.
std::string Remover(const Candidate& c, const Json& answers) {
  const Json* answer = Answer(answers, c.key + ".removed");
  if (!answer || (*answer)["places"].empty() || !(*answer)["places"][0].is_object()) return {};
  return PlaceText((*answer)["places"][0]);
}

// -- containers --

Advice ForEntries(const Candidate& c, const Json& f, const Json& answers, const std::string& at) {
  const Json& what = f["what"];
  if (Mentions(what, {"traceback"}, kTellingTypes))
    return {"clear-traceback",
            "an exception that is kept keeps its traceback, and that every variable of its frames: keep its type and "
            "text, or "
            "clear it with `error.with_traceback(None)` before it is stored" +
                at};
  if (Mentions(what, {"socket", "Transport"}, kTellingTypes))
    return {"close", "close the connection when it is no longer used: that takes the entry out of " + c.holder.text};
  if (Mentions(what, {"type", "Type", "ABCMeta"}, 1))
    return {"hoist", "make the class once, outside the function that runs again and again" + at};
  if (c.holder.via_frame && c.holder.kind == "local-variable" && !c.holder.name.empty())
    return {"del", "`" + c.holder.name + "` of " +
                       (c.holder.function.empty() ? "a running function" : c.holder.function) +
                       " lives as long as the function runs: work in batches, and `del` or clear it after each" + at};
  if (const std::string remover = Remover(c, answers); !remover.empty())
    return {"remove-entry", "entries are taken out at " + remover +
                                ", but these stay: remove them on every way out (`finally`), or bound " +
                                c.holder.text + at};
  return {"remove-entry", "remove the entry when its work is done, or bound " + c.holder.text + at};
}

Advice ForKind(const Candidate& c, const Json& f, const Json& answers, const std::string& kind, const std::string& at) {
  if (kind == "filling-cache")
    return {"none", "nothing to do: it is bounded" + at + "; lower the bound if that is too much memory"};
  if (kind == "warm-up") return {"none", "nothing to do: it levels off"};
  if (kind == "fragmentation")
    return {"trim",
            "the memory is free, but not given back: `malloc_trim(0)`, fewer arenas (MALLOC_ARENA_MAX), or long-lived "
            "objects made first"};
  if (kind == "unbounded-cache")
    return {
        "bound",
        "give the cache a maxsize, or key it by something that ends with the object instead of the object itself" + at};
  if (kind == "listener")
    return {"unregister", "unregister the callback when its owner is done, or register once for all owners" + at};
  if (kind == "weakref-misuse" && f["evidence"].value("pattern", "") == kFinalizers)
    return {"weakref",
            "what the finalizer calls, or is given, holds the object that it waits for: give it a function and the "
            "handles that it needs, or a weak reference, but not the object or its method" +
                at};
  if (kind == "weakref-misuse")
    return {
        "remove-entry",
        c.holds_only_weak
            ? "take a dead reference out in its callback, or use a WeakSet or WeakValueDictionary, which do that" + at
            : "the value keeps its own key alive, so the weak entry never goes: keep in the value what it needs of the "
              "key, not "
              "the key itself, or remove the entry" +
                  at};
  if (kind == "context")
    return {"remove-entry", "reset the variable or drop the entry when the unit of work ends" + at};
  if (kind == "class-churn")
    return {"hoist", "make the class once, outside the function that runs again and again" + at};
  if (kind == "unfinished-task")
    return {"cancel", "end what was started: await or cancel the task, join the thread, close the pool" + at};
  if (kind == "immortal-string")
    return {"bound", "interned strings are never freed: do not intern what comes from outside" + at};
  if (kind == "native-memory")
    return {"fix-native", "native code keeps memory that it should free: look at the calls into the extension" + at};
  if (kind == "lost-reference")
    return {
        "fix-native",
        "native code keeps a reference that it should give back: look at the extension calls that make this type" + at};
  if (kind == "pinned-frame")
    return Mentions(f["what"], {"generator", "coroutine", "async_generator"}, 1)
               ? Advice{"close", "close what was begun and not finished: its frame keeps all its variables" + at}
               : Advice{"clear-traceback",
                        "keep the type and the text of the exception, not its traceback: `error.with_traceback(None)`, "
                        "or `del` the "
                        "variable that holds it" +
                            at};
  return ForEntries(c, f, answers, at);
}

// Where nothing would be freed because others hold the entries too, the text says who.
void TellOwners(const Cut& cut, Advice& advice) {
  if (cut.kept_share() >= kAllKept && !cut.kept_by.empty() && advice.action != "none")
    advice.text += "; its entries are held by " + cut.kept_by + " as well: look there first";
}

// -- cycles --

std::string AttributeOf(const std::string& edge) {
  return edge.size() > 1 && edge[0] == '.' ? edge.substr(1) : std::string();
}

Advice ForCycle(const Evidence& evidence, const Json& f, const std::string& at) {
  if (Mentions(f["what"], {"traceback"}, 100))
    return {"clear-traceback",
            "do not keep the exception in a variable that its own traceback reaches: `del` it in a finally block, or "
            "clear its __traceback__" +
                at};
  if (Mentions(f["what"], {"type", "ABCMeta"}, 1))
    return {"hoist", "a class is a cycle with its own dict and method order: make it once, not in each call" + at};
  const Json& edges = f["cycle"]["edges"];
  const size_t cut = f["cycle"].value("cut", size_t{0});
  if (cut >= edges.size()) return {"break-cycle", "break the cycle when the work is done" + at};
  const std::string from = edges[cut]["from"], text = edges[cut]["edge"],
                    to = ShortName(edges[cut]["to"].get<std::string>());
  const std::string edge = ShortName(from) + text, attribute = AttributeOf(text);
  if (!attribute.empty() && AlwaysHeldElsewhere(evidence.last, from, attribute))
    return {"weakref", "make " + edge + " a weak reference" + at + ": in the last look every " + to +
                           " that it leads to had another owner, and counting frees the "
                           "rest at once"};
  std::string advice = "break the cycle at " + edge + at + ": ";
  advice += from == "function" || from == "cell" || to == "cell"
                ? "a function that names itself or its maker's variables is a cycle; make it a method or module "
                  "function, or `del` the name at the end"
                : "clear it when the work is done, or do not keep it; a weak reference is right only where another "
                  "owner keeps the " +
                      to + ", and none was seen";
  if (f["evidence"].value("left_after_cut", u64{0}) > 0) advice += "; other cycles through the same objects stay";
  return {"break-cycle", advice};
}

// The cut edge's own line, else the best line that stores.
Json CyclePlace(const Json& f) {
  const Json& edges = f["cycle"]["edges"];
  const size_t cut = f["cycle"].value("cut", size_t{0});
  if (cut < edges.size() && edges[cut]["at"].is_object()) return edges[cut]["at"];
  return FirstPlace(f);
}

// -- what it frees --

// The reference by which the holder's owner has what leaks: its attribute, straight or through its dict.
Cut CutOwner(const graph::Heap& heap, const Holder& holder) {
  if (holder.owner == kNone || holder.name.empty()) return {};
  const auto& c = heap.columns();
  u32 target = Member(c, holder.owner, holder.name), owner = holder.owner;
  for (const char* space : {"__dict__", "tp_dict", "md_dict"}) {
    if (target != kNone) break;
    if (const u32 dict = Member(c, holder.owner, space); dict != kNone)
      target = Member(c, dict, holder.name), owner = dict;
  }
  return target == kNone ? Cut{} : CutEdge(heap, owner, target);
}

Cut Simulate(const Evidence& evidence, const Candidate& c, const Json& f) {
  Cut cut;
  switch (c.family) {
    case Family::kContainer:
    case Family::kPopulation:
      return c.container != kNone ? CutEntries(evidence.last, c.container) : CutOwner(evidence.last, c.holder);
    case Family::kCycle:
      cut.frees = f["cycle"].value("drags_bytes", u64{0});
      break;
    case Family::kPeak:
      cut.frees = c.length;
      break;
    default:
      break;
  }
  return cut;
}

// The change as a diff, where the source knows a safe one for this action at this place.
Json Patch(const Candidate& c, const Json& answers, const Json& at, const std::string& action) {
  if (at.is_null()) return nullptr;
  for (const Json& question : c.questions) {
    const Json* answer = Answer(answers, question.value("id", ""));
    if (!answer) continue;
    for (const Json& place : (*answer)["places"]) {
      if (!place.is_object() || place.value("file", "") != at["file"] || place.value("line", i64{0}) != at["line"])
        continue;
      const Json patches = place.value("patches", Json::object());
      if (patches.is_object() && patches.contains(action) && patches[action].is_string()) return patches[action];
    }
  }
  return nullptr;
}

Advice ForNative(const Json& f) {
  if (f["kind"] == "warm-up") return {"none", "nothing to do: it levels off"};
  const Json &suspect = f["sites"]["suspect"], &allocated = f["sites"]["allocated"];
  std::string text = "native code does not free what it allocates";
  if (!suspect.empty()) text += ": look for a newer release of what ships " + suspect[0]["library"].get<std::string>() + ", or free the block there";
  if (!allocated.empty()) text += "; the calls come from " + allocated[0]["file"].get<std::string>() + ":" + std::to_string(allocated[0]["line"].get<u64>());
  return {"fix-native", text};
}

Advice ForFree(const Json& f) {
  const u64 returnable = f["evidence"]["returnable"].get<u64>();
  if (returnable >= f["evidence"]["free_resident"].get<u64>() / 4)
    return {"trim", "it is used again; malloc_trim(0) would give " + FormatBytes(static_cast<double>(returnable)) + " back now, MALLOC_ARENA_MAX=2 keeps it lower"};
  return {"trim", "it is used again; little of it can be given back while what lies between is in use: make long-lived objects before the big work, or do that in a process of its own"};
}

}  // namespace

Json ProposeRemedy(const Evidence& evidence, const Candidate& c, const Json& f, const Json& answers) {
  const Json at = c.family == Family::kCycle ? CyclePlace(f) : FirstPlace(f);
  const Cut cut = Simulate(evidence, c, f);
  Advice advice;
  if (c.family == Family::kCycle) {
    advice = ForCycle(evidence, f, At(at));
  } else if (c.family == Family::kPeak) {
    advice = {"stream", "read and work in batches" + At(at)};
    if (f["evidence"].contains("chunked") && f["evidence"]["chunked"] != "")
      advice.text += ": " + f["evidence"]["chunked"].get<std::string>();
  } else if (c.family == Family::kNative) {
    advice = ForNative(f);
  } else if (c.family == Family::kFree) {
    advice = ForFree(f);
  } else {
    advice = ForKind(c, f, answers, f["kind"], At(at));
    TellOwners(cut, advice);
  }
  return {{"action", advice.action},
          {"text", advice.text},
          {"at", at},
          {"frees", cut.frees},
          {"kept_by", cut.kept_by.empty() ? Json(nullptr) : Json(cut.kept_by)},
          {"patch", Patch(c, answers, at, advice.action)}};
}

}  // namespace unleak::diagnose
