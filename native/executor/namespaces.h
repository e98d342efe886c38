// Moves a zygote, and so its children, into namespaces of their own: an empty and read-only file system, no network, no shared memory
// or queues of others, a host name and control groups of its own. Depth behind the seccomp filter, which allows no call that could use
// any of these.
//
// There is no namespace of process ids among them: children are the supervisor's own, which reaps them and measures them by their number, and
// inside such a namespace the zygote would know them by other numbers. What it would add is kept by the filter, Landlock's scope of signals, and
// the parent-death signal; what a program sees as its process id is made up anyway (virtual_clock.cc).
//
// Ownership: none. Thread: the only thread of a zygote. Teardown: with the last process inside.
#pragma once

namespace azr {

/** False where the kernel or its policy does not let an unprivileged process make them; then nothing has changed that matters. */
bool enter_namespaces();

}  // namespace azr
