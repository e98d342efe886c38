// The number formats that model files store weights in, and their widening to float: plain floats and the block formats
// of GGUF, in which 32 or 256 values share scales. Values are those of ggml's reference code to the bit: products and
// sums are rounded one by one, so this file's source is compiled without contraction. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace azr {

enum class StorageType { kFloat32, kFloat16, kBfloat16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ4_K, kQ5_K, kQ6_K };

// A block of `values` values takes `bytes` bytes.
struct StorageFormat {
  const char* name;  // as safetensors and GGUF write it
  int64_t values, bytes;
};
const StorageFormat& FormatOf(StorageType type);

// Throws AZR_MODEL_FORMAT for a name that is none of the above.
StorageType StorageTypeNamed(const std::string& name);

// Widens `count` values (whole blocks) that lie at `data`, which need not be aligned.
void Dequantize(StorageType type, const uint8_t* data, int64_t count, float* out);

}  // namespace azr
