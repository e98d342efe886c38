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
  /** Most resident memory, and what of it was the zygote's already. */
  uint64_t peak_bytes = 0;
  uint64_t base_bytes = 0;
  /** The supervisor killed it at the wall limit. */
  bool wall_killed = false;
  LockReport lock{};
};

/**
 * A locked child cannot wait for anything, so one that has had its processor for less than half of the time was kept from it: by the load of
 * the machine, which must not reach a verdict.
 */
constexpr bool is_starved(uint64_t cpu_us, uint64_t wall_us) { return cpu_us * 2 < wall_us; }

/** Exactly `expected` records. kSandboxError means that the task may be tried again. */
std::vector<RunRecord> classify(const Ending& ending, SlotView view, const Limits& limits, size_t expected);

}  // namespace azr
