// Loss, log-probabilities, entropy and every parameter's gradient of the engine's hand-written backward pass against
// automatic differentiation of the reference (engine_reference.h), for both losses, over head layouts, odd sizes and
// ways to cut the batch. The relative error is that of each tensor as a whole.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/counter_random.h"
#include "engine/engine.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

constexpr double kTolerance = 2e-5;

struct Case {
  const char* name;
  int64_t vocabulary, hidden, layers, heads, key_value_heads, head_size, feed_forward;
  bool tied;
  bool qkv_bias = false, qk_norm = false, stretched = false;
  std::vector<int64_t> windows = {};
  int64_t gemma_window = 0;
};

class GradientTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    shape_ = TinyShape(c.vocabulary, c.hidden, c.layers, c.heads, c.key_value_heads, c.head_size, c.feed_forward, c.tied);
    shape_.qkv_bias = c.qkv_bias;
    shape_.qk_norm = c.qk_norm;
    for (int64_t i = 0; c.stretched && i < c.head_size / 2; ++i) shape_.rope_factors.push_back(1.0 + 0.7 * static_cast<double>(i));
    shape_.windows = c.windows;
    if (c.gemma_window > 0) MakeGemma3(&shape_, c.gemma_window);
    engine_ = std::make_unique<Engine>(shape_, 2);
    Randomize(&model(), 11);
    batch_ = RandomBatch(shape_, BatchSizes{}, 5);
  }

  // The engine gives out its model as const; the tests write weights through this.
  Model& model() { return const_cast<Model&>(engine_->model()); }

  void Compare(const UpdateSettings& settings, const ReferenceResult& expected, const std::string& where) {
    const UpdateResult result = engine_->trainer().Gradient(batch_, settings, kNoAbort);
    EXPECT_NEAR(result.loss, expected.loss, kTolerance * (1.0 + std::abs(expected.loss))) << where;
    EXPECT_NEAR(result.entropy, expected.entropy, kTolerance * (1.0 + expected.entropy)) << where;
    for (const NamedTensor& tensor : model().layout().names) {
      EXPECT_LT(RelativeError(engine_->trainer().gradient() + tensor.offset, expected.gradient.data() + tensor.offset,
                              tensor.size()),
                kTolerance)
          << where << " " << tensor.name;
    }
    double norm = 0.0;
    for (double g : expected.gradient) norm += g * g;
    EXPECT_NEAR(result.gradient_norm, std::sqrt(norm), kTolerance * std::sqrt(norm)) << where;
  }

  ModelShape shape_;
  std::unique_ptr<Engine> engine_;
  UpdateBatch batch_;
};

TEST_P(GradientTest, CrossEntropy) {
  UpdateSettings settings;
  const ReferenceResult expected = ReferenceGradient(model(), batch_, settings.loss);
  for (int64_t budget : {1, 64, 100000}) {
    settings.micro_batch_tokens = budget;
    Compare(settings, expected, "micro-batch " + std::to_string(budget));
  }
}

TEST_P(GradientTest, ClippedPolicy) {
  UpdateSettings settings;
  settings.loss.policy = true;
  settings.loss.clip_low = 0.2f;
  settings.loss.clip_high = 0.3f;
  // Old log-probabilities around the present ones, so that ratios lie on both sides of both bounds.
  const ReferenceResult present = ReferenceGradient(model(), batch_, LossSettings{});
  double clipped = 0, trained = 0, divergence = 0, gap = 0;
  for (size_t i = 0; i < batch_.weights.size(); ++i) {
    batch_.old_log_probabilities[i] = static_cast<float>(present.log_probabilities[i]) + 0.3f * NormalAt(3, 9, i);
    if (batch_.weights[i] == 0.0f) continue;
    const double difference = present.log_probabilities[i] - batch_.old_log_probabilities[i];
    const double ratio = std::exp(difference);
    clipped += batch_.advantages[i] > 0 ? ratio > 1.3 : ratio < 0.8;
    divergence -= difference;
    gap = std::max(gap, std::abs(difference));
    ++trained;
  }
  ASSERT_GT(clipped, 2);
  ASSERT_LT(clipped, trained);
  const ReferenceResult expected = ReferenceGradient(model(), batch_, settings.loss);
  for (int64_t budget : {1, 64, 100000}) {
    settings.micro_batch_tokens = budget;
    Compare(settings, expected, "micro-batch " + std::to_string(budget));
  }
  const UpdateResult result = engine_->trainer().Gradient(batch_, settings, kNoAbort);
  EXPECT_EQ(result.trained_tokens, static_cast<int64_t>(trained));
  EXPECT_NEAR(result.clip_fraction, clipped / trained, 1e-12);
  EXPECT_NEAR(result.approximate_kl, divergence / trained, 1e-4);
  EXPECT_NEAR(result.max_log_probability_gap, gap, 1e-4);
}

