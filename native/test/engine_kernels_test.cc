// The engine's arithmetic, each piece against a slow and obvious reference in double precision: matrix products, vector
// functions, norms, rotary positions, SwiGLU, attention with its gradient, the sampler and the random numbers. Where the
// engine promises that a row does not depend on its neighbours, the comparison is of bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/attention.h"
#include "engine/counter_random.h"
#include "engine/gemm.h"
#include "engine/head.h"
#include "engine/layer_ops.h"
#include "engine/optimizer.h"
#include "engine/sampler.h"
#include "engine/vector_math.h"

namespace azr::test {
namespace {

std::vector<float> Random(uint64_t stream, int64_t size, float scale = 1.0f) {
  std::vector<float> out(size);
  for (int64_t i = 0; i < size; ++i) out[i] = scale * NormalAt(99, stream, static_cast<uint64_t>(i));
  return out;
}

// Largest difference from the reference over its largest value.
double Error(const std::vector<float>& values, const std::vector<double>& expected) {
  EXPECT_EQ(values.size(), expected.size());
  double difference = 0.0, largest = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference = std::max(difference, std::abs(values[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

// What a row of inputs is to a product of this format, and by how much it may be off: [depth] each.
void Inputs(WeightFormat format, const float* row, int64_t depth, std::vector<double>* values, std::vector<double>* slack) {
  values->assign(row, row + depth);
  slack->assign(depth, 0.0);
  for (int64_t k = 0; k < depth; ++k) {
    if (format == WeightFormat::kBfloat16) (*values)[k] = WidenBfloat16(RoundToBfloat16(row[k]));
    if (format != WeightFormat::kQ8) continue;
    for (int64_t i = k / kQ8Block * kQ8Block; i < std::min(depth, (k / kQ8Block + 1) * kQ8Block); ++i) {
      (*slack)[k] = std::max((*slack)[k], std::abs(row[i]) / 65530.0);
    }
  }
}

class GemmTest : public ::testing::TestWithParam<WeightFormat> {};

TEST_P(GemmTest, MultiplyIsTheProductWhateverTheRows) {
  const WeightFormat format = GetParam();
  for (int64_t depth : {1, 16, 33, 511, 512, 513, 1100}) {
    for (int64_t columns : {1, 31, 32, 33, 70}) {
      const int64_t most = 201, a_stride = depth + 3, c_stride = columns + 5;
      const std::vector<float> a = Random(1, most * a_stride), weights = Random(2, columns * depth);
      std::vector<float> held(weights.size()), transposed(weights.size());
      std::vector<uint8_t> row(RowBytes(format, depth));
      for (int64_t j = 0; j < columns; ++j) {
        EXPECT_TRUE(EncodeRow(format, weights.data() + j * depth, depth, row.data()));
        DecodeRow(format, row.data(), depth, held.data() + j * depth);
        for (int64_t k = 0; k < depth; ++k) transposed[k * columns + j] = weights[j * depth + k];
      }
      PackedMatrix packed, same;
      packed.PackTransposed(format, weights.data(), columns, depth);
      // Column by column, as they come from a file.
      same.Resize(format, depth, columns);
      for (int64_t j = columns - 1; j >= 0; --j) EXPECT_TRUE(same.SetColumns(j, 1, weights.data() + j * depth));
      const std::vector<float> start = Random(3, most * c_stride);
      for (bool accumulate : {false, true}) {
        std::vector<float> all = start, other = start;
        Multiply(a.data(), a_stride, most, packed, all.data(), c_stride, accumulate);
        Multiply(a.data(), a_stride, most, same, other.data(), c_stride, accumulate);
        EXPECT_EQ(std::memcmp(all.data(), other.data(), all.size() * sizeof(float)), 0);
        if (format != WeightFormat::kQ8 && !accumulate) {  // and as it is packed on the way
          other = start;
          Multiply(a.data(), a_stride, most, MatrixView{format, transposed.data(), depth, columns}, other.data(), c_stride);
          EXPECT_EQ(std::memcmp(all.data(), other.data(), all.size() * sizeof(float)), 0);
        }
        for (int64_t r : {int64_t{0}, int64_t{11}, int64_t{12}, int64_t{100}, most - 1}) {
          std::vector<double> inputs, slack;
          Inputs(format, a.data() + r * a_stride, depth, &inputs, &slack);
          for (int64_t j = 0; j < c_stride; ++j) {
            double expected = j >= columns || accumulate ? start[r * c_stride + j] : 0.0, magnitude = std::abs(expected);
            double bound = 0.0;
            for (int64_t k = 0; j < columns && k < depth; ++k) {
              const double product = inputs[k] * held[j * depth + k];
              expected += product;
              magnitude += std::abs(product);
              bound += slack[k] * std::abs(held[j * depth + k]);
            }
            // Where nothing is computed (past the columns) nothing may change.
            bound = j >= columns ? 0.0 : bound + 4e-7 * magnitude;
            ASSERT_LE(std::abs(all[r * c_stride + j] - expected), bound) << depth << " x " << columns << " row " << r;
          }
        }
        // The same bits for every number of rows: the row-invariance that gemm.h promises.
        for (int64_t rows : {1, 2, 3, 5, 6, 7, 11, 12, 13, 47, 48, 49}) {
          std::vector<float> part = start;
          Multiply(a.data(), a_stride, rows, packed, part.data(), c_stride, accumulate);
          EXPECT_EQ(std::memcmp(part.data(), all.data(), rows * c_stride * sizeof(float)), 0) << rows << " rows";
          EXPECT_TRUE(std::equal(part.begin() + rows * c_stride, part.end(), start.begin() + rows * c_stride));
        }
      }
    }
  }
}

// A row that holds no numbers gives none, and no other row is touched by it.
TEST_P(GemmTest, WhatIsNoNumberStaysNone) {
  const int64_t depth = 70, columns = 40;
  const std::vector<float> weights = Random(2, columns * depth);
  PackedMatrix packed;
  packed.PackTransposed(GetParam(), weights.data(), columns, depth);
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> a = Random(1, 3 * depth), clean = a, out(3 * columns), expected(3 * columns);
    a[depth + 66] = bad;
    Multiply(a.data(), depth, 3, packed, out.data(), columns, false);
    Multiply(clean.data(), depth, 3, packed, expected.data(), columns, false);
    for (int64_t j = 0; j < columns; ++j) {
      EXPECT_FALSE(std::isfinite(out[columns + j]));
      EXPECT_EQ(out[j], expected[j]);
      EXPECT_EQ(out[2 * columns + j], expected[2 * columns + j]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, GemmTest,
                         ::testing::Values(WeightFormat::kFloat32, WeightFormat::kBfloat16, WeightFormat::kQ8));

TEST(Gemm, OuterProductsAccumulate) {
  for (WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16}) {
    const auto rounded = [&](float x) {
      return format == WeightFormat::kBfloat16 ? WidenBfloat16(RoundToBfloat16(x)) : x;
    };
    for (int64_t rows : {1, 255, 256, 257, 600, 1025}) {
      for (int64_t columns_a : {1, 12, 13, 40, 200}) {
        for (int64_t columns_b : {1, 32, 35}) {
          const int64_t a_stride = columns_a + 1, b_stride = columns_b + 2;
          const std::vector<float> a = Random(4, rows * a_stride), b = Random(5, rows * b_stride);
          std::vector<float> c = Random(6, columns_a * columns_b);
          std::vector<double> expected(c.begin(), c.end());
          for (int64_t i = 0; i < columns_a; ++i) {
            for (int64_t j = 0; j < columns_b; ++j) {
              for (int64_t m = 0; m < rows; ++m) {
                expected[i * columns_b + j] +=
                    static_cast<double>(rounded(a[m * a_stride + i])) * rounded(b[m * b_stride + j]);
              }
            }
          }
          AccumulateOuter(format, a.data(), a_stride, b.data(), b_stride, rows, columns_a, columns_b, c.data());
          EXPECT_LT(Error(c, expected), 3e-6) << rows << " rows of " << columns_a << " and " << columns_b;
        }
      }
    }
  }
}

TEST(VectorMath, ExponentialAndReductions) {
  float lane[kLanes];
  for (float x = -87.25f; x < 88.25f; x += 0.0137f) {
    Store(lane, Exp(Broadcast(x)));
    const double expected = std::exp(static_cast<double>(x));
    ASSERT_LT(std::abs(lane[7] - expected) / expected, 2.5e-7) << x;
  }
  for (float x : {-INFINITY, -1e30f, -88.0f}) {
    Store(lane, Exp(Broadcast(x)));
    EXPECT_GT(lane[0], 0.0f);
    EXPECT_LT(lane[0], 2e-38f);
  }
  Store(lane, Exp(Broadcast(INFINITY)));
  EXPECT_TRUE(std::isfinite(lane[0]));
  EXPECT_GT(lane[0], 2e38f);
  Store(lane, Exp(Broadcast(0.0f)));
  EXPECT_EQ(lane[0], 1.0f);
  Vec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = static_cast<float>(i * i);
  EXPECT_EQ(HorizontalSum(v), 1240.0f);
  EXPECT_EQ(HorizontalMax(-v), 0.0f);
}

TEST(VectorMath, LogSumExpAndNorm) {
  for (int64_t size : {1, 2, 15, 16, 17, 32, 67, 1000}) {
    for (float scale : {0.1f, 3.0f, 2000.0f}) {
      const std::vector<float> x = Random(static_cast<uint64_t>(size), size, scale);
      const double largest = *std::max_element(x.begin(), x.end());
      double sum = 0.0;
      for (float value : x) sum += std::exp(value - largest);
      const double expected = largest + std::log(sum);
      EXPECT_NEAR(LogSumExp(x.data(), size), expected, 3e-7 * (1.0 + std::abs(expected))) << size;
    }
  }
  for (int64_t size : {1, 7, 16384, 16385, 50001}) {
    const std::vector<float> x = Random(7, size);
    double sum = 0.0;
    for (float value : x) sum += static_cast<double>(value) * value;
    EXPECT_NEAR(Norm(x.data(), size), std::sqrt(sum), 1e-12 * std::sqrt(sum));
  }
}

// d f / d x by central differences of a double function.
template <typename Function>
std::vector<double> Slope(const Function& f, std::vector<double> x) {
  std::vector<double> out(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double keep = x[i], step = 1e-5;
    x[i] = keep + step;
    const double above = f(x);
    x[i] = keep - step;
    out[i] = (above - f(x)) / (2 * step);
    x[i] = keep;
  }
  return out;
}

std::vector<double> Wide(const std::vector<float>& x) { return {x.begin(), x.end()}; }

TEST(LayerOps, RmsNormWithItsGradient) {
  for (const auto& [width, offset] : {std::pair<int64_t, double>{5, 0.0}, {16, 1.0}, {40, 0.0}, {40, 1.0}}) {
    const int64_t rows = 3;
    const std::vector<float> x = Random(8, rows * width), weight = Random(9, width), dy = Random(10, rows * width);
    const double epsilon = 1e-3;
    const auto norm = [&](const std::vector<double>& in, const std::vector<double>& w) {
      std::vector<double> out(in.size());
      for (int64_t r = 0; r < rows; ++r) {
        double mean = 0.0;
        for (int64_t i = 0; i < width; ++i) mean += in[r * width + i] * in[r * width + i] / static_cast<double>(width);
        for (int64_t i = 0; i < width; ++i) out[r * width + i] = in[r * width + i] / std::sqrt(mean + epsilon) * (offset + w[i]);
      }
      return out;
    };
    const auto dot = [&](const std::vector<double>& y) {
      double sum = 0.0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    std::vector<float> y(x.size()), rstd(rows), dx(x.size()), dweight(width);
    const NormWeights weights{weight.data(), static_cast<float>(offset), static_cast<float>(epsilon)};
    RmsNorm(x.data(), weights, rows, width, y.data(), rstd.data());
    EXPECT_LT(Error(y, norm(Wide(x), Wide(weight))), 1e-6);
    RmsNormBackward(x.data(), weights, rstd.data(), dy.data(), rows, width, dx.data(), dweight.data());
    EXPECT_LT(Error(dx, Slope([&](const auto& in) { return dot(norm(in, Wide(weight))); }, Wide(x))), 1e-5);
    EXPECT_LT(Error(dweight, Slope([&](const auto& w) { return dot(norm(Wide(x), w)); }, Wide(weight))), 1e-5);
  }
}

class GateTest : public ::testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(LayerOps, GateTest, ::testing::Values(Activation::kSilu, Activation::kGeluTanh));

TEST_P(GateTest, TheProductWithItsGradient) {
  const int64_t rows = 2, width = 48;
  const Activation activation_kind = GetParam();
  const std::vector<float> start = Random(11, rows * 2 * width, 3.0f), dout = Random(12, rows * width);
  const auto forward = [&](const std::vector<double>& in) {
    std::vector<double> out(rows * width);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < width; ++i) {
        const double gate = in[r * 2 * width + i], up = in[r * 2 * width + width + i];
        const double gelu = 0.5 * gate * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (gate + 0.044715 * std::pow(gate, 3))));
        out[r * width + i] = (activation_kind == Activation::kSilu ? gate / (1.0 + std::exp(-gate)) : gelu) * up;
      }
    }
    return out;
  };
  std::vector<float> out(rows * width), activation(rows * width), gradient = start;
  Gate(activation_kind, start.data(), rows, width, out.data());
  EXPECT_LT(Error(out, forward(Wide(start))), 1e-6);
  GateBackward(activation_kind, gradient.data(), dout.data(), rows, width, activation.data());
  EXPECT_EQ(activation, out);
  const auto objective = [&](const std::vector<double>& in) {
    double sum = 0.0;
    const std::vector<double> y = forward(in);
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dout[i];
    return sum;
  };
  EXPECT_LT(Error(gradient, Slope(objective, Wide(start))), 1e-5);
}

TEST(LayerOps, RotationByThePosition) {
  const int64_t size = 32, heads = 3, stride = heads * size + 7;
  const std::vector<int32_t> positions{0, 1, 40, 63};
  const RopeTable table(size, 10000.0, 64);
  const std::vector<float> start = Random(13, 4 * stride);
  std::vector<float> rows = start;
  Rotate(rows.data(), stride, 4, heads, positions.data(), table, false);
  std::vector<double> expected(start.begin(), start.end());
  for (int64_t r = 0; r < 4; ++r) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t i = 0; i < size / 2; ++i) {
        const double angle = positions[r] * std::pow(10000.0, -2.0 * static_cast<double>(i) / size);
        const int64_t at = r * stride + h * size + i;
        expected[at] = start[at] * std::cos(angle) - start[at + size / 2] * std::sin(angle);
        expected[at + size / 2] = start[at + size / 2] * std::cos(angle) + start[at] * std::sin(angle);
      }
    }
  }
  EXPECT_LT(Error(rows, expected), 2e-6);
  Rotate(rows.data(), stride, 4, heads, positions.data(), table, true);
  EXPECT_LT(Error(rows, Wide(start)), 1e-6);
}

// Attention of packed groups, and its gradient for a given dout, as sums over visible keys.
struct SlowAttention {
  std::vector<double> out, lse, dqkv;
  SlowAttention(const std::vector<RowGroup>& groups, const AttentionShape& s, const std::vector<float>& qkv,
                const std::vector<float>& dout)
      : out(dout.size()), lse(dout.size() / s.head_size), dqkv(qkv.size()) {
    for (const RowGroup& group : groups) {
      std::vector<int64_t> prompt;
      for (int64_t i = 0; i < group.prompt; ++i) {
        prompt.push_back(group.begin + i);
        Row(prompt, s, qkv, dout);
      }
      int64_t row = group.begin + group.prompt;
      for (int64_t count : group.completions) {
        std::vector<int64_t> visible = prompt;
        for (int64_t i = 0; i < count; ++i) {
          visible.push_back(row++);
          Row(visible, s, qkv, dout);
        }
      }
    }
  }

