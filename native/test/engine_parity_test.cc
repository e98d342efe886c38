// The promise that the rest of the package builds on: the log-probabilities that the sampler reports are those that the
// trainer computes, bit for bit, and what a row samples depends on nothing but (seed, prompt, sample). Checked over head
// layouts, prompt lengths around the key blocks, ways to cut a batch, rows in flight and thread counts; also that equal
// runs give equal losses and weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/kv_cache.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

struct Case {
  const char* name;
  int64_t vocabulary, hidden, layers, heads, key_value_heads, head_size, feed_forward;
  bool tied;
  bool qkv_bias = false, qk_norm = false;
  WeightFormat format = WeightFormat::kFloat32;
  std::vector<int64_t> windows = {};
  int64_t gemma_window = 0;
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> Parameters(const Engine& engine) {
  const float* values = engine.model().parameters();
  return {values, values + engine.model().layout().total};
}

class ParityTest : public ::testing::TestWithParam<Case> {
 protected:
  static std::unique_ptr<Engine> Open(int threads) {
    const Case& c = GetParam();
    ModelShape shape = TinyShape(c.vocabulary, c.hidden, c.layers, c.heads, c.key_value_heads, c.head_size, c.feed_forward, c.tied);
    shape.qkv_bias = c.qkv_bias;
    shape.qk_norm = c.qk_norm;
    shape.windows = c.windows;
    if (c.gemma_window > 0) MakeGemma3(&shape, c.gemma_window);
    auto engine = std::make_unique<Engine>(shape, threads, WeightSettings{c.format, true});
    Randomize(const_cast<Model*>(&engine->model()), 21);
    return engine;
  }

  static TokenRows Prompts() {
    TokenRows prompts;
    for (int64_t length : {1, 2, 15, 16, 17, 31, 33, 48, 5}) {
      const auto tokens = RandomTokens(4, static_cast<uint64_t>(length), length, GetParam().vocabulary);
      prompts.tokens.insert(prompts.tokens.end(), tokens.begin(), tokens.end());
      prompts.lengths.push_back(static_cast<int32_t>(length));
    }
    return prompts;
  }

  static GenerateSettings Sampling() {
    GenerateSettings settings;
    settings.samples = 5;
    settings.max_tokens = 40;
    settings.seed = 77;
    settings.stop_tokens = {3, 7};
    return settings;
  }

  static UpdateBatch Batch(const TokenRows& prompts, const GenerateResult& sampled, int64_t samples) {
    UpdateBatch batch;
    batch.prompts = prompts;
    batch.completions = sampled.completions;
    for (size_t row = 0; row < sampled.completions.lengths.size(); ++row) {
      batch.completion_prompt.push_back(static_cast<int32_t>(row) / static_cast<int32_t>(samples));
    }
    const size_t tokens = sampled.completions.tokens.size();
    batch.weights.assign(tokens, 1.0f / static_cast<float>(tokens));
    batch.old_log_probabilities = sampled.log_probabilities;
    for (size_t i = 0; i < tokens; ++i) batch.advantages.push_back(i % 3 == 0 ? 1.0f : -0.5f);
    return batch;
  }

