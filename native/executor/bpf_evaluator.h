// Runs a classic BPF program over one seccomp_data record in user space, so that the policy is testable without a kernel.
//
// Ownership: borrows the program. Thread: any. Teardown: none. Only the instructions that seccomp filters use.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace azr {

/** The action word, or nothing when the program is not valid (bad jump, unknown instruction, no return). */
std::optional<uint32_t> evaluate_filter(const std::vector<sock_filter>& program, const seccomp_data& data);

}  // namespace azr
