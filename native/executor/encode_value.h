// Writes a Python value as canonical value text, with exact type checks: no code of the program runs, and a value of any
// other type, subclasses included, has no text.
//
// Ownership: writes into the caller's memory. Thread: the only one, with the collector off. Teardown: none.
#pragma once

#include <cstddef>

#include "messages.h"
#include "python_api.h"

namespace azr {

struct Encoded {
  /** kOk, kOutputLimit, kUnrepresentable or kMemoryLimit. */
  Outcome outcome;
  size_t bytes;
  /** Why not; a literal string. */
  const char* message;
};

/** At most `capacity` bytes; sets sorted by the bytes of their elements' texts. */
Encoded encode_value(py::Object* value, char* out, size_t capacity);

}  // namespace azr