  static UpdateSettings Policy(int64_t micro_batch_tokens) {
    UpdateSettings settings;
    settings.loss.policy = true;
    settings.micro_batch_tokens = micro_batch_tokens;
    settings.optimizer.learning_rate = 1e-3f;
    settings.optimizer.clip_norm = 1.0f;
    return settings;
  }
};

TEST_P(ParityTest, TrainerRepeatsTheSampler) {
  const TokenRows prompts = Prompts();
  for (int threads : {1, 2}) {
    const auto engine = Open(threads);
    for (bool truncated : {false, true}) {
      GenerateSettings settings = Sampling();
      if (truncated) settings.sampler = {0.7f, 0.9f, 12};
      const GenerateResult sampled = engine->Generate(prompts, settings, kNoAbort);
      const UpdateBatch batch = Batch(prompts, sampled, settings.samples);
      for (int64_t budget : {1, 100, 1 << 20}) {
        const UpdateResult result = engine->trainer().Gradient(batch, Policy(budget), kNoAbort);
        EXPECT_EQ(result.max_log_probability_gap, 0.0) << threads << " threads, budget " << budget;
        EXPECT_EQ(result.approximate_kl, 0.0);
        EXPECT_EQ(result.clip_fraction, 0.0);
        EXPECT_EQ(result.trained_tokens, static_cast<int64_t>(sampled.completions.tokens.size()));
      }
      // A gap is seen when there is one: the next float beside the true value is enough.
      UpdateBatch moved = batch;
      moved.old_log_probabilities[2] = std::nextafter(moved.old_log_probabilities[2], -100.0f);
      EXPECT_GT(engine->trainer().Gradient(moved, Policy(100), kNoAbort).max_log_probability_gap, 0.0);
    }
  }
}

TEST_P(ParityTest, ScoresAgreeClosely) {
  const auto engine = Open(2);
  const TokenRows prompts = Prompts();
  const GenerateResult sampled = engine->Generate(prompts, Sampling(), kNoAbort);
  TokenRows sequences;
  int64_t prompt_begin = 0, begin = 0;
  for (size_t row = 0; row < sampled.completions.lengths.size(); ++row) {
    const size_t prompt = row / 5;
    if (row > 0 && row % 5 == 0) prompt_begin += prompts.lengths[prompt - 1];
    const auto first = prompts.tokens.begin() + prompt_begin;
    sequences.tokens.insert(sequences.tokens.end(), first, first + prompts.lengths[prompt]);
    const auto completion = sampled.completions.tokens.begin() + begin;
    sequences.tokens.insert(sequences.tokens.end(), completion, completion + sampled.completions.lengths[row]);
    sequences.lengths.push_back(prompts.lengths[prompt] + sampled.completions.lengths[row]);
    begin += sampled.completions.lengths[row];
  }
  const std::vector<float> scores = engine->Score(sequences, kNoAbort);
  // Another order of a sum now and then rounds an input of a product the other way.
  const float close = GetParam().format == WeightFormat::kBfloat16 ? 2e-2f : 1e-5f;
  size_t score = 0, token = 0;
  for (size_t row = 0; row < sequences.lengths.size(); ++row) {
    score += static_cast<size_t>(prompts.lengths[row / 5]) - 1;
    for (int32_t i = 0; i < sampled.completions.lengths[row]; ++i, ++score, ++token) {
      EXPECT_NEAR(scores[score], sampled.log_probabilities[token], close * (1.0f + std::abs(scores[score])));
    }
  }
  EXPECT_EQ(score, scores.size());
  EXPECT_TRUE(SameBits(scores, Open(1)->Score(sequences, kNoAbort)));
}

TEST_P(ParityTest, SamplesDependOnTheirOwnRowOnly) {
  const TokenRows prompts = Prompts();
  const GenerateSettings settings = Sampling();
  const GenerateResult first = Open(1)->Generate(prompts, settings, kNoAbort);
  ASSERT_EQ(first.completions.lengths.size(), 45u);
  for (int threads : {1, 2}) {
    for (int64_t rows : {1, 7, 256}) {
      GenerateSettings other = settings;
      other.max_rows = rows;
      const GenerateResult again = Open(threads)->Generate(prompts, other, kNoAbort);
      EXPECT_EQ(again.completions.tokens, first.completions.tokens) << rows << " rows, " << threads << " threads";
      EXPECT_EQ(again.completions.lengths, first.completions.lengths);
      EXPECT_EQ(again.stopped, first.stopped);
      EXPECT_TRUE(SameBits(again.log_probabilities, first.log_probabilities));
    }
  }
  GenerateSettings other = settings;
  other.seed = 78;
  EXPECT_NE(Open(1)->Generate(prompts, other, kNoAbort).completions.tokens, first.completions.tokens);

  // Rows end where a stop token or the limit says, and only there.
  int64_t begin = 0, stopped = 0;
  for (size_t row = 0; row < first.completions.lengths.size(); ++row) {
    const int32_t length = first.completions.lengths[row];
    for (int32_t i = 0; i < length; ++i) {
      const int32_t token = first.completions.tokens[begin + i];
      EXPECT_EQ(token == 3 || token == 7, first.stopped[row] && i + 1 == length);
    }
    EXPECT_TRUE(first.stopped[row] || length == settings.max_tokens);
    stopped += first.stopped[row];
    begin += length;
  }
  EXPECT_GT(stopped, 0);
  EXPECT_LT(stopped, 45);
}

TEST_P(ParityTest, EqualRunsGiveEqualLosses) {
  std::vector<double> losses;
  std::vector<float> weights;
  for (int threads : {1, 1, 2}) {
    const auto engine = Open(threads);
    std::vector<double> own;
    for (uint64_t step = 0; step < 3; ++step) {
      GenerateSettings settings = Sampling();
      settings.seed = step;
      const GenerateResult sampled = engine->Generate(Prompts(), settings, kNoAbort);
      const UpdateResult result =
          engine->Update(Batch(Prompts(), sampled, settings.samples), Policy(200), kNoAbort);
      EXPECT_EQ(result.max_log_probability_gap, 0.0) << "step " << step;
      own.insert(own.end(), {result.loss, result.gradient_norm, result.entropy});
    }
    if (losses.empty()) {
      losses = own;
      weights = Parameters(*engine);
    }
    EXPECT_EQ(own, losses) << threads << " threads";
    EXPECT_TRUE(SameBits(Parameters(*engine), weights)) << threads << " threads";
  }
}

TEST_P(ParityTest, MicroBatchesChangeNothingThatMatters) {
  const auto engine = Open(2);
  const GenerateResult sampled = engine->Generate(Prompts(), Sampling(), kNoAbort);
  const UpdateBatch batch = Batch(Prompts(), sampled, 5);
  const UpdateResult whole = engine->trainer().Gradient(batch, Policy(1 << 20), kNoAbort);
  const float* gradient = engine->trainer().gradient();
  const std::vector<double> expected(gradient, gradient + engine->model().layout().total);
  // A shared prompt's gradient is summed over the micro-batches: in bfloat16 it is rounded before and not after.
  const double close = GetParam().format == WeightFormat::kBfloat16 ? 5e-3 : 1e-6;
  for (int64_t budget : {1, 64, 300}) {
    const UpdateResult result = engine->trainer().Gradient(batch, Policy(budget), kNoAbort);
    EXPECT_NEAR(result.loss, whole.loss, 1e-6 * std::abs(whole.loss));
    EXPECT_LT(RelativeError(engine->trainer().gradient(), expected.data(), static_cast<int64_t>(expected.size())), close)
        << "budget " << budget;
  }
}

TEST_P(ParityTest, CheckpointsGiveTheSameGradientToTheBit) {
  const auto engine = Open(2);
  const GenerateResult sampled = engine->Generate(Prompts(), Sampling(), kNoAbort);
  const UpdateBatch batch = Batch(Prompts(), sampled, 5);
  const auto gradient = [&](int64_t budget, bool checkpoint) {
    UpdateSettings settings = Policy(budget);
    settings.checkpoint_activations = checkpoint;
    const UpdateResult result = engine->trainer().Gradient(batch, settings, kNoAbort);
    const float* values = engine->trainer().gradient();
    return std::make_pair(result.loss, std::vector<float>(values, values + engine->model().layout().total));
  };
  for (int64_t budget : {64, 1 << 20}) {
    const auto kept = gradient(budget, false), again = gradient(budget, true), once_more = gradient(budget, false);
    EXPECT_EQ(kept.first, again.first);
    EXPECT_TRUE(SameBits(kept.second, again.second)) << budget;
    EXPECT_TRUE(SameBits(kept.second, once_more.second)) << budget;
  }
  // Less is held: all but one layer's.
  Engine fresh(engine->model().shape(), 1, engine->model().weights());
  Randomize(const_cast<Model*>(&fresh.model()), 21);
  UpdateSettings settings = Policy(1 << 20);
  settings.checkpoint_activations = true;
  fresh.trainer().Gradient(batch, settings, kNoAbort);
  EXPECT_LT(fresh.stats().memory.activations, engine->stats().memory.activations);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ParityTest,
                         ::testing::Values(Case{"Seedling", 96, 64, 2, 4, 2, 16, 96, true},
                                           Case{"OddSizes", 67, 40, 2, 4, 4, 32, 48, false},
                                           Case{"OneWideKeyHead", 33, 24, 2, 3, 1, 144, 16, true},
                                           Case{"Qwen2", 96, 64, 2, 4, 2, 16, 96, true, true},
                                           Case{"Qwen3", 67, 40, 2, 4, 2, 32, 48, false, false, true},
                                           Case{"Bfloat16", 96, 64, 2, 4, 2, 16, 96, true, false, false,
                                                WeightFormat::kBfloat16},
                                           Case{"Bfloat16Qwen", 67, 40, 2, 4, 2, 32, 48, false, true, true,
                                                WeightFormat::kBfloat16},
                                           Case{"Windows", 67, 40, 3, 4, 2, 16, 48, true, false, false,
                                                WeightFormat::kFloat32, {7, 0, 32}},
                                           Case{"WindowOfOne", 33, 24, 2, 2, 1, 16, 32, false, true, false,
                                                WeightFormat::kFloat32, {1, 17}},
                                           Case{"Gemma3", 67, 40, 4, 2, 1, 32, 48, true, false, false,
                                                WeightFormat::kFloat32, {}, 20},
                                           Case{"Gemma3OfWideHeads", 51, 48, 2, 2, 1, 256, 32, true, false, false,
                                                WeightFormat::kFloat32, {}, 40},
                                           Case{"Gemma3InBfloat16", 67, 40, 4, 2, 1, 32, 48, true, false, false,
                                                WeightFormat::kBfloat16, {}, 12}),
                         [](const ::testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

// Long prompts and completions, so that the cache drops blocks which the windows have passed, again and again, and slots
// that dropped some begin anew.
TEST(ParityOfLongTexts, TheCacheForgetsOnlyWhatNobodySees) {
  ModelShape shape = TinyShape(61, 32, 4, 4, 2, 16, 32, true);
  MakeGemma3(&shape, 5);
  shape.windows = {3, 0, 21, 33};
  shape.max_positions = 512;
  Engine engine(shape, 2);
  Randomize(const_cast<Model*>(&engine.model()), 31);
  TokenRows prompts;
  for (int64_t length : {3, 63, 64, 65, 180}) {
    const auto tokens = RandomTokens(9, static_cast<uint64_t>(length), length, shape.vocabulary);
    prompts.tokens.insert(prompts.tokens.end(), tokens.begin(), tokens.end());
    prompts.lengths.push_back(static_cast<int32_t>(length));
  }
  GenerateSettings settings;
  settings.samples = 3;
  settings.max_tokens = 220;
  settings.seed = 5;
  settings.stop_tokens = {2};
  settings.min_tokens = 50;
  settings.max_rows = 4;
  const GenerateResult sampled = engine.Generate(prompts, settings, kNoAbort);
  EXPECT_GT(*std::max_element(sampled.completions.lengths.begin(), sampled.completions.lengths.end()), 160);
  UpdateBatch batch;
  batch.prompts = prompts;
  batch.completions = sampled.completions;
  for (int32_t row = 0; row < 15; ++row) batch.completion_prompt.push_back(row / 3);
  batch.weights.assign(sampled.completions.tokens.size(), 1.0f);
  batch.advantages = batch.weights;
  batch.old_log_probabilities = sampled.log_probabilities;
  UpdateSettings policy;
  policy.loss.policy = true;
  EXPECT_EQ(engine.trainer().Gradient(batch, policy, kNoAbort).max_log_probability_gap, 0.0);
  // Bounded by twice the window, in blocks: 64 positions for windows of up to 17, 96 for up to 33.
  const int64_t block = 2 * 2 * 16 * static_cast<int64_t>(sizeof(float)) * kKeyBlock;
  EXPECT_EQ(KvCache::Bytes(shape, 32), block * 4 * 2);
  EXPECT_EQ(KvCache::Bytes(shape, 16000), block * (1000 + 4 + 6 + 6));
}

}  // namespace
}  // namespace azr::test
