// The system calls that a locked child may make. Everything else is refused with EPERM, or kills the child when only an
// attack would make it.
//
// Ownership: values. Thread: any. Teardown: none. Built into a program by bpf_builder.cc, installed by lockdown.cc.
#pragma once

#include "bpf_builder.h"

namespace azr {

/** The policy of the architecture that this file is compiled for. */
FilterTable seccomp_policy();

}  // namespace azr
