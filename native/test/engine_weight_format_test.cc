// How weights are rounded to bfloat16 and to blocks of eight-bit integers: against LibTorch's own rounding and against
// the definition of the block format.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/counter_random.h"
#include "engine/status.h"
#include "engine/weight_format.h"

namespace azr::test {
namespace {

// Values of all magnitudes, ties and the ends of the range among them.
std::vector<float> Values(int64_t count) {
  std::vector<float> out = {0.0f, -0.0f, 1.0f, -1.0f, 1.00390625f, 1.01171875f, 3.3e38f, -3.3e38f, 1e-30f, 65504.0f};
  for (int64_t i = 0; static_cast<int64_t>(out.size()) < count; ++i) {
    out.push_back(NormalAt(3, 1, i) * std::exp(20.0f * NormalAt(3, 2, i)));
  }
  return out;
}

TEST(WeightFormat, Bfloat16RoundsAsLibTorchDoes) {
  const std::vector<float> values = Values(4103);
  std::vector<uint16_t> together(values.size());
  RoundToBfloat16(values.data(), static_cast<int64_t>(values.size()), together.data());
  for (size_t i = 0; i < values.size(); ++i) {
    const c10::BFloat16 expected(values[i]);
    EXPECT_EQ(RoundToBfloat16(values[i]), expected.x) << values[i];
    EXPECT_EQ(together[i], expected.x) << values[i];
    EXPECT_EQ(WidenBfloat16(expected.x), static_cast<float>(expected));
  }
  EXPECT_TRUE(std::isnan(WidenBfloat16(RoundToBfloat16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(WeightFormat, BlocksOfEightBitsByTheirDefinition) {
  for (int64_t block = 0; block < 200; ++block) {
    const int64_t count = block % 4 == 3 ? 19 : kQ8Block;
    std::vector<float> values;
    float largest = 0.0f;
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(NormalAt(5, static_cast<uint64_t>(block), i) * std::exp(static_cast<float>(block % 9) - 4.0f));
      largest = std::max(largest, std::abs(values.back()));
    }
    int8_t q[kQ8Block];
    const uint16_t scale = QuantizeBlock(values.data(), count, q);
    EXPECT_EQ(scale, c10::Half(largest / 127.0f).x);
    EXPECT_EQ(WidenHalf(scale), static_cast<float>(c10::Half(largest / 127.0f)));
    for (int64_t i = 0; i < kQ8Block; ++i) {
      const double exact = i < count ? static_cast<double>(values[i]) / (static_cast<double>(largest) / 127.0) : 0.0;
      EXPECT_LE(std::abs(q[i] - exact), 0.5 + 1e-4) << block;
    }
  }
  const std::vector<float> zeros(kQ8Block, 0.0f), tiny(kQ8Block, 1e-42f);
  int8_t q[kQ8Block];
  EXPECT_EQ(QuantizeBlock(zeros.data(), kQ8Block, q), 0);
  EXPECT_EQ(q[0], 0);
  EXPECT_EQ(QuantizeBlock(tiny.data(), kQ8Block, q), 0);
}

TEST(WeightFormat, RowsKeepWhatTheFormatKeeps) {
  for (int64_t width : {1, 31, 32, 33, 64, 100}) {
    std::vector<float> values;
    for (int64_t i = 0; i < width; ++i) values.push_back(NormalAt(9, static_cast<uint64_t>(width), i));
    const double losses[] = {0.0, 1.0 / 256.0, 1.0 / 254.0};
    for (WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16, WeightFormat::kQ8}) {
      std::vector<uint8_t> row(RowBytes(format, width)), again(row.size());
      std::vector<float> once(width), twice(width);
      EXPECT_TRUE(EncodeRow(format, values.data(), width, row.data()));
      DecodeRow(format, row.data(), width, once.data());
      for (int64_t i = 0; i < width; ++i) {
        EXPECT_LE(std::abs(once[i] - values[i]), losses[static_cast<int>(format)] * 4.5) << width;
      }
      // Weights that were held so already are held to the bit: a Q8_0 file in q8, a bfloat16 one in bf16.
      EXPECT_TRUE(EncodeRow(format, once.data(), width, again.data()));
      DecodeRow(format, again.data(), width, twice.data());
      EXPECT_EQ(std::memcmp(once.data(), twice.data(), width * sizeof(float)), 0) << width;
    }
  }
}

TEST(WeightFormat, SaysWhatDoesNotFit) {
  std::vector<float> values(40, 1.0f);
  std::vector<uint8_t> row(RowBytes(WeightFormat::kFloat32, 40));
  values[35] = 3.4e38f;
  EXPECT_TRUE(EncodeRow(WeightFormat::kFloat32, values.data(), 40, row.data()));
  EXPECT_FALSE(EncodeRow(WeightFormat::kBfloat16, values.data(), 40, row.data()));
  EXPECT_FALSE(EncodeRow(WeightFormat::kQ8, values.data(), 40, row.data()));
  values[35] = 8e6f;
  EXPECT_TRUE(EncodeRow(WeightFormat::kQ8, values.data(), 40, row.data()));
}

TEST(WeightFormat, Names) {
  EXPECT_EQ(WeightFormatNamed("f32"), WeightFormat::kFloat32);
  EXPECT_EQ(WeightFormatNamed("bf16"), WeightFormat::kBfloat16);
  EXPECT_EQ(WeightFormatNamed("q8"), WeightFormat::kQ8);
  EXPECT_THROW(WeightFormatNamed("int4"), EngineError);
}

}  // namespace
}  // namespace azr::test
