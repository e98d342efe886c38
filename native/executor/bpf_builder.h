// Assembles a seccomp filter from a table of rules: one row a system call, with conditions on its arguments.
//
// Ownership: values. Thread: any. Teardown: none. Neighbours: seccomp_policy.cc (the table), bpf_evaluator.h (tests).
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace azr {

/** One condition on a 64-bit argument; both halves are always compared. */
struct ArgumentCheck {
  enum class Kind : uint8_t {
    /** No bit outside `value` is set. */
    kWithin,
    /** Every bit of `value` is set. */
    kContains,
    /** Equal to one of `values`. */
    kOneOf,
    /** The low half equals `value`; for C `int` arguments, whose high half is undefined. */
    kLowEquals,
  };
  uint8_t index;
  Kind kind;
  uint64_t value;
  std::vector<uint32_t> values;
};

/** Allowed when every check holds; otherwise the default action. */
struct AllowRule {
  uint32_t number;
  std::vector<ArgumentCheck> checks;
};

struct FilterTable {
  /** AUDIT_ARCH_*; any other architecture is killed. */
  uint32_t architecture;
  /** System call numbers from here up are killed (the x32 numbers); 0 = no such bound. */
  uint32_t number_bound;
  std::vector<AllowRule> allowed;
  /** Numbers that only an attack uses: the process is killed. */
  std::vector<uint32_t> killed;
  /** Numbers that are answered with an errno other than the default. */
  struct ErrnoRule {
    uint32_t number;
    uint16_t value;
  };
  std::vector<ErrnoRule> errors;
  uint16_t default_errno;
};

/**
 * The program: the architecture, then a binary search of the number, then the checks of its row. A child pays for the length of that way once for
 * each number there is, because the kernel tries them all when a filter is installed. A number in several lists is allowed before it is
 * answered with an error, and that before it is killed.
 */
std::vector<sock_filter> build_filter(const FilterTable& table);

}  // namespace azr
