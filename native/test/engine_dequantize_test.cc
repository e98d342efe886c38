// The widening of each number format, against what the Python package `gguf` computed
// (test/truth/make_dequantize_truth.py): bit for bit, since both multiply and add in the same order and round each time.
// Then what ReadTensor makes of them: rows of rotary pairs put in order, a shift, the look without a buffer, and shapes
// that do not suit; and how floats are narrowed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/dequantize.h"
#include "engine/status.h"
#include "engine/weight_file.h"

namespace azr::test {
namespace {

const std::string kTruth = std::string(AZR_SOURCE_FOLDER) + "/test/truth/data/dequantize";
constexpr int64_t kRows = 4, kColumns = 256;

struct Case {
  std::string name;
  StorageType type;
  int64_t blocks, expected, count;
};

std::vector<Case> Cases() {
  std::ifstream index(kTruth + ".index");
  std::vector<Case> cases;
  for (std::string line; std::getline(index, line);) {
    std::istringstream words(line);
    Case one;
    words >> one.name >> one.blocks >> one.expected >> one.count;
    one.type = StorageTypeNamed(one.name);
    cases.push_back(one);
  }
  return cases;
}

TensorSource Source(const Case& one) { return {0, kTruth + ".gguf", one.blocks, one.type}; }

std::vector<float> Expected(const Case& one) {
  std::vector<float> values(one.count);
  ReadFloats(kTruth + ".gguf", one.expected, StorageType::kFloat32, one.count, values.data());
  return values;
}

void ExpectSameBits(const std::vector<float>& actual, const std::vector<float>& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    uint32_t a, b;
    std::memcpy(&a, &actual[i], 4);
    std::memcpy(&b, &expected[i], 4);
    ASSERT_EQ(a, b) << what << ", value " << i << ": " << actual[i] << " beside " << expected[i];
  }
}

std::string CodeOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const EngineError& error) {
    return error.code();
  }
  return "none";
}

TEST(Dequantize, EachFormatAsTheReferenceReadsIt) {
  const auto cases = Cases();
  ASSERT_EQ(cases.size(), 11u);
  for (const Case& one : cases) {
    std::vector<float> values(one.count);
    EXPECT_TRUE(ReadTensor(Source(one), kRows, kColumns, {values.data()})) << one.name;
    ExpectSameBits(values, Expected(one), one.name);
    EXPECT_TRUE(ReadTensor(Source(one), kRows, kColumns, {})) << one.name;
  }
}

// The same values, when somebody takes them a few rows at a time.
TEST(Dequantize, RowsAreHandedOn) {
  for (const Case& one : Cases()) {
    for (int64_t paired : {0, 2, 4}) {
      TensorSource source = Source(one);
      source.paired_rows = paired;
      std::vector<float> expected(one.count), values(one.count, 7.0f);
      EXPECT_TRUE(ReadTensor(source, kRows, kColumns, {expected.data()}));
      EXPECT_TRUE(ReadTensor(source, kRows, kColumns, {nullptr, [&](int64_t first, int64_t count, const float* rows) {
                                                         std::copy_n(rows, count * kColumns, &values[first * kColumns]);
                                                       }}));
      ExpectSameBits(values, expected, one.name);
    }
  }
}

TEST(Dequantize, RowsOfRotaryPairsComeApart) {
  for (const Case& one : Cases()) {
    TensorSource source = Source(one);
    source.paired_rows = 4;
    std::vector<float> values(one.count), expected(one.count), stored = Expected(one);
    EXPECT_TRUE(ReadTensor(source, kRows, kColumns, {values.data()}));
    const int64_t from[kRows] = {0, 2, 1, 3};
    for (int64_t row = 0; row < kRows; ++row) {
      std::copy_n(&stored[from[row] * kColumns], kColumns, &expected[row * kColumns]);
    }
    ExpectSameBits(values, expected, one.name);
    source.paired_rows = 2;  // heads of two rows: each pair is a head, nothing moves
    EXPECT_TRUE(ReadTensor(source, kRows, kColumns, {values.data()}));
    ExpectSameBits(values, stored, one.name);
  }
}

TEST(Dequantize, ShiftedValues) {
  const Case one = Cases().front();
  TensorSource source = Source(one);
  source.shift = -1.0f;
  std::vector<float> values(one.count), expected = Expected(one);
  EXPECT_TRUE(ReadTensor(source, kRows, kColumns, {values.data()}));
  for (float& value : expected) value -= 1.0f;
  ExpectSameBits(values, expected, "shifted");
}

