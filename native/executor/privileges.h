// Gives root's powers away.
//
// Ownership: none. Thread: the only thread of a zygote. Teardown: nothing here can be undone.
#pragma once

#include <sys/types.h>

namespace azr {

/** An id that owns nothing; within the range that every container maps. */
inline constexpr uid_t kNobody = 65534;

/**
 * Nobody's user and group, no other groups, no capabilities. Inside a user namespace that maps root alone, as `unshare -r` makes it, there is
 * nobody else to become: where that root is an ordinary user outside, it is left without capabilities in a namespace of its own that calls it
 * nobody. False where the process would stay root.
 */
bool become_unprivileged();

/** Takes all capabilities, also those that a later program could get back. */
bool drop_capabilities();

/** A new user namespace in which this process's user and group go by these numbers, with all capabilities inside it and none outside. */
bool enter_user_namespace(uid_t user, gid_t group);

}  // namespace azr
