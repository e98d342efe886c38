#include "landlock.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace azr {
namespace {

// The kernel's interface, written out here because distribution headers lag behind kernels.
constexpr long kCreateRuleset = 444;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kAskVersion = 1;

struct RulesetAttributes {
  uint64_t handled_files;
  uint64_t handled_network;
  uint64_t scoped;
};

/** Count of file rights by interface version: 13 at first, then rename across folders, truncate, device ioctl. */
uint64_t file_rights(long version) {
  const int count = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
  return (uint64_t{1} << count) - 1;
}

}  // namespace

bool landlock_deny_all() {
  const long version = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < 1) return false;
  RulesetAttributes attributes{file_rights(version), 0, 0};
  size_t size = sizeof attributes.handled_files;
  if (version >= 4) {
    attributes.handled_network = 3;  // bind and connect
    size = 2 * sizeof(uint64_t);
  }
  if (version >= 6) {
    attributes.scoped = 3;  // abstract sockets and signals
    size = sizeof attributes;
  }
  const long ruleset = syscall(kCreateRuleset, &attributes, size, 0);
  if (ruleset < 0) return false;
  const bool in_force = syscall(kRestrictSelf, ruleset, 0) == 0;
  close(static_cast<int>(ruleset));
  return in_force;
}

}  // namespace azr
