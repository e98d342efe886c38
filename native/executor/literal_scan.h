// Reads the everyday subset of literals straight into Python objects: decimal integers, plain floats, unescaped strings,
// True, False, None, and lists, tuples, dicts and sets of them. It answers only where Python's own grammar would give the
// same value; for everything else it says nothing and the syntax-tree parser (literal.py.inc) decides.
//
// Ownership: returns new references. Thread: the only one. Teardown: none. Saves about a hundred page faults a run.
#pragma once

#include <string_view>

#include "python_api.h"

namespace azr {

/** A tuple of the positional arguments, or null without an exception when the text is not in the subset. */
py::Object* scan_arguments(std::string_view text);

}  // namespace azr
