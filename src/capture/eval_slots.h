// Where the interpreter's evaluation loop keeps its pointer to the next instruction of Python: in which register or
// place of its part of the stack. That is the compiler's choice, of each build; it is learned from many samples.
//
// The loop is known by its name, or, where the names were stripped, as the function that holds pointers into the most
// different code objects; where only one or two were seen, nothing is sure. In a build whose loop is many functions
// (tail calls) only the busiest of them is known.
#pragma once

#include <functional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/types.h"

namespace unleak::capture {

// What one function on a stack held.
struct EvalFrame {
  struct Held {
    u32 slot = 0;     // a register's number, or kFirstPlace + words from the end of the function's part of the stack
    u32 row = 0;      // of the code object
    u64 pointer = 0;  // into its instructions
  };
  static constexpr u32 kFirstPlace = 16;
  u64 function = 0;  // where its code begins
  std::vector<Held> held;
};

class EvalSlots {
 public:
  // Counts a function that was on a stack; `name` is asked for where it is seen first.
  template <class Name>
  void Add(const EvalFrame& frame, Name name) {
    if (functions_.size() == kMostFunctions && !functions_.contains(frame.function)) return;
    const auto [at, fresh] = functions_.try_emplace(frame.function);
    if (fresh) at->second.named = IsLoop(name());
    Count(frame, &at->second);
  }
  struct Choice {
    const EvalFrame::Held* held = nullptr;  // null: the function is not the loop
    bool sure = false;
  };
  // The pointer that counts in this function: that of the slot which has one nearly always. One of a slot that seldom
  // has one and that tells another line may be a home for the time of few instructions: then nothing is sure, and of
  // two lines of one code object the later one is taken. `same` tells whether two pointers are of one line.
  Choice Choose(const EvalFrame& frame,
                const std::function<bool(const EvalFrame::Held&, const EvalFrame::Held&)>& same) const;

 private:
  static constexpr size_t kMostFunctions = 1 << 13;
  struct Function {
    bool named = false;
    u32 frames = 0, holding = 0;  // those in which it held a pointer
    std::unordered_set<u32> rows;
    std::unordered_map<u32, u32> slots;  // in how many frames each held a pointer
  };
  static bool IsLoop(std::string_view name);
  void Count(const EvalFrame& frame, Function* function);

  std::unordered_map<u64, Function> functions_;
  u64 busiest_ = 0;  // the function with most code objects, of several the one that held pointers most often
  std::pair<size_t, u32> most_;
};

}  // namespace unleak::capture
