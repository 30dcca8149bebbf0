#include "diagnose/remedy.h"

#include <algorithm>
#include <cmath>

#include "diagnose/classify.h"
#include "diagnose/remedy_cut.h"
#include "diagnose/remedy_words.h"

namespace unleak::diagnose {
namespace {

constexpr double kAllKept =
    0.95;  // share of entries that others hold too, from which emptying the container frees next to nothing

// Whose code a line is, where it is not the program's: an installed package's name, or "Python's own library"; else "".
std::string LibraryOf(const std::string& file) {
  for (const char* folder : {"/site-packages/", "/dist-packages/"})
    if (const size_t at = file.rfind(folder); at != std::string::npos) {
      const size_t begin = at + std::char_traits<char>::length(folder);
      const std::string name = file.substr(begin, file.find('/', begin) - begin);
      return name.size() > 3 && name.ends_with(".py") ? name.substr(0, name.size() - 3) : name;
    }
  return file.find("/lib/python3.") != std::string::npos ? "Python's own library" : std::string();
}

Json FirstPlace(const Json& finding) {
  const Json& stored = finding["sites"]["stored"];
  return stored.empty() ? Json(nullptr) : Json{{"file", stored[0]["file"]}, {"line", stored[0]["line"]}};
}

// Where the line that stores is not the program's: the program's line that leads there.
std::string CalledFrom(const Json& finding) {
  const Json& stored = finding["sites"]["stored"];
  if (stored.empty() || LibraryOf(stored[0].value("file", "")).empty()) return {};
  for (const Json& place : stored)
    if (LibraryOf(place.value("file", "")).empty()) return PlaceText(place);
  return {};
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

// Where nothing would be freed because others hold the entries too, the text says who.
void TellOwners(const Cut& cut, Advice& advice) {
  if (cut.kept_share() >= kAllKept && !cut.kept_by.empty() && advice.action != "none")
    advice.text += "; its entries are held by " + cut.kept_by + " as well: look there first";
}

// Where the place is not in the program: whose it is, and how the program gets there.
void TellLibrary(const Candidate& c, const Json& f, const Json& at, Advice& advice) {
  const std::string library = at.is_null() ? std::string() : LibraryOf(at["file"].get<std::string>());
  if (library.empty() || advice.action == "none") return;
  const std::string own = CalledFrom(f);
  advice.text += "; that line is in " + library + (own.empty() ? "" : ", called from " + own);
  if (c.family == Family::kCycle && own.empty()) advice.text += ": a newer release may have it mended";
}

// -- cycles --

std::string AttributeOf(const std::string& edge) {
  return edge.size() > 1 && edge[0] == '.' ? edge.substr(1) : std::string();
}

// Each edge leaves a class or leads to one: a class that is made again and again, with what hangs on it.
bool IsClassStructure(const snapshot::Columns& columns, const Json& edges) {
  return !edges.empty() && std::all_of(edges.begin(), edges.end(), [&](const Json& e) {
    return e["edge"] != ".__class__" &&
           (IsClassType(columns, e["from"].get<std::string>()) || IsClassType(columns, e["to"].get<std::string>()));
  });
}

Advice ForCycle(const Evidence& evidence, const Json& f, const std::string& at) {
  if (Mentions(f["what"], {"traceback"}, 100))
    return {"clear-traceback",
            "do not keep the exception in a variable that its own traceback reaches: `del` it in a finally block, or "
            "clear its __traceback__" +
                at};
  const Json& edges = f["cycle"]["edges"];
  if (FirstIsClass(evidence.last.columns(), f["what"]) || IsClassStructure(evidence.last.columns(), edges))
    return {"hoist", "a class is a cycle with its own dict and method order: make it once, not in each call" + at};
  const size_t cut = f["cycle"].value("cut", size_t{0});
  if (cut >= edges.size()) return {"break-cycle", "break the cycle when the work is done" + at};
  const std::string from = edges[cut]["from"], text = edges[cut]["edge"],
                    to = ShortName(edges[cut]["to"].get<std::string>());
  const std::string edge = ShortName(from) + text, attribute = AttributeOf(text);
  const bool itself = edges.size() == 1 && from == edges[cut]["to"].get<std::string>();
  const bool alone = f["what"].size() == 1 && f["what"][0].value("objects", u64{0}) == 1;
  if (!attribute.empty() && itself && alone && AlwaysHeldElsewhere(evidence.last, from, attribute))
    return {"weakref", "a " + to + " keeps itself in " + edge + at +
                           ": leave it out, as whoever asks for it has the object already, or make it a weak reference; "
                           "counting frees the rest at once"};
  if (!attribute.empty() && AlwaysHeldElsewhere(evidence.last, from, attribute))
    return {"weakref", "make " + edge + " a weak reference" + at + ": in the last look every " + to +
                           " that it leads to had another owner, and counting frees the "
                           "rest at once"};
  if (itself && attribute.empty())
    return {"break-cycle", "a " + ShortName(from) + " is put into itself" + at + ": put in a copy (`" +
                               ShortName(from) +
                               "(x)`) or leave it out; where it has to be, "
                               "take it out again (`clear()`) when the work is done"};
  std::string advice = "break the cycle at " + edge + at + ": ";
  if (!attribute.empty() && to == "method")
    return {"break-cycle", advice +
                               "do not keep a bound method of the object in itself: look it up where it is called, or "
                               "keep its name or a weakref.WeakMethod"};
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
      if (f["evidence"].value("pattern", "") == "modules") {  // each module is a root of its own: no cut shows its size
        cut.frees = f["evidence"].value("retained", u64{0});
        break;
      }
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
  if (!suspect.empty())
    text += ": look for a newer release of what ships " + suspect[0]["library"].get<std::string>() +
            ", or free the block there";
  if (!allocated.empty())
    text += "; the calls come from " + allocated[0]["file"].get<std::string>() + ":" +
            std::to_string(allocated[0]["line"].get<u64>());
  return {"fix-native", text};
}

Advice ForFree(const Json& f) {
  const u64 returnable = f["evidence"]["returnable"].get<u64>();
  if (returnable >= f["evidence"]["free_resident"].get<u64>() / 4)
    return {"trim", "it is used again; malloc_trim(0) would give " + FormatBytes(static_cast<double>(returnable)) +
                        " back now, MALLOC_ARENA_MAX=2 keeps it lower"};
  return {"trim",
          "it is used again; little of it can be given back while what lies between is in use: make long-lived objects "
          "before the big work, or do that in a process of its own"};
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
    advice = AdviseKind({evidence.last.columns(), c, f, At(at), Remover(c, answers)});
    TellOwners(cut, advice);
  }
  if (c.family != Family::kNative && c.family != Family::kFree) TellLibrary(c, f, at, advice);
  return {{"action", advice.action},
          {"text", advice.text},
          {"at", at},
          {"frees", cut.frees},
          {"kept_by", cut.kept_by.empty() ? Json(nullptr) : Json(cut.kept_by)},
          {"patch", Patch(c, answers, at, advice.action)}};
}

}  // namespace unleak::diagnose
