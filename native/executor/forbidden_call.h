// Tells which call a violation made. The kernel ends the process and says nothing more, so the task runs a second time, with a filter that
// traps where the other one kills: still nothing of the call is done, but a handler notes its number. Only the message hangs on that; the
// verdict stands since the first run, and code that owns its process may well see to it that there is no note, or a false one.
//
// Ownership: the note lies at the end of the result area. Thread: the child's only one writes it, the supervisor reads it after the
// child was reaped. Teardown: none; the area is emptied with the results.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace azr {

struct ForbiddenCall {
  uint32_t written;
  /** As the kernel gives them: AUDIT_ARCH_... and the number. */
  uint32_t architecture;
  int32_t number;
};

/** Exit status of a child that was trapped. */
inline constexpr int kTrappedStatus = 78;

/** The filter with traps in place of kills. */
std::vector<sock_filter> trapping_filter(std::vector<sock_filter> filter);

/** In the child, before its lock: notes a trapped call in `area` and ends the process. False when there can be no handler. */
bool note_forbidden_call(void* area, size_t size);

/** In the supervisor: a sentence for a person on the call that was noted in an area; empty where there is no note. */
std::string describe_forbidden_call(const void* area, size_t size);

}  // namespace azr
