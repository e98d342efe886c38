// Errors of the engine. Every failure leaves native/engine as an EngineError that carries one of the package's stable
// codes (the list in src/errors.ts); the addon turns it into a rejected promise. Thread-safe: plain values only.
#pragma once

#include <stdexcept>
#include <string>

namespace azr {

class EngineError : public std::runtime_error {
 public:
  EngineError(const char* code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;  // a string literal
};

}  // namespace azr