 private:
  // The last of the visible rows attends to all of them, or to the last of them where there is a window.
  void Row(std::vector<int64_t> visible, const AttentionShape& s, const std::vector<float>& qkv,
           const std::vector<float>& dout) {
    if (s.window > 0 && static_cast<int64_t>(visible.size()) > s.window) visible.erase(visible.begin(), visible.end() - s.window);
    const int64_t row = visible.back(), size = s.head_size, width = s.row_width();
    const double scale = s.scale;
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t key = (s.heads + h / (s.heads / s.key_value_heads)) * size, value = key + s.key_value_heads * size;
      const int64_t query = row * width + h * size, o = (row * s.heads + h) * size;
      std::vector<double> p;
      double largest = -1e300, sum = 0.0, mean = 0.0;
      for (int64_t k : visible) {
        double score = 0.0;
        for (int64_t d = 0; d < size; ++d) score += static_cast<double>(qkv[query + d]) * qkv[k * width + key + d];
        p.push_back(score * scale);
        largest = std::max(largest, p.back());
      }
      for (double& x : p) sum += x = std::exp(x - largest);
      lse[row * s.heads + h] = largest + std::log(sum);
      for (size_t j = 0; j < p.size(); ++j) {
        p[j] /= sum;
        for (int64_t d = 0; d < size; ++d) out[o + d] += p[j] * qkv[visible[j] * width + value + d];
      }
      for (int64_t d = 0; d < size; ++d) mean += out[o + d] * dout[o + d];
      for (size_t j = 0; j < p.size(); ++j) {
        const int64_t at = visible[j] * width;
        double slope = -mean;
        for (int64_t d = 0; d < size; ++d) slope += static_cast<double>(dout[o + d]) * qkv[at + value + d];
        for (int64_t d = 0; d < size; ++d) {
          dqkv[at + value + d] += p[j] * dout[o + d];
          dqkv[at + key + d] += p[j] * slope * scale * qkv[query + d];
          dqkv[query + d] += p[j] * slope * scale * qkv[at + key + d];
        }
      }
    }
  }
};

