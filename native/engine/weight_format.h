// How the weights of matrices are held for products: single precision, bfloat16, or eight-bit integers that share a
// scale in blocks of 32 (GGUF's Q8_0). One definition of each rounding, so that a matrix, an embedding row and a file
// that hold the same weights round them alike. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace azr {

enum class WeightFormat { kFloat32, kBfloat16, kQ8 };

inline constexpr int64_t kQ8Block = 32;

// `f32`, `bf16` or `q8`. Throws AZR_INPUT_INVALID for another name.
WeightFormat WeightFormatNamed(const std::string& name);

// To the nearest, to even on a tie; not a number stays one.
uint16_t RoundToBfloat16(float value);
void RoundToBfloat16(const float* values, int64_t count, uint16_t* out);
inline float WidenBfloat16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  return __builtin_bit_cast(float, wide);
}

// One block: q[i] = round(values[i] / scale), halves away from zero, scale = largest magnitude / 127; the scale is
// returned rounded to half precision (ggml's reference rounding of Q8_0). `count` <= 32; q beyond it are zero.
uint16_t QuantizeBlock(const float* values, int64_t count, int8_t q[kQ8Block]);
float WidenHalf(uint16_t bits);

// A row of `width` values in a format: bytes it takes, and both ways. EncodeRow says whether every value fits the
// format's range.
int64_t RowBytes(WeightFormat format, int64_t width);
bool EncodeRow(WeightFormat format, const float* values, int64_t width, uint8_t* out);
void DecodeRow(WeightFormat format, const uint8_t* row, int64_t width, float* out);

}  // namespace azr
