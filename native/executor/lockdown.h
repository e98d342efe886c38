// Takes the powers of a zygote away once, and those of each forked child before it reads its task.
//
// Ownership: none. Thread: the only thread of a zygote or child. Teardown: nothing here can be undone.
// What a child would inherit anyway is done once in the zygote; the child adds what the zygote still needs for itself.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "messages.h"

namespace azr {

/** Numbers of the child's steps, reported when one fails. */
enum class LockStep : uint32_t {
  kNone = 0,
  kParentDeath = 1,
  kDescriptors = 2,
  kLimits = 3,
  kTimer = 4,
  kPrivileges = 5,
  kFilter = 6,
};

/**
 * Signals to default, no dump, static resource limits, user and capabilities dropped when root, no_new_privs, MDWE and
 * Landlock where the kernel has them. Returns the bits of Layer that hold. `problem` is set when a required one failed.
 */
uint32_t harden_zygote(const char** problem);

/** Prepares the seccomp program, so that children only install it. */
std::vector<sock_filter> make_child_filter();

/** First failed step, or kNone; errno is then that step's. `address_bytes` is the zygote's own address space. */
LockStep lock_child(const Command& command, uint64_t address_bytes, int supervisor_pid,
                    const std::vector<sock_filter>& filter);

struct MemorySize {
  /** Bytes of the address space, and how many of them are resident; 0 when unknown. */
  uint64_t address_space = 0;
  uint64_t resident = 0;
};
MemorySize memory_size();

}  // namespace azr
