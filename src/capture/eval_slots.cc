#include "capture/eval_slots.h"

namespace unleak::capture {
namespace {

constexpr size_t kLeastRows = 3, kMostRows = 4096;
constexpr u32 kLeastFrames = 8;
constexpr double kAlways = 0.9, kSeldom = 0.1;  // of the frames

}  // namespace

bool EvalSlots::IsLoop(std::string_view name) { return name.starts_with("_PyEval_EvalFrameDefault"); }

void EvalSlots::Count(const EvalFrame& frame, Function* function) {
  ++function->frames;
  for (const EvalFrame::Held& held : frame.held) {
    ++function->slots[held.slot];
    if (function->rows.size() < kMostRows) function->rows.insert(held.row);
  }
  function->holding += !frame.held.empty();
  const std::pair<size_t, u32> held(function->rows.size(), function->holding);
  if (held > most_) {
    most_ = held;
    busiest_ = frame.function;
  }
}

EvalSlots::Choice EvalSlots::Choose(
    const EvalFrame& frame, const std::function<bool(const EvalFrame::Held&, const EvalFrame::Held&)>& same) const {
  const auto at = functions_.find(frame.function);
  if (at == functions_.end() || frame.held.empty()) return {};
  const Function& function = at->second;
  if (!function.named && frame.function != busiest_) return {};
  const auto share = [&](const EvalFrame::Held& held) {
    return static_cast<double>(function.slots.at(held.slot)) / static_cast<double>(function.frames);
  };
  const EvalFrame::Held* best = &frame.held.front();
  for (const EvalFrame::Held& held : frame.held)
    if (share(held) > share(*best)) best = &held;
  const bool always = function.frames >= kLeastFrames && share(*best) >= kAlways;
  const bool known = function.named || function.rows.size() >= kLeastRows;
  if (!known && !always) return {};
  bool sure = known && always;
  for (const EvalFrame::Held& held : frame.held) {
    if (share(held) > kSeldom || same(held, *best)) continue;
    sure = false;
    if (held.row == best->row && held.pointer > best->pointer) best = &held;
  }
  return {best, sure};
}

}  // namespace unleak::capture