TEST(Attention, GroupsOfPromptsAndCompletions) {
  for (const AttentionShape& shape :
       {AttentionShape{4, 2, 16, 0.25f}, AttentionShape{3, 1, 144, 0.1f}, AttentionShape{2, 2, 48, 0.5f},
        AttentionShape{2, 1, 16, 0.25f, 1}, AttentionShape{4, 2, 16, 0.25f, 5}, AttentionShape{1, 1, 32, 0.2f, 16},
        AttentionShape{2, 1, 256, 0.0625f, 17}, AttentionShape{2, 1, 16, 0.25f, 33}, AttentionShape{2, 1, 16, 0.25f, 500}}) {
    std::vector<RowGroup> groups;
    int64_t rows = 0;
    const auto add = [&](int64_t prompt, std::vector<int64_t> completions) {
      groups.push_back({rows, prompt, std::move(completions)});
      rows += groups.back().rows();
    };
    add(1, {});
    add(15, {1, 0, 16});
    add(16, {17, 3});
    add(70, {40});
    const std::vector<float> qkv = Random(14, rows * shape.row_width());
    const std::vector<float> dout = Random(15, rows * shape.query_width());
    const SlowAttention expected(groups, shape, qkv, dout);
    std::vector<float> out(dout.size()), lse(rows * shape.heads), dqkv(qkv.size(), 7.0f);
    AttendGroups(groups, shape, qkv.data(), out.data(), lse.data());
    EXPECT_LT(Error(out, expected.out), 2e-6);
    EXPECT_LT(Error(lse, expected.lse), 2e-6);
    AttendGroupsBackward(groups, shape, qkv.data(), out.data(), lse.data(), dout.data(), dqkv.data());
    EXPECT_LT(Error(dqkv, expected.dqkv), 5e-6);
  }
}

