#include "engine/weight_format.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kQ8Bytes = kQ8Block + static_cast<int64_t>(sizeof(uint16_t));

bool IsFinite(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

}  // namespace

WeightFormat WeightFormatNamed(const std::string& name) {
  if (name == "f32") return WeightFormat::kFloat32;
  if (name == "bf16") return WeightFormat::kBfloat16;
  if (name == "q8") return WeightFormat::kQ8;
  throw EngineError("AZR_INPUT_INVALID", "weights are held as f32, bf16 or q8, and not as " + name);
}

uint16_t RoundToBfloat16(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

void RoundToBfloat16(const float* values, int64_t count, uint16_t* out) {
  int64_t i = 0;
#ifdef __AVX512BF16__
  for (; i + 32 <= count; i += 32) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(values + i + 16), _mm512_loadu_ps(values + i));
    std::memcpy(out + i, &both, sizeof(both));
  }
#endif
  for (; i < count; ++i) out[i] = RoundToBfloat16(values[i]);
}

float WidenHalf(uint16_t bits) { return static_cast<float>(c10::Half(bits, c10::Half::from_bits())); }

uint16_t QuantizeBlock(const float* values, int64_t count, int8_t q[kQ8Block]) {
  float largest = 0.0f;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  const float scale = largest / 127.0f, inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  std::memset(q, 0, kQ8Block);
  // Scales so small that their inverse is infinite stand for zeros.
  if (std::isfinite(inverse)) {
    for (int64_t i = 0; i < count; ++i) q[i] = static_cast<int8_t>(std::round(values[i] * inverse));
  }
  return c10::Half(scale).x;
}

int64_t RowBytes(WeightFormat format, int64_t width) {
  switch (format) {
    case WeightFormat::kFloat32: return width * static_cast<int64_t>(sizeof(float));
    case WeightFormat::kBfloat16: return width * static_cast<int64_t>(sizeof(uint16_t));
    case WeightFormat::kQ8: return (width + kQ8Block - 1) / kQ8Block * kQ8Bytes;
  }
  return 0;
}

bool EncodeRow(WeightFormat format, const float* values, int64_t width, uint8_t* out) {
  bool fits = true;
  if (format == WeightFormat::kFloat32) {
    std::memcpy(out, values, width * sizeof(float));
  } else if (format == WeightFormat::kBfloat16) {
    for (int64_t i = 0; i < width; ++i) {
      const uint16_t rounded = RoundToBfloat16(values[i]);
      std::memcpy(out + i * sizeof(rounded), &rounded, sizeof(rounded));
      fits = fits && (rounded & 0x7f80) != 0x7f80;
    }
  } else {
    for (int64_t i = 0; i < width; i += kQ8Block, out += kQ8Bytes) {
      const uint16_t scale = QuantizeBlock(values + i, std::min(kQ8Block, width - i),
                                           reinterpret_cast<int8_t*>(out + sizeof(uint16_t)));
      std::memcpy(out, &scale, sizeof(scale));
      fits = fits && IsFinite(scale);
    }
  }
  return fits;
}

void DecodeRow(WeightFormat format, const uint8_t* row, int64_t width, float* out) {
  if (format == WeightFormat::kFloat32) {
    std::memcpy(out, row, width * sizeof(float));
  } else if (format == WeightFormat::kBfloat16) {
    for (int64_t i = 0; i < width; ++i) {
      uint16_t bits;
      std::memcpy(&bits, row + i * sizeof(bits), sizeof(bits));
      out[i] = WidenBfloat16(bits);
    }
  } else {
    for (int64_t i = 0; i < width; i += kQ8Block, row += kQ8Bytes) {
      uint16_t bits;
      std::memcpy(&bits, row, sizeof(bits));
      const float scale = WidenHalf(bits);
      const auto* q = reinterpret_cast<const int8_t*>(row + sizeof(bits));
      for (int64_t j = 0; j < std::min(kQ8Block, width - i); ++j) out[i + j] = scale * static_cast<float>(q[j]);
    }
  }
}

}  // namespace azr
