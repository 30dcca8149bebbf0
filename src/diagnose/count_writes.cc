#include "diagnose/count_writes.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "diagnose/line_certainty.h"

namespace unleak::diagnose {
namespace {

constexpr u64 kLeast = 16;  // objects or references that look lost
constexpr size_t kMostTypes = 3, kMostExamples = 32, kMostObjects = 4;
constexpr u64 kLeastSeen = 2;  // one alone may be another object, at the address of one that is lost later
constexpr size_t kMostPlaces = 3, kMostLives = 256, kMostRows = 64;
constexpr double kShareOfBest = 0.5;  // of the lives, or of the references too many, that the best place has

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

bool IsInterpreter(const std::string& library) {
  const std::string name = BaseName(library);
  return name.starts_with("python") || name.starts_with("libpython");
}

u64 LostOf(const LookSummary& look, const std::string& type) {
  const auto it = look.audit.types.find(type);
  return it == look.audit.types.end() ? 0 : it->second.lost;
}

// The types of which most objects were lost since the first look (in it, where there is no other).
std::vector<std::string> LostTypes(const std::vector<LookSummary>& looks) {
  std::vector<std::pair<u64, std::string>> order;
  for (const auto& [type, now] : looks.back().audit.types) {
    const u64 before = looks.size() > 1 ? LostOf(looks.front(), type) : 0;
    if (now.lost >= before + kLeast) order.emplace_back(now.lost - before, type);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  std::vector<std::string> types;
  for (const auto& [more, type] : order)
    if (types.size() < kMostTypes) types.push_back(type);
  return types;
}

// Lost objects of a type, spread over all of them.
Json Examples(const graph::Heap& heap, const std::string& type) {
  std::vector<u64> all;
  for (u32 n : heap.surplus_nodes())
    if (IsLost(heap, n) && heap.columns().type_name(n) == type) all.push_back(heap.columns().address[n]);
  Json out = Json::array();
  const size_t step = std::max<size_t>(1, all.size() / kMostExamples);
  for (size_t i = 0; i < all.size() && out.size() < kMostExamples; i += step) out.push_back(all[i]);
  return out;
}

// Objects in use whose count rose most.
Json RisingObjects(const std::vector<LookSummary>& looks) {
  std::vector<std::pair<u64, u64>> order;
  if (looks.size() < 2) return Json::array();
  const auto& before = looks.front().audit.held;
  for (const HeldSurplus& object : looks.back().audit.held) {
    const auto it = std::lower_bound(before.begin(), before.end(), object.address,
                                     [](const HeldSurplus& h, u64 address) { return h.address < address; });
    const u64 then = it != before.end() && it->address == object.address ? it->references : 0;
    if (object.references >= then + kLeast) order.emplace_back(object.references - then, object.address);
  }
  std::sort(order.begin(), order.end(), std::greater<>());
  Json out = Json::array();
  for (const auto& [more, address] : order)
    if (out.size() < kMostObjects) out.push_back(address);
  return out;
}

const Json* ListOf(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? &*it : nullptr;
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

u64 Number(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_unsigned() ? it->get<u64>() : 0;
}

// One write, or the writes of one place.
struct Place {
  std::string library, function, file, python_function;
  u64 line = 0;
  auto operator<=>(const Place&) const = default;
};

// Whether its line was read where the interpreter keeps it.
bool IsSure(const Json& write) {
  const Json* python = ListOf(write, "python");
  return python && !python->empty() && (*python)[0].is_object() && Text((*python)[0], "certainty") == "sure";
}

Place PlaceOf(const Json& write) {
  Place place;
  if (const Json* native = ListOf(write, "native"); native && !native->empty() && (*native)[0].is_object()) {
    place.library = Text((*native)[0], "library");
    place.function = Text((*native)[0], "function");
  }
  if (const Json* python = ListOf(write, "python"); python && !python->empty() && (*python)[0].is_object()) {
    place.file = Text((*python)[0], "file");
    place.python_function = Text((*python)[0], "function");
    place.line = Number((*python)[0], "line");
  }
  return place;
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// How often a place was seen.
struct Votes {
  u64 seen = 0, sure = 0;
};

Json Suspect(const Place& place, const Votes& votes) {
  Json out = {{"function", TextOrNull(place.function)},
              {"library", TextOrNull(BaseName(place.library))},
              {"file", TextOrNull(place.file)},
              {"line", place.line ? Json(place.line) : Json(nullptr)},
              {"calls", votes.seen},
              {"from", "counts"}};
  if (place.line) out["certainty"] = LineCertainty(votes.seen, votes.sure);
  return out;
}

// Places that were seen most, and nearly as often as the best one.
template <class Render>
Json Best(const std::map<Place, Votes>& votes, Render render) {
  std::vector<std::pair<Votes, Place>> order;
  for (const auto& [place, count] : votes) order.emplace_back(count, place);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first.seen > b.first.seen; });
  Json out = Json::array();
  for (const auto& [count, place] : order)
    if (out.size() < kMostPlaces && count.seen >= kLeastSeen &&
        static_cast<double>(count.seen) >= kShareOfBest * static_cast<double>(order[0].first.seen))
      out.push_back(render(place, count));
  return out;
}

}  // namespace

Json WatchNext(const std::vector<LookSummary>& looks, const graph::Heap& last) {
  Json like = Json::array();
  for (const std::string& type : LostTypes(looks)) like.push_back(Examples(last, type));
  Json objects = RisingObjects(looks);
  if (like.empty() && objects.empty()) return nullptr;
  return {{"objects", objects}, {"like", like}};
}

void CountWrites::Observe(const Json& reply) {
  problem_ = reply.is_object() ? Text(reply, "problem") : std::string();
  if (const Json* lives = ListOf(reply, "lives"))
    for (const Json& life : *lives)
      if (ListOf(life, "writes") && pending_.size() < kMostLives) pending_.push_back(life);
  if (const Json* counts = ListOf(reply, "counts"))
    for (const Json& count : *counts)
      if (const Json* places = ListOf(count, "places"))
        for (const Json& place : *places)
          if (auto& rows = counts_[Number(count, "object")]; rows.size() < kMostRows) rows.push_back(place);
}

void CountWrites::Settle(const graph::Heap& heap) {
  const snapshot::Columns& c = heap.columns();
  for (const Json& life : pending_) {
    const u64 address = Number(life, "object");
    const auto it = std::lower_bound(c.address.begin(), c.address.end(), address);
    if (it == c.address.end() || *it != address) continue;
    const u32 node = static_cast<u32>(it - c.address.begin());
    auto& lives = lost_[std::string(c.type_name(node))];
    if (IsLost(heap, node) && lives.size() < kMostLives) lives.push_back(life["writes"]);
  }
  pending_.clear();
}

Json CountWrites::PlacesOfType(const std::string& type) const {
  std::map<Place, Votes> made, held;
  const auto lives = lost_.find(type);
  if (lives != lost_.end())
    for (const Json& writes : lives->second) {
      std::map<Place, bool> natives;
      for (const Json& write : writes) {
        const Place place = PlaceOf(write);
        const bool gave_back = Number(write, "down") > 0;
        if (!gave_back && !place.library.empty() && !IsInterpreter(place.library)) natives[place] |= IsSure(write);
      }
      for (const auto& [place, sure] : natives) ++held[place].seen, held[place].sure += sure;
      if (writes.empty()) continue;
      Place first = PlaceOf(writes[0]);
      first.library.clear(), first.function.clear();
      if (first.line != 0) ++made[first].seen, made[first].sure += IsSure(writes[0]);
    }
  const auto allocated = [](const Place& p, const Votes& votes) -> Json {
    return {{"file", p.file},        {"line", p.line}, {"function", p.python_function},
            {"objects", votes.seen}, {"bytes", 0},     {"certainty", LineCertainty(votes.seen, votes.sure)}};
  };
  return {{"allocated", Best(made, allocated)}, {"suspect", Best(held, Suspect)}};
}

Json CountWrites::PlacesOfObject(u64 address) const {
  std::map<Place, i64> more;
  std::map<Place, bool> sure;
  const auto rows = counts_.find(address);
  if (rows != counts_.end())
    for (const Json& row : rows->second) {
      sure[PlaceOf(row)] |= IsSure(row);
      more[PlaceOf(row)] += static_cast<i64>(Number(row, "up")) - static_cast<i64>(Number(row, "down"));
    }
  // Not those of the interpreter itself: it takes and gives back for everybody, at places far from each other.
  std::map<Place, Votes> votes;
  for (const auto& [place, count] : more)
    if (count > 0 && !place.library.empty() && !IsInterpreter(place.library))
      votes[place] = {static_cast<u64>(count), sure[place] ? static_cast<u64>(count) : 0};
  return {{"allocated", Json::array()}, {"suspect", Best(votes, Suspect)}};
}

}  // namespace unleak::diagnose
