#include "diagnose/answers.h"

namespace unleak::diagnose {

const Json* Answer(const Json& answers, const std::string& id) {
  const auto all = answers.find("answers");
  if (all == answers.end() || !all->is_object()) return nullptr;
  const auto it = all->find(id);
  return it == all->end() || !it->is_object() ? nullptr : &*it;
}

}  // namespace unleak::diagnose
