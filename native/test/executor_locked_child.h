// A child that locks itself as a zygote's do and then runs native code of a test: what an attacker has who owns the process. Steps of the lock
// can be left out, to see what each is good for.
//
// Ownership: each call forks, reaps and unmaps its own. Thread: one. Teardown: none.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "lockdown.h"
#include "result_slot.h"

namespace azr {

inline constexpr size_t kSlotBytes = 64 << 10;

struct LockedChild {
  uint32_t cpu_ms = 2000;
  uint32_t wall_ms = 5000;
  uint64_t memory_bytes = 64u << 20;
  /** The process that it takes for its parent; 0 = the real one. */
  int parent = 0;
  /** In place of the policy's. */
  std::vector<sock_filter> filter = make_child_filter();
  /** Names of steps of the zygote that are not taken, and steps of the child. */
  std::set<std::string> without_zygote_steps = {};
  std::set<LockStep> without_child_steps = {};
  /** Runs in the zygote before its first step, and in the child before its first. */
  std::function<void()> before_zygote = {};
  std::function<void()> before_child = {};
  /** Runs in this process once the child runs. */
  std::function<void(pid_t child)> meanwhile = {};
};

struct Result {
  int status = 0;
  SlotView view;
  std::vector<RunRecord> records;
};

/** Inlined, because AddressSanitizer makes system calls of its own before it calls what does not return. */
[[noreturn, gnu::always_inline]] inline void leave(int code) {
  for (;;) syscall(SYS_exit_group, code);
}

/** The zygote's part of the lock, less the steps that are left out. */
inline void harden_zygote_without(const std::set<std::string>& without) {
  uint32_t layers = 0;
  for (const ZygoteStep& step : zygote_steps()) {
    if (without.count(step.name) == 0 && !step.take(&layers) && step.problem != nullptr) leave(99);
  }
}

/** The child's part. */
inline LockStep lock_child_without(const ChildLock& lock, const std::set<LockStep>& without) {
  for (const ChildStep& step : child_steps()) {
    if (without.count(step.step) == 0 && !step.take(lock)) return step.step;
  }
  return LockStep::kNone;
}

/**
 * Runs `work` in a child that is locked like a zygote's: one process gives its powers away and forks another that becomes this one's
 * child. The lock's own failure gives an exit code from 99 up.
 */
inline Result in_locked_child(const std::function<void(SlotWriter&)>& work, const LockedChild& options = {}) {
  void* area = mmap(nullptr, kSlotBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* number = static_cast<pid_t*>(mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  EXPECT_NE(area, MAP_FAILED);
  EXPECT_NE(static_cast<void*>(number), MAP_FAILED);
  const pid_t parent = getpid();
  const pid_t zygote = fork();
  if (zygote == 0) {
    const uint64_t address_bytes = memory_size().address_space;  // hardened, it could not read /proc any more
    if (address_bytes == 0) leave(98);
    if (options.before_zygote) options.before_zygote();
    harden_zygote_without(options.without_zygote_steps);
    const long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (child != 0) {
      *number = static_cast<pid_t>(child);
      leave(child < 0 ? 97 : 0);
    }
    if (options.before_child) options.before_child();
    Command command;
    command.cpu_ms = options.cpu_ms;
    command.wall_ms = options.wall_ms;
    command.memory_bytes = options.memory_bytes;
    const ChildLock lock{command, address_bytes, options.parent != 0 ? options.parent : parent, options.filter};
    const LockStep failed = lock_child_without(lock, options.without_child_steps);
    if (failed != LockStep::kNone) leave(100 + static_cast<int>(failed));
    SlotWriter slot(area, kSlotBytes);
    work(slot);
    leave(0);
  }
  Result result;
  EXPECT_EQ(waitpid(zygote, &result.status, 0), zygote);
  if (result.status == 0) {
    if (options.meanwhile) options.meanwhile(*number);
    EXPECT_EQ(waitpid(*number, &result.status, 0), *number);
  }
  result.view = read_slot(area, kSlotBytes, 1, 1024);
  result.records = result.view.records;
  munmap(area, kSlotBytes);
  munmap(number, sizeof(pid_t));
  return result;
}

}  // namespace azr
