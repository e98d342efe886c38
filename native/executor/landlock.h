// Landlock: forbids the process every file, TCP port, abstract socket and foreign signal that this kernel can forbid.
//
// Ownership: none. Thread: the only thread. Teardown: irreversible, inherited. Needs no_new_privs.
#pragma once

namespace azr {

/** True when a deny-all rule set is in force; false when the kernel has no Landlock. */
bool landlock_deny_all();

}  // namespace azr