TEST(Dequantize, WhatDoesNotSuitIsRefused) {
  for (const Case& one : Cases()) {
    std::vector<float> values(one.count);
    TensorSource source = Source(one);
    if (FormatOf(one.type).values > 1) {
      EXPECT_EQ(CodeOf([&] { ReadTensor(source, 1, kColumns - 1, {values.data()}); }), "AZR_MODEL_FORMAT") << one.name;
      source.paired_rows = 4;  // rows that are no whole blocks cannot be moved
      EXPECT_EQ(CodeOf([&] { ReadTensor(source, 64, 16, {values.data()}); }), "AZR_MODEL_FORMAT") << one.name;
    }
    source.paired_rows = 3;
    EXPECT_EQ(CodeOf([&] { ReadTensor(source, kRows, kColumns, {values.data()}); }), "AZR_MODEL_FORMAT") << one.name;
    source = Source(one);
    source.offset = int64_t{1} << 40;  // past the end
    EXPECT_EQ(CodeOf([&] { ReadTensor(source, kRows, kColumns, {values.data()}); }), "AZR_MODEL_FORMAT") << one.name;
  }
  EXPECT_EQ(CodeOf([] { StorageTypeNamed("IQ4_XS"); }), "AZR_MODEL_FORMAT");
}

// What the TypeScript side would never ask for: it is read within the file and the buffer, or refused.
TEST(Dequantize, ArbitrarySourcesAreReadOrRefused) {
  std::mt19937 random(3);
  const auto below = [&](int64_t limit) { return static_cast<int64_t>(random() % static_cast<uint64_t>(limit)); };
  const auto cases = Cases();
  int read = 0, refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    TensorSource source = Source(cases[below(11)]);
    source.offset = below(4) == 0 ? (int64_t{1} << below(63)) - below(3) : below(70'000);
    source.paired_rows = below(2) == 0 ? 0 : below(9) - 1;
    source.shift = below(2) == 0 ? 0.0f : -1.0f;
    const int64_t rows = 1 + below(9), columns = below(2) == 0 ? 1 + below(600) : 32 * (1 + below(16));
    std::vector<float> values(rows * columns);
    TensorTarget target;
    const uint64_t kind = below(3);
    if (kind == 0) target.place = values.data();
    if (kind == 1) {
      target.take = [&](int64_t first, int64_t count, const float* part) {
        std::copy_n(part, count * columns, values.data() + first * columns);
      };
    }
    const std::string code = CodeOf([&] { ReadTensor(source, rows, columns, target); });
    ++(code == "none" ? read : refused);
    ASSERT_TRUE(code == "none" || code == "AZR_MODEL_FORMAT") << code;
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 1000);
}

class WrittenTest : public ::testing::Test {
 protected:
  WrittenTest() : path_(std::filesystem::temp_directory_path() / ("azr-written-" + std::to_string(getpid()))) {}
  ~WrittenTest() override { std::filesystem::remove(path_); }
  std::vector<float> ThroughFile(const std::vector<float>& values, StorageType type) const {
    WriteTensors(path_, "head", {{"t", [&] { return values.data(); }, static_cast<int64_t>(values.size())}}, type);
    std::vector<float> read(values.size());
    ReadFloats(path_, 4, type, static_cast<int64_t>(values.size()), read.data());
    return read;
  }
  std::string path_;
};

TEST_F(WrittenTest, RoundsToNearestAndToEvenOnATie) {
  const float step = std::ldexp(1.0f, -7);  // between bfloat16 numbers at 1
  ExpectSameBits(ThroughFile({1 + step / 2, 1 + 3 * step / 2, 1 + step * 0.51f, -1 - step / 2, 0.0f, -0.0f, 3e38f},
                             StorageType::kBfloat16),
                 {1, 1 + 2 * step, 1 + step, -1, 0.0f, -0.0f, 0x1.c4p127f}, "bfloat16");
  const float half_step = std::ldexp(1.0f, -10);
  ExpectSameBits(ThroughFile({1 + half_step / 2, 1 + 3 * half_step / 2, 65504.0f, 65519.0f, 6e-8f, 1e-9f},
                             StorageType::kFloat16),
                 {1, 1 + 2 * half_step, 65504.0f, 65504.0f, 0x1p-24f, 0.0f}, "float16");
  std::vector<float> many(100'000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = std::sin(static_cast<float>(i));
  ExpectSameBits(ThroughFile(many, StorageType::kFloat32), many, "float32");
  const std::vector<float> narrowed = ThroughFile(many, StorageType::kBfloat16);
  ExpectSameBits(ThroughFile(narrowed, StorageType::kBfloat16), narrowed, "a second time nothing changes");
}

TEST_F(WrittenTest, ValuesBeyondTheTypeAreRefusedAndLeaveNoFile) {
  EXPECT_EQ(CodeOf([&] { ThroughFile({1, 65520.0f}, StorageType::kFloat16); }), "AZR_INPUT_INVALID");
  EXPECT_FALSE(std::filesystem::exists(path_));
  const float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(CodeOf([&] { ThroughFile({largest}, StorageType::kBfloat16); }), "AZR_INPUT_INVALID");
  EXPECT_EQ(CodeOf([&] { ThroughFile({1}, StorageType::kQ8_0); }), "AZR_INPUT_INVALID");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace azr::test
