// One classifier a file; classify.cc asks them in this order.
#pragma once

#include <algorithm>

#include "diagnose/classify.h"

namespace unleak::diagnose {

std::optional<Class> ClassifyCache(const Place& place);
std::optional<Class> ClassifyWeak(const Place& place);
std::optional<Class> ClassifyUnfinished(const Place& place);
std::optional<Class> ClassifyPinnedFrame(const Place& place);
std::optional<Class> ClassifyContext(const Place& place);
std::optional<Class> ClassifyChurn(const Place& place);
std::optional<Class> ClassifyListener(const Place& place);
std::optional<Class> ClassifyRegistry(const Place& place);

}  // namespace unleak::diagnose
