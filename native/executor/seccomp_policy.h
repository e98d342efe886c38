// The system calls that a locked child may make. Everything else is refused with EPERM, or kills the child when only an
// attack would make it.
//
// Ownership: values. Thread: any. Teardown: none. Built into a program by bpf_builder.cc, installed by lockdown.cc.
#pragma once

#include "bpf_builder.h"
#include "system_calls.h"

namespace azr {

/** The policy of an architecture, be it another than this machine's. Throws std::logic_error when it names a call that there is not. */
FilterTable seccomp_policy(Architecture architecture = kHostArchitecture);

}  // namespace azr
