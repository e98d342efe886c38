// Numbers and names of the system calls of both architectures, whatever machine this is compiled for and on.
//
// Ownership: constants. Thread: any. Teardown: none. Used by seccomp_policy.cc, and to tell which call a violation made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace azr {

enum class Architecture : uint8_t { kX86_64, kArm64 };

inline constexpr Architecture kArchitectures[] = {Architecture::kX86_64, Architecture::kArm64};

#if defined(__x86_64__)
inline constexpr Architecture kHostArchitecture = Architecture::kX86_64;
#elif defined(__aarch64__)
inline constexpr Architecture kHostArchitecture = Architecture::kArm64;
#else
#error "the executor runs on x86-64 and arm64"
#endif

/** The kernel's name for it (AUDIT_ARCH_*), as a seccomp filter sees it. */
uint32_t audit_architecture(Architecture architecture);

/** A name as people know it ("i386"), also of architectures without a table here; nullptr for one that is not known. */
const char* audit_architecture_name(uint32_t audit_architecture);

/** From here up no number is the architecture's own: x86-64 has the x32 calls there. 0 where there is no such bound. */
uint32_t system_call_bound(Architecture architecture);

/** A row of the table; a number is negative where the architecture has no such call. */
struct SystemCall {
  const char* name;
  int x86_64;
  int arm64;
};

/** All rows, `count` of them. */
const SystemCall* system_calls(size_t* count);

/** Whether a row has this name, be it a call of another architecture. */
bool is_system_call_name(std::string_view name);

/** Nothing for a name that the architecture does not have. */
std::optional<long> system_call_number(Architecture architecture, std::string_view name);

/** nullptr for a number that the table does not have. */
const char* system_call_name(Architecture architecture, long number);

/** The same for a call as a filter saw it: nullptr also when it was made the way of another architecture than this. */
const char* system_call_name(Architecture architecture, uint32_t audit_architecture, long number);

}  // namespace azr
