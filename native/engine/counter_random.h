// Random numbers as a pure function of (seed, stream, index): Philox 4x32-10 (Salmon et al. 2011). No state, so a draw
// does not depend on what was drawn before it or on what else is in the batch. Header only; any thread.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace azr {

inline std::array<uint32_t, 4> Philox(uint64_t key, uint64_t high, uint64_t low) {
  std::array<uint32_t, 4> c{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high),
                            static_cast<uint32_t>(high >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// Uniform in (0, 1), 53 bits.
inline double UniformAt(uint64_t seed, uint64_t stream, uint64_t index) {
  const auto c = Philox(seed, stream, index);
  const uint64_t bits = (static_cast<uint64_t>(c[0]) << 21) ^ (c[1] >> 11);
  return (static_cast<double>(bits & ((1ull << 53) - 1)) + 0.5) * 0x1.0p-53;
}

// Standard normal by Box and Muller.
inline float NormalAt(uint64_t seed, uint64_t stream, uint64_t index) {
  const auto c = Philox(seed, stream, index);
  const double u = (c[0] + 0.5) * 0x1.0p-32, v = (c[1] + 0.5) * 0x1.0p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
}

}  // namespace azr