TEST(Sampler, DrawsFromTheTemperedAndTruncatedDistribution) {
  const std::vector<float> logits{1.0f, 3.0f, 3.0f, -2.0f, 0.5f, 2.0f};
  const int64_t size = 6;
  EXPECT_EQ(SampleToken(logits.data(), size, {0.0f, 1.0f, 0}, 0.99), 1) << "greedy: the first among equals";
  struct Row {
    SamplerSettings settings;
    std::set<int32_t> kept;
  };
  const Row rows[] = {
      {{1.0f, 1.0f, 0}, {0, 1, 2, 3, 4, 5}}, {{0.5f, 1.0f, 0}, {0, 1, 2, 3, 4, 5}}, {{1.0f, 1.0f, 3}, {1, 2, 5}},
      {{1.0f, 1.0f, 1}, {1}},                {{1.0f, 0.38f, 0}, {1}},               {{1.0f, 0.8f, 0}, {1, 2, 5}},
      {{2.0f, 1.0f, 99}, {0, 1, 2, 3, 4, 5}}, {{1.0f, 0.5f, 2}, {1}},               {{1.0f, 0.51f, 2}, {1, 2}}};
  for (const Row& row : rows) {
    double total = 0.0;
    for (int32_t token : row.kept) total += std::exp(logits[token] / row.settings.temperature);
    std::map<int32_t, double> share;
    const int draws = 20000;  // evenly spaced numbers: the shares are those of the distribution, to one part in draws
    for (int i = 0; i < draws; ++i) {
      share[SampleToken(logits.data(), size, row.settings, (i + 0.5) / draws)] += 1.0 / draws;
    }
    for (const auto& entry : share) EXPECT_EQ(row.kept.count(entry.first), 1u) << entry.first;
    for (int32_t token : row.kept) {
      EXPECT_NEAR(share[token], std::exp(logits[token] / row.settings.temperature) / total, 2.0 / draws) << token;
    }
  }
}

TEST(CounterRandom, KnownAnswersAndMoments) {
  // Answers of Philox 4x32-10 published with the Random123 library.
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(Philox(0, 0, 0), (Block{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(Philox(~0ull, ~0ull, ~0ull), (Block{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(Philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull),
            (Block{0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u}));
  double uniform = 0.0, normal = 0.0, square = 0.0;
  const int count = 40000;
  for (int i = 0; i < count; ++i) {
    const double u = UniformAt(5, 6, static_cast<uint64_t>(i)), z = NormalAt(7, 8, static_cast<uint64_t>(i));
    ASSERT_TRUE(u > 0.0 && u < 1.0);
    uniform += u / count;
    normal += z / count;
    square += z * z / count;
  }
  EXPECT_NEAR(uniform, 0.5, 0.01);
  EXPECT_NEAR(normal, 0.0, 0.03);
  EXPECT_NEAR(square, 1.0, 0.05);
}

}  // namespace
}  // namespace azr::test
