// Decides the outcome of a task from how its child ended. The child's own word counts only when it ended by itself.
//
// Ownership: values. Thread: any. Teardown: none.
#pragma once

#include <cstdint>
#include <vector>

#include "messages.h"
#include "result_slot.h"

namespace azr {

struct Ending {
  /** As wait4 gives it. */
  int wait_status = 0;
  uint64_t cpu_us = 0;
  uint64_t wall_us = 0;
  uint64_t peak_bytes = 0;
  /** The supervisor killed it at the wall limit. */
  bool wall_killed = false;
  LockReport lock{};
};

/** Exactly `expected` records. kSandboxError means that the task may be tried again. */
std::vector<RunRecord> classify(const Ending& ending, SlotView view, const Limits& limits, size_t expected);

}  // namespace azr
