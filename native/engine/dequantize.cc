#include "engine/dequantize.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstring>

#include "engine/status.h"

namespace azr {
namespace {

constexpr StorageFormat kFormats[] = {{"F32", 1, 4},    {"F16", 1, 2},    {"BF16", 1, 2},    {"Q8_0", 32, 34},
                                      {"Q4_0", 32, 18}, {"Q4_1", 32, 20}, {"Q5_0", 32, 22},  {"Q5_1", 32, 24},
                                      {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}};

float HalfAt(const uint8_t* data) {
  uint16_t bits;
  std::memcpy(&bits, data, sizeof(bits));
  return static_cast<float>(c10::Half(bits, c10::Half::from_bits()));
}

template <typename Stored>
void Widen(const uint8_t* data, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(Stored)), sizeof(Stored));
    out[i] = static_cast<float>(value);
  }
}

// d, then 32 signed bytes.
void BlockQ8_0(const uint8_t* block, float* out) {
  const float d = HalfAt(block);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
}

// d, then 16 bytes: low halves are the first 16 values, high halves the others. Values are centred on 8.
void BlockQ4_0(const uint8_t* block, float* out) {
  const float d = HalfAt(block);
  for (int i = 0; i < 16; ++i) {
    const int packed = block[2 + i];
    out[i] = d * static_cast<float>((packed & 15) - 8);
    out[16 + i] = d * static_cast<float>((packed >> 4) - 8);
  }
}

// d and the smallest value m, then as Q4_0 but counted from m.
void BlockQ4_1(const uint8_t* block, float* out) {
  const float d = HalfAt(block), m = HalfAt(block + 2);
  for (int i = 0; i < 16; ++i) {
    const int packed = block[4 + i];
    out[i] = d * static_cast<float>(packed & 15) + m;
    out[16 + i] = d * static_cast<float>(packed >> 4) + m;
  }
}

uint32_t FifthBits(const uint8_t* data) {
  uint32_t bits;
  std::memcpy(&bits, data, sizeof(bits));
  return bits;
}

// d, the fifth bit of each value, then as Q4_0; centred on 16.
void BlockQ5_0(const uint8_t* block, float* out) {
  const float d = HalfAt(block);
  const uint32_t high = FifthBits(block + 2);
  for (int i = 0; i < 16; ++i) {
    const int packed = block[6 + i];
    const int low_value = (packed & 15) | ((high >> i & 1) << 4);
    const int high_value = (packed >> 4) | ((high >> (16 + i) & 1) << 4);
    out[i] = d * static_cast<float>(low_value - 16);
    out[16 + i] = d * static_cast<float>(high_value - 16);
  }
}

// d and m, the fifth bits, then as Q4_1.
void BlockQ5_1(const uint8_t* block, float* out) {
  const float d = HalfAt(block), m = HalfAt(block + 2);
  const uint32_t high = FifthBits(block + 4);
  for (int i = 0; i < 16; ++i) {
    const int packed = block[8 + i];
    const int low_value = (packed & 15) | ((high >> i & 1) << 4);
    const int high_value = (packed >> 4) | ((high >> (16 + i) & 1) << 4);
    out[i] = d * static_cast<float>(low_value) + m;
    out[16 + i] = d * static_cast<float>(high_value) + m;
  }
}

// Eight scales and eight minima of six bits in twelve bytes: the first four of each whole in bytes 0-3 and 4-7, whose
// two top bits belong to the last four, whose low halves are in bytes 8-11.
struct Scales {
  float scale[8], minimum[8];
};
Scales UnpackScales(const uint8_t* block) {
  const float d = HalfAt(block), d_minimum = HalfAt(block + 2);
  const uint8_t* packed = block + 4;
  Scales out;
  for (int j = 0; j < 4; ++j) {
    out.scale[j] = d * static_cast<float>(packed[j] & 63);
    out.minimum[j] = d_minimum * static_cast<float>(packed[4 + j] & 63);
    out.scale[4 + j] = d * static_cast<float>((packed[8 + j] & 15) | (packed[j] >> 6 << 4));
    out.minimum[4 + j] = d_minimum * static_cast<float>((packed[8 + j] >> 4) | (packed[4 + j] >> 6 << 4));
  }
  return out;
}

