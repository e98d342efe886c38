// A child that locks itself as a zygote's do and then runs native code of a test: what an attacker has who owns the process.
//
// Ownership: each call forks, reaps and unmaps its own. Thread: one. Teardown: none.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "lockdown.h"
#include "result_slot.h"

namespace azr {

inline constexpr size_t kSlotBytes = 64 << 10;

struct LockedChild {
  uint32_t cpu_ms = 2000;
  uint64_t memory_bytes = 64u << 20;
  /** The process that it takes for its parent; 0 = the real one. */
  int parent = 0;
  /** In place of the policy's. */
  std::vector<sock_filter> filter = make_child_filter();
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

/** Runs `work` in a child that is locked like a zygote's; the lock's own failure gives an exit code from 100 up. */
inline Result in_locked_child(const std::function<void(SlotWriter&)>& work, const LockedChild& options = {}) {
  void* area = mmap(nullptr, kSlotBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(area, MAP_FAILED);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    const char* problem = nullptr;
    const uint64_t address_bytes = memory_size().address_space;  // hardened, it could not read /proc any more
    harden_zygote(&problem);
    if (problem != nullptr || address_bytes == 0) leave(99);
    Command command;
    command.cpu_ms = options.cpu_ms;
    command.wall_ms = 5000;
    command.memory_bytes = options.memory_bytes;
    const LockStep failed = lock_child({command, address_bytes, options.parent != 0 ? options.parent : parent, options.filter});
    if (failed != LockStep::kNone) leave(100 + static_cast<int>(failed));
    SlotWriter slot(area, kSlotBytes);
    work(slot);
    leave(0);
  }
  Result result;
  EXPECT_EQ(waitpid(pid, &result.status, 0), pid);
  result.view = read_slot(area, kSlotBytes, 1, 1024);
  result.records = result.view.records;
  munmap(area, kSlotBytes);
  return result;
}

}  // namespace azr
