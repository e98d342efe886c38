// Finds the real interpreter behind a name: a version manager's `python3` may be a shell script, which must not be
// preloaded into.
//
// Ownership: none. Thread: start-up only. Teardown: none.
#pragma once

#include <string>

namespace azr {

/** Path of the interpreter's own binary. Empty with `problem` set when it does not run or is older than 3.11. */
std::string resolve_python(const std::string& name, std::string* problem);

}  // namespace azr