// Scales, then 128 bytes: of each 32, the low halves are one group of 32 values and the high halves the next.
void BlockQ4_K(const uint8_t* block, float* out) {
  const Scales s = UnpackScales(block);
  for (int group = 0; group < 8; ++group) {
    const uint8_t* packed = block + 16 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[group * 32 + i] = s.scale[group] * static_cast<float>(packed[i] >> shift & 15) - s.minimum[group];
    }
  }
}

// As Q4_K with 32 bytes of fifth bits between: bit g of byte i belongs to value i of group g.
void BlockQ5_K(const uint8_t* block, float* out) {
  const Scales s = UnpackScales(block);
  const uint8_t* high = block + 16;
  for (int group = 0; group < 8; ++group) {
    const uint8_t* packed = block + 48 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int value = (packed[i] >> shift & 15) | (high[i] >> group & 1) << 4;
      out[group * 32 + i] = s.scale[group] * static_cast<float>(value) - s.minimum[group];
    }
  }
}

// 128 bytes of low halves, 64 bytes of two top bits, 16 signed scales (one for 16 values), d. Each half of the block is
// four groups of 32 values: low halves of 64 bytes, then their high halves. Values are centred on 32.
void BlockQ6_K(const uint8_t* block, float* out) {
  const float d = HalfAt(block + 208);
  for (int group = 0; group < 8; ++group) {
    const uint8_t* low = block + group / 4 * 64 + group % 2 * 32;
    const uint8_t* high = block + 128 + group / 4 * 32;
    const int low_shift = group % 4 / 2 * 4, high_shift = group % 4 * 2;
    for (int i = 0; i < 32; ++i) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(block[192 + group * 2 + i / 16]));
      const int value = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
      out[group * 32 + i] = scale * static_cast<float>(value - 32);
    }
  }
}

template <void (*Block)(const uint8_t*, float*), int64_t kValues, int64_t kBytes>
void Blocks(const uint8_t* data, int64_t count, float* out) {
  for (int64_t i = 0; i < count / kValues; ++i) Block(data + i * kBytes, out + i * kValues);
}

}  // namespace

const StorageFormat& FormatOf(StorageType type) { return kFormats[static_cast<int>(type)]; }

StorageType StorageTypeNamed(const std::string& name) {
  int index = 0;
  for (const StorageFormat& format : kFormats) {
    if (name == format.name) return static_cast<StorageType>(index);
    ++index;
  }
  throw EngineError("AZR_MODEL_FORMAT", "tensors of type " + name + " cannot be read");
}

void Dequantize(StorageType type, const uint8_t* data, int64_t count, float* out) {
  switch (type) {
    case StorageType::kFloat32: std::memcpy(out, data, static_cast<size_t>(count) * sizeof(float)); break;
    case StorageType::kFloat16: Widen<c10::Half>(data, count, out); break;
    case StorageType::kBfloat16: Widen<c10::BFloat16>(data, count, out); break;
    case StorageType::kQ8_0: Blocks<BlockQ8_0, 32, 34>(data, count, out); break;
    case StorageType::kQ4_0: Blocks<BlockQ4_0, 32, 18>(data, count, out); break;
    case StorageType::kQ4_1: Blocks<BlockQ4_1, 32, 20>(data, count, out); break;
    case StorageType::kQ5_0: Blocks<BlockQ5_0, 32, 22>(data, count, out); break;
    case StorageType::kQ5_1: Blocks<BlockQ5_1, 32, 24>(data, count, out); break;
    case StorageType::kQ4_K: Blocks<BlockQ4_K, 256, 144>(data, count, out); break;
    case StorageType::kQ5_K: Blocks<BlockQ5_K, 256, 176>(data, count, out); break;
    case StorageType::kQ6_K: Blocks<BlockQ6_K, 256, 210>(data, count, out); break;
  }
}

}  // namespace azr
