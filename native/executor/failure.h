// Turns the current Python exception into the nearest builtin class and a short text, without running any code of the
// program: no __str__, no __repr__, no metaclass.
//
// Ownership: static buffer. Thread: the only one. Teardown: none.
#pragma once

#include <string_view>

namespace azr {

struct Failure {
  /** Name of the first builtin exception class along the method resolution order, by identity. */
  std::string_view label;
  /** At most 400 bytes of the exception's own text; may be empty. */
  std::string_view message;
};

/** Fetches the current exception and clears it. The views stay valid until the next call. */
Failure take_failure();

}  // namespace azr
