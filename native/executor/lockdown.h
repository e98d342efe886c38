// Takes the powers of a zygote away once, and those of each forked child before it reads its task.
//
// Ownership: none. Thread: the only thread of a zygote or child. Teardown: nothing here can be undone.
// What a child would inherit anyway is done once in the zygote; the child adds what the zygote still needs for itself.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "messages.h"

namespace azr {

/** Numbers of the child's steps, reported when one fails. */
enum class LockStep : uint32_t {
  kNone = 0,
  kParentDeath = 1,
  kDescriptors = 2,
  kMemory = 3,
  kProcessorSeconds = 4,
  kCounts = 5,
  kProcessorTimer = 6,
  kWallTimer = 7,
  kPrivileges = 8,
  kFilter = 9,
};

/** One power that a zygote gives away for itself and for all its children. */
struct ZygoteStep {
  const char* name;
  /** What is said when it fails; null where the zygote can go without, and only the missing layer is told. */
  const char* problem;
  /** Adds the bits of Layer that hold from then on. */
  bool (*take)(uint32_t* layers);
};

/** What a child's steps need to know. */
struct ChildLock {
  const Command& command;
  /** The zygote's own address space. */
  uint64_t address_bytes;
  int supervisor_pid;
  const std::vector<sock_filter>& filter;
};

struct ChildStep {
  LockStep step;
  bool (*take)(const ChildLock& lock);
};

/** In the order in which they are taken. Tests take them without one, to see what that one is good for; nothing else leaves one out. */
std::span<const ZygoteStep> zygote_steps();
std::span<const ChildStep> child_steps();

/**
 * Signals to default, no dump, static resource limits, user and capabilities dropped when root, namespaces of its own, no_new_privs,
 * MDWE and Landlock where the kernel has them. Returns the bits of Layer that hold. `problem` is set when a required one failed.
 */
uint32_t harden_zygote(const char** problem);

/** Prepares the seccomp program, so that children only install it. */
std::vector<sock_filter> make_child_filter();

/** First failed step, or kNone; errno is then that step's. */
LockStep lock_child(const ChildLock& lock);

struct MemorySize {
  /** Bytes of the address space, and how many of them are resident; 0 when unknown. */
  uint64_t address_space = 0;
  uint64_t resident = 0;
};
MemorySize memory_size();

}  // namespace azr