TEST_P(GradientTest, EveryTermOfThePolicyLoss) {
  const ReferenceResult present = ReferenceGradient(model(), batch_, LossSettings{});
  batch_.reference_log_probabilities = batch_.sampler_log_probabilities = batch_.old_log_probabilities;
  double capped = 0, trained = 0, importance = 0, largest = 0, held = 0;
  for (size_t i = 0; i < batch_.weights.size(); ++i) {
    batch_.old_log_probabilities[i] = static_cast<float>(present.log_probabilities[i]) + 0.3f * NormalAt(3, 9, i);
    batch_.reference_log_probabilities[i] = static_cast<float>(present.log_probabilities[i]) + 0.4f * NormalAt(3, 10, i);
    batch_.sampler_log_probabilities[i] = batch_.old_log_probabilities[i] + 0.3f * NormalAt(3, 11, i);
    if (batch_.weights[i] == 0.0f) continue;
    const double weight = std::exp(static_cast<double>(batch_.old_log_probabilities[i]) - batch_.sampler_log_probabilities[i]);
    capped += weight > 1.25;
    importance += std::min(weight, 1.25);
    largest = std::max(largest, std::min(weight, 1.25));
    held += batch_.advantages[i] < 0 && present.log_probabilities[i] - batch_.old_log_probabilities[i] > std::log(1.5);
    ++trained;
  }
  ASSERT_GT(capped, 2);
  ASSERT_GT(held, 0);  // some ratio lies above the dual clip
  for (const KlEstimator kl : {KlEstimator::kNone, KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    UpdateSettings settings;
    settings.loss.policy = true;
    settings.loss.clip_low = 0.2f;
    settings.loss.clip_high = 0.3f;
    settings.loss.dual_clip = 1.5f;
    settings.loss.entropy_bonus = kl == KlEstimator::kK1 ? 0.0f : 0.2f;
    settings.loss.kl = kl;
    settings.loss.kl_coefficient = 0.7f;
    settings.loss.importance_cap = 1.25f;
    const ReferenceResult expected = ReferenceGradient(model(), batch_, settings.loss);
    for (int64_t budget : {1, 64, 100000}) {
      settings.micro_batch_tokens = budget;
      Compare(settings, expected, "k" + std::to_string(static_cast<int>(kl)) + ", micro-batch " + std::to_string(budget));
    }
    const UpdateResult result = engine_->trainer().Gradient(batch_, settings, kNoAbort);
    EXPECT_NEAR(result.importance_mean, importance / trained, 1e-5);
    EXPECT_NEAR(result.importance_max, largest, 1e-5);
    EXPECT_NEAR(result.importance_capped, capped / trained, 1e-12);
    double estimate = 0;
    for (size_t i = 0; i < batch_.weights.size(); ++i) {
      if (batch_.weights[i] == 0.0f) continue;
      const double d = batch_.reference_log_probabilities[i] - present.log_probabilities[i];
      estimate += kl == KlEstimator::kNone ? 0 : kl == KlEstimator::kK1 ? -d : kl == KlEstimator::kK2 ? d * d / 2 : std::exp(d) - 1 - d;
    }
    EXPECT_NEAR(result.reference_kl, estimate / trained, 1e-5);
  }
}

// The loss is a sum over tokens: neither the order of prompts nor the way they are cut or packed changes it, whatever its terms are.
TEST_P(GradientTest, OrderAndCutsChangeNothing) {
  UpdateSettings settings;
  settings.loss = {true, 0.2f, 0.28f, 3.0f, 0.01f, KlEstimator::kK3, 0.1f, 2.0f};
  for (size_t i = 0; i < batch_.weights.size(); ++i) {
    const float now = -2.0f - UniformAt(4, 1, i);
    batch_.old_log_probabilities[i] = now + 0.2f * NormalAt(4, 2, i);
    batch_.reference_log_probabilities.push_back(now + 0.2f * NormalAt(4, 3, i));
    batch_.sampler_log_probabilities.push_back(now + 0.2f * NormalAt(4, 4, i));
  }
  const UpdateResult whole = engine_->trainer().Gradient(batch_, settings, kNoAbort);
  const std::vector<float> gradient(engine_->trainer().gradient(), engine_->trainer().gradient() + model().layout().total);
  double size = 0.0;  // of the loss: the sum of each sequence's own
  double scale = 0.0;  // of the gradient: likewise
  const UpdateBatch batch = batch_;
  UpdateBatch reversed;
  for (int64_t p = static_cast<int64_t>(batch.prompts.lengths.size()) - 1; p >= 0; --p) AppendPrompt(batch, p, &reversed);
  for (int64_t p = 0; p < static_cast<int64_t>(batch.prompts.lengths.size()); ++p) {
    UpdateBatch alone;
    AppendPrompt(batch, p, &alone);
    const UpdateResult part = engine_->trainer().Gradient(alone, settings, kNoAbort);
    size += std::abs(part.loss);
    scale += part.gradient_norm;
  }
  for (const UpdateBatch& other : {batch, reversed}) {
    for (int64_t budget : {1, 50, 100, 100000}) {
      settings.micro_batch_tokens = budget;
      const UpdateResult result = engine_->trainer().Gradient(other, settings, kNoAbort);
      EXPECT_NEAR(result.loss, whole.loss, 1e-6 * size) << budget;
      double difference = 0.0;
      for (size_t i = 0; i < gradient.size(); ++i) {
        difference += std::pow(static_cast<double>(engine_->trainer().gradient()[i]) - gradient[i], 2);
      }
      EXPECT_LT(std::sqrt(difference), 1e-6 * scale) << budget;
      EXPECT_EQ(result.trained_tokens, whole.trained_tokens);
      EXPECT_NEAR(result.importance_mean, whole.importance_mean, 1e-12);
      EXPECT_NEAR(result.reference_kl, whole.reference_kl, 1e-6);
    }
  }
}

TEST_P(GradientTest, ScoresAreLogProbabilities) {
  TokenRows sequences;
  std::vector<double> expected;
  const at::Tensor flat = ReferenceParameters(model());
  for (int64_t length : {2, 17, 33, 50}) {
    const std::vector<int32_t> tokens = RandomTokens(8, static_cast<uint64_t>(length), length, shape_.vocabulary);
    sequences.tokens.insert(sequences.tokens.end(), tokens.begin(), tokens.end());
    sequences.lengths.push_back(static_cast<int32_t>(length));
    const at::Tensor all = ReferenceLogits(shape_, model().layout(), flat, tokens).log_softmax(-1);
    for (int64_t i = 1; i < length; ++i) expected.push_back(all[i - 1][tokens[i]].item<double>());
  }
  for (int64_t budget : {1, 40, 100000}) {
    const std::vector<float> scores = engine_->trainer().Score(sequences, budget, kNoAbort);
    ASSERT_EQ(scores.size(), expected.size());
    for (size_t i = 0; i < scores.size(); ++i) {
      EXPECT_NEAR(scores[i], expected[i], kTolerance * (1.0 + std::abs(expected[i]))) << "token " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GradientTest,
    ::testing::Values(Case{"GroupedTied", 64, 64, 2, 4, 2, 16, 96, true},
                      Case{"GroupedUntied", 67, 64, 2, 4, 2, 16, 96, false},
                      Case{"FullHeadsOfThirtyTwo", 67, 64, 2, 4, 4, 32, 48, true},
                      Case{"OneKeyHeadOfFortyEight", 51, 40, 1, 4, 1, 48, 48, false},
                      Case{"NarrowerThanHeads", 33, 24, 3, 4, 2, 16, 16, true},
                      Case{"HeadOfOneHundredAndForty", 35, 48, 1, 2, 1, 144, 32, false},
                      Case{"BiasesOfQwen2", 64, 64, 2, 4, 2, 16, 96, true, true},
                      Case{"HeadNormsOfQwen3", 67, 48, 2, 4, 2, 32, 96, true, false, true},
                      Case{"StretchedPositionsOfLlama3", 67, 64, 2, 4, 2, 16, 96, false, false, false, true},
                      Case{"EverythingAtOnce", 67, 40, 2, 3, 1, 48, 48, false, true, true, true},
                      Case{"WindowsOfFiveAndNineteen", 67, 40, 3, 4, 2, 16, 48, true, false, false, false, {5, 0, 19}},
                      Case{"WindowsOfTwoAndThree", 33, 24, 2, 2, 1, 16, 32, false, true, false, true, {2, 3}},
                      Case{"Gemma3", 67, 40, 4, 2, 1, 32, 48, true, false, false, false, {}, 9},
                      Case{"Gemma3OfWideHeads", 51, 48, 2, 2, 1, 256, 32, true, false, false, false, {}, 16},
                      Case{"Gemma3WithBiases", 51, 48, 2, 4, 2, 16, 32, false, true, false, false, {}, 21}),
    [](const ::testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace azr::test
