// Sixteen-lane float vectors on the compiler's vector extension, with the exponential that every softmax and SiLU of
// the engine uses. One definition of each operation, so that prefill, decode and training round alike. Header only,
// no state; any thread.
#pragma once

#include <cmath>
#include <cstdint>

namespace azr {

inline constexpr int kLanes = 16;

typedef float Vec __attribute__((vector_size(64)));
typedef float VecUnaligned __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(64)));

inline Vec Load(const float* p) { return *reinterpret_cast<const VecUnaligned*>(p); }
inline void Store(float* p, Vec v) { *reinterpret_cast<VecUnaligned*>(p) = v; }
inline Vec Broadcast(float x) {
  return Vec{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

// Sum of the lanes as a fixed tree: the same lanes give the same bits wherever it is called.
inline float HorizontalSum(Vec v) {
  float lane[kLanes];
  Store(lane, v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

inline float HorizontalMax(Vec v) {
  float lane[kLanes];
  Store(lane, v);
  float best = lane[0];
  for (int i = 1; i < kLanes; ++i) best = lane[i] > best ? lane[i] : best;
  return best;
}

// Rows become columns: four rounds of interleaving each row with the one half the matrix further.
inline void Transpose16(Vec rows[kLanes]) {
  Vec mixed[kLanes];
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kLanes / 2; ++i) {
      const Vec a = rows[i], b = rows[i + kLanes / 2];
      mixed[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      mixed[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < kLanes; ++i) rows[i] = mixed[i];
  }
}

inline Vec Max(Vec a, Vec b) { return a > b ? a : b; }

// e^x to about 1 ulp: range reduction by ln 2 in two parts, then the degree-6 Taylor-like polynomial of Cephes' expf.
// Arguments are clamped to [-87.3, 88.3], so the result is finite and at least 1e-38.
inline Vec Exp(Vec x) {
  x = Max(x, Broadcast(-87.3f));
  x = x < Broadcast(88.3f) ? x : Broadcast(88.3f);
  const Vec magic = Broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  const Vec shifted = x * Broadcast(1.44269504088896341f) + magic;
  const Vec n = shifted - magic;
  Vec r = x - n * Broadcast(0.693359375f);
  r = r - n * Broadcast(-2.12194440e-4f);
  Vec p = Broadcast(1.9875691500e-4f);
  p = p * r + Broadcast(1.3981999507e-3f);
  p = p * r + Broadcast(8.3334519073e-3f);
  p = p * r + Broadcast(4.1665795894e-2f);
  p = p * r + Broadcast(1.6666665459e-1f);
  p = p * r + Broadcast(5.0000001201e-1f);
  p = p * r * r + r + Broadcast(1.0f);
  const IntVec exponent = (reinterpret_cast<IntVec>(shifted) - reinterpret_cast<IntVec>(magic)) << 23;
  return reinterpret_cast<Vec>(reinterpret_cast<IntVec>(p) + exponent);
}

}  // namespace azr
