#include "classify.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <string>

namespace azr {
namespace {

RunRecord verdict(Outcome outcome, std::string message, std::string error = "") {
  RunRecord record;
  record.outcome = outcome;
  record.message = std::move(message);
  record.error = std::move(error);
  return record;
}

RunRecord of_signal(int number, const Ending& ending, const Limits& limits) {
  // The hard limit lies a second and more behind the timer: who is killed before has not met it, however near.
  const bool used_cpu = ending.cpu_us >= uint64_t{limits.cpu_ms} * 1000;
  // Growth is bounded by address space, so a child that crashed near its budget in resident memory crashed for lack of it.
  const bool used_memory = ending.peak_bytes >= ending.base_bytes + limits.memory_bytes / 10 * 9;
  const std::string name = std::string("killed by ") + strsignal(number);
  switch (number) {
    case SIGSYS:
      return verdict(Outcome::kViolation, "made a system call that only an attack makes");
    case SIGXCPU:
      return verdict(Outcome::kTimeLimit, "processor time limit");
    case SIGKILL:
      if (used_cpu) return verdict(Outcome::kTimeLimit, "processor time limit");
      // Its own memory limit makes allocations fail and kills nobody: this was an operator, or a machine without memory.
      return verdict(Outcome::kSandboxError, "killed from outside");
    case SIGSEGV:
    case SIGBUS:
      if (used_memory) return verdict(Outcome::kMemoryLimit, "crashed for lack of memory");
      return verdict(Outcome::kRuntimeError, "the interpreter crashed (" + name + ")", "SystemError");
    case SIGABRT:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
      return verdict(Outcome::kRuntimeError, "the interpreter crashed (" + name + ")", "SystemError");
    default:
      // A locked child cannot signal itself.
      return verdict(Outcome::kSandboxError, name + " from outside");
  }
}

RunRecord of_ending(const Ending& ending, const Limits& limits) {
  if (ending.wall_killed && ending.lock.locked == 0) return verdict(Outcome::kSandboxError, "stuck before it was locked");
  if (ending.wall_killed) {
    if (is_starved(ending.cpu_us, ending.wall_us)) return verdict(Outcome::kSandboxError, "kept from the processor by other work");
    return verdict(Outcome::kTimeLimit, "wall clock limit");
  }
  if (WIFSIGNALED(ending.wait_status)) {
    if (ending.lock.locked == 0 && WTERMSIG(ending.wait_status) != SIGXCPU) {
      return verdict(Outcome::kSandboxError, "died before it was locked");
    }
    return of_signal(WTERMSIG(ending.wait_status), ending, limits);
  }
  if (ending.lock.locked == 0) {
    return verdict(Outcome::kSandboxError, "lockdown step " + std::to_string(ending.lock.failed_step) + " failed: " +
                                               strerror(static_cast<int>(ending.lock.failed_errno)));
  }
  return verdict(Outcome::kRuntimeError, "ended before it had a result", "SystemExit");
}

}  // namespace

std::vector<RunRecord> classify(const Ending& ending, SlotView view, const Limits& limits, size_t expected) {
  const bool clean = WIFEXITED(ending.wait_status) && WEXITSTATUS(ending.wait_status) == 0 && !ending.wall_killed;
  const bool complete = clean && view.well_formed && view.complete && view.records.size() == expected;
  std::vector<RunRecord> records;
  if (complete) {
    records = std::move(view.records);
  } else if (expected > 1 && view.well_formed && view.records.size() < expected) {
    // Inputs that were answered before the end keep their answers; the rest share its cause.
    records = std::move(view.records);
  }
  if (records.size() < expected) {
    const RunRecord rest = of_ending(ending, limits);
    if (rest.outcome == Outcome::kSandboxError) records.clear();
    records.resize(expected, rest);
  }
  for (RunRecord& record : records) {
    record.cpu_us = static_cast<uint32_t>(ending.cpu_us / (expected == 0 ? 1 : expected));
    record.wall_us = static_cast<uint32_t>(ending.wall_us / (expected == 0 ? 1 : expected));
  }
  return records;
}

}  // namespace azr
