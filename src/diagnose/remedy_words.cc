#include "diagnose/remedy_words.h"

#include <algorithm>

#include "diagnose/classify.h"

namespace unleak::diagnose {
namespace {

constexpr size_t kTellingTypes = 4;
constexpr const char* kHoistClass = "make the class once, outside the function that runs again and again";

std::string Pattern(const Json& finding) { return finding["evidence"].value("pattern", ""); }

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The last error keeps all that it was raised from.
bool IsChainOfErrors(const std::string& holder) {
  return holder.ends_with("__cause__+") || holder.ends_with("__context__+");
}

// Who lost it is native code; the lines that make the objects are where to start looking for it.
Advice ForLost(const Case& the) {
  const Json &made = the.finding["sites"]["allocated"], &suspect = the.finding["sites"]["suspect"];
  const std::string type = ShortName(the.candidate.main_type);
  if (const Json& owner = the.finding["evidence"].value("owner", Json(nullptr)); owner.is_string())
    return {"none", "as many " + ShortName(owner.get<std::string>()) + " objects come, which may keep them in native memory " +
                        "(a container of C++, a suspended stack): end those first"};
  std::string text = "native code takes a reference to " + type + " objects and does not give it back";
  if (!suspect.empty() && suspect[0].is_object() && suspect[0]["library"].is_string())
    text += ": take a release of what ships " + suspect[0]["library"].get<std::string>() +
            " in which it is mended, or leave that call out";
  else if (!made.empty())
    text += ": they are made at " + PlaceText(made[0]) +
            "; of the extension calls that get them from there, end what one has registered, or leave it out";
  else
    text += ": find the extension call that makes or gets them, and take a release in which it is mended";
  return {"fix-native", text};
}

Advice ForCache(const Case& the) {
  const std::string pattern = Pattern(the.finding);
  if (pattern == "call cache on a method")
    return {"bound",
            "a cache on a method keeps every object that it was called on until newer calls push it out: keep the "
            "result in the object (functools.cached_property), cache a function of what it needs, or set a small "
            "maxsize" +
                the.at};
  if (pattern.starts_with("results kept"))
    return {"bound",
            "drop the oldest results at some size, or let functools.lru_cache(maxsize=...) keep them" + the.at};
  return {"bound",
          "give the cache a maxsize, or key it by something that ends with the object instead of the object itself" +
              the.at};
}

Advice ForListener(const Case& the) {
  const std::string pattern = Pattern(the.finding);
  if (pattern == "hooks of the interpreter")
    return {"unregister",
            "hooks of the interpreter stay until it ends: register one for all owners, which looks for the living ones "
            "in a WeakSet, or take it back when its owner is done where there is a way (atexit.unregister)" +
                the.at};
  if (pattern == "handlers or filters of a logger")
    return {"unregister",
            "add the handler once, where the program starts; or removeHandler() and close() it when its owner is done" +
                the.at};
  return {"unregister", "unregister the callback when its owner is done, or register once for all owners" + the.at};
}

Advice ForWeak(const Case& the) {
  if (Pattern(the.finding) == kFinalizers)
    return {"weakref",
            "what the finalizer calls, or is given, holds the object that it waits for: give it a function and the "
            "handles that it needs, or a weak reference, but not the object or its method" +
                the.at};
  if (the.candidate.holds_only_weak)
    return {
        "remove-entry",
        "take a dead reference out in its callback, or use a WeakSet or WeakValueDictionary, which do that" + the.at};
  return {"remove-entry",
          "the value keeps its own key alive, so the weak entry never goes: keep in the value what it needs of the "
          "key, not the key itself, or remove the entry" +
              the.at};
}

Advice ForPinned(const Case& the) {
  if (Mentions(the.finding["what"], {"generator", "coroutine", "async_generator"}, 1))
    return {"close", "close what was begun and not finished: its frame keeps all its variables" + the.at};
  if (IsChainOfErrors(the.candidate.holder.text))
    return {"clear-traceback",
            "each error keeps the one that it was raised from, with its traceback: keep the text of the last one, or "
            "raise the next `from None`" +
                the.at};
  return {"clear-traceback",
          "keep the type and the text of the exception, not its traceback: `error.with_traceback(None)`, or `del` the "
          "variable that holds it" +
              the.at};
}

Advice ForTask(const Case& the) {
  if (Pattern(the.finding) == "a queue that only fills")
    return {"bound",
            "more is put in than is taken out: give it a maxsize, so that put() waits or is refused, or start what "
            "takes out" +
                the.at};
  return {"cancel",
          "end what was started: await or cancel the task, join the thread, close the pool; and take out what has "
          "ended" +
              the.at};
}

// Containers that Python or its library keeps for the life of the process; empty where it is none of them.
Advice ForRegistry(const Case& the) {
  const std::string pattern = Pattern(the.finding);
  if (pattern == "modules")
    return {"remove-entry",
            "a module stays until it is taken out: `del sys.modules[name]` when it is no longer used, or do not put "
            "it there" +
                the.at};
  if (pattern == "loggers")
    return {"hoist",
            "a logger stays for the life of the process: use one a module, and give what differs (an id, a name) with "
            "the message or by a LoggerAdapter" +
                the.at};
  if (Has(the.candidate.holder.text, ".__defaults__") || Has(the.candidate.holder.text, ".__kwdefaults__"))
    return {"remove-entry",
            "a default value is made once and is one for all calls: use None as the default and make it in the "
            "function" +
                the.at};
  return {};
}

Advice ForEntries(const Case& the) {
  const Holder& holder = the.candidate.holder;
  const Json& what = the.finding["what"];
  if (Mentions(what, {"traceback"}, kTellingTypes))
    return {"clear-traceback",
            "an exception that is kept keeps its traceback, and that every variable of its frames: keep its type and "
            "text, or clear it with `error.with_traceback(None)` before it is stored" +
                the.at};
  if (Mentions(what, {"socket", "Transport"}, kTellingTypes))
    return {"close", "close the connection when it is no longer used: that takes the entry out of " + holder.text};
  if (FirstIsClass(the.columns, what)) return {"hoist", std::string(kHoistClass) + the.at};
  if (const Advice advice = ForRegistry(the); !advice.action.empty()) return advice;
  if (the.candidate.in_bytes)
    return {
        "bound",
        holder.text + " only gets longer: write it out and empty it from time to time, or keep its last part" + the.at};
  if (the.candidate.family == Family::kPopulation && holder.text.ends_with("+"))
    return {"bound",
            "each keeps the one before it: cut the chain at some length, or keep the last ones in a deque(maxlen=...)" +
                the.at};
  if (holder.via_frame && holder.kind == "local-variable" && !holder.name.empty())
    return {"del", "`" + holder.name + "` of " + (holder.function.empty() ? "a running function" : holder.function) +
                       " lives as long as the function runs: work in batches, and `del` or clear it after each" +
                       the.at};
  if (!the.remover.empty())
    return {"remove-entry", "entries are taken out at " + the.remover +
                                ", but these stay: remove them on every way out (`finally`), or bound " + holder.text +
                                the.at};
  return {"remove-entry", "remove the entry when its work is done, or bound " + holder.text + the.at};
}

}  // namespace

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

bool IsClassType(const snapshot::Columns& columns, const std::string& type) {
  return std::any_of(columns.types.begin(), columns.types.end(), [&](const snapshot::Type& t) {
    return t.role == snapshot::Role::kType && columns.strings.at(t.name) == type;
  });
}

bool FirstIsClass(const snapshot::Columns& columns, const Json& what) {
  return !what.empty() && IsClassType(columns, what[0]["type"].get<std::string>());
}

std::string PlaceText(const Json& place) {
  return place.value("file", "") + ":" + std::to_string(place.value("line", i64{0}));
}

Advice AdviseKind(const Case& the) {
  const std::string kind = the.finding["kind"];
  if (kind == "filling-cache")
    return {"none", "nothing to do: it is bounded" + the.at + "; lower the bound if that is too much memory"};
  if (kind == "warm-up") return {"none", "nothing to do: it levels off"};
  if (kind == "fragmentation")
    return {"trim",
            "the memory is free, but not given back: `malloc_trim(0)`, fewer arenas (MALLOC_ARENA_MAX), or long-lived "
            "objects made first"};
  if (kind == "unbounded-cache") return ForCache(the);
  if (kind == "listener") return ForListener(the);
  if (kind == "weakref-misuse") return ForWeak(the);
  if (kind == "context")
    return {"remove-entry",
            "`reset()` the variable or drop the entry when the unit of work ends; a ContextVar is made once, at module "
            "level" +
                the.at};
  if (kind == "class-churn") return {"hoist", std::string(kHoistClass) + the.at};
  if (kind == "unfinished-task") return ForTask(the);
  if (kind == "immortal-string")
    return {"bound", "interned strings are never freed: do not intern what comes from outside" + the.at};
  if (kind == "native-memory")
    return {"fix-native",
            "native code keeps memory that it should free: look at the calls into the extension" + the.at};
  if (kind == "lost-reference") return ForLost(the);
  if (kind == "pinned-frame") return ForPinned(the);
  return ForEntries(the);
}

}  // namespace unleak::diagnose
