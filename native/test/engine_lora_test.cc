// Low-rank adapters (lora.h): gradients against automatic differentiation of the reference on the merged weights, the merge
// against its formula, sampler and trainer to the bit, several optimizer steps against a double-precision AdamW, files, and memory.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "engine/counter_random.h"
#include "engine/engine.h"
#include "engine/status.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

constexpr double kTolerance = 2e-5;

struct Case {
  const char* name;
  bool qkv_bias, qk_norm;
  int64_t gemma_window;
  std::vector<std::string> targets;
};

ModelShape ShapeOf(const Case& c) {
  ModelShape shape = TinyShape(67, 48, 2, 4, 2, 32, 96, true);
  shape.qkv_bias = c.qkv_bias;
  shape.qk_norm = c.qk_norm;
  if (c.gemma_window > 0) MakeGemma3(&shape, c.gemma_window);
  return shape;
}

WeightSettings Held(const std::vector<std::string>& targets, WeightFormat format = WeightFormat::kFloat32) {
  return {format, true, LoraSettings{5, 8.0f, targets, 3}};
}

// An engine with random weights and adapters, neither part of which is zero.
std::unique_ptr<Engine> RandomEngine(const ModelShape& shape, const WeightSettings& held) {
  auto engine = std::make_unique<Engine>(shape, 2, held);
  Model& model = const_cast<Model&>(engine->model());
  Randomize(&model, 11);
  float* adapters = model.MutableTrained();
  for (int64_t i = 0; i < model.trained_size(); ++i) adapters[i] = 0.1f * NormalAt(21, 1, static_cast<uint64_t>(i));
  return engine;
}

at::Tensor Matrix(const float* values, int64_t rows, int64_t columns) {
  at::Tensor out = at::empty({rows, columns}, at::kDouble);
  for (int64_t i = 0; i < rows * columns; ++i) out.mutable_data_ptr<double>()[i] = values[i];
  return out;
}

at::Tensor Matrix(const double* values, int64_t rows, int64_t columns) {
  return at::from_blob(const_cast<double*>(values), {rows, columns}, at::kDouble).clone();
}

// An adapter with the matrix it belongs to.
struct Adapter {
  std::string name;
  int64_t offset, rows, columns, rank;
  at::Tensor a, b;
  int64_t a_offset, b_offset;
};

std::vector<Adapter> AdaptersOf(const Model& model) {
  const LoraSettings& settings = *model.weights().lora;
  const LoraLayout layout(model.layout(), settings);
  std::vector<Adapter> all;
  for (const LoraLayout::Target& t : layout.targets) {
    const auto tensor = std::find_if(model.layout().names.begin(), model.layout().names.end(),
                                     [&](const NamedTensor& one) { return one.offset == t.offset; });
    all.push_back({tensor->name, t.offset, t.rows, t.columns, settings.rank,
                   Matrix(model.trained() + t.a, settings.rank, t.columns),
                   Matrix(model.trained() + t.b, t.rows, settings.rank), t.a, t.b});
  }
  return all;
}

// W + scale B A of the whole model in double, rounded to single.
std::vector<float> Explicit(const Model& model) {
  std::vector<float> flat(model.parameters(), model.parameters() + model.layout().total);
  const double scale = model.weights().lora->alpha / static_cast<double>(model.weights().lora->rank);
  for (const Adapter& adapter : AdaptersOf(model)) {
    const at::Tensor sum = at::matmul(adapter.b, adapter.a).contiguous();
    for (int64_t i = 0; i < adapter.rows * adapter.columns; ++i) {
      flat[adapter.offset + i] = static_cast<float>(flat[adapter.offset + i] + scale * sum.const_data_ptr<double>()[i]);
    }
  }
  return flat;
}

// A model without adapters whose weights are the merged ones of another, to the bit.
void CopyMerged(const Model& from, Model* to) {
  float* flat = to->MutableParameters();
  for (const NamedTensor& tensor : from.layout().names) {
    const int64_t rows = tensor.dimensions.front();
    const float* values = from.Merged(tensor.offset, rows, tensor.size() / rows);
    std::copy(values, values + tensor.size(), flat + tensor.offset);
  }
}

class LoraTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    shape_ = ShapeOf(GetParam());
    engine_ = RandomEngine(shape_, Held(GetParam().targets));
    batch_ = RandomBatch(shape_, BatchSizes{}, 5);
  }
  Model& model() { return const_cast<Model&>(engine_->model()); }

  // The gradient of the adapters in double, from that of the merged weights by the reference.
  std::vector<double> Expected(const LossSettings& loss) {
    Model merged(shape_);
    CopyMerged(model(), &merged);
    const ReferenceResult reference = ReferenceGradient(merged, batch_, loss);
    const double scale = 8.0 / 5.0;
    std::vector<double> gradient(model().trained_size());
    for (const Adapter& adapter : AdaptersOf(model())) {
      const at::Tensor dw = Matrix(reference.gradient.data() + adapter.offset, adapter.rows, adapter.columns);
      const at::Tensor da = (at::matmul(adapter.b.t(), dw) * scale).contiguous();
      const at::Tensor db = (at::matmul(dw, adapter.a.t()) * scale).contiguous();
      std::copy_n(da.const_data_ptr<double>(), da.numel(), gradient.begin() + adapter.a_offset);
      std::copy_n(db.const_data_ptr<double>(), db.numel(), gradient.begin() + adapter.b_offset);
    }
    return gradient;
  }

  ModelShape shape_;
  std::unique_ptr<Engine> engine_;
  UpdateBatch batch_;
};

TEST_P(LoraTest, GradientsAreThoseOfAutomaticDifferentiation) {
  UpdateSettings settings;
  for (const bool policy : {false, true}) {
    settings.loss.policy = policy;
    if (policy) {
      // Ratios near 1, away from the bounds.
      Model merged(shape_);
      CopyMerged(model(), &merged);
      const ReferenceResult present = ReferenceGradient(merged, batch_, LossSettings{});
      for (size_t i = 0; i < batch_.weights.size(); ++i) {
        batch_.old_log_probabilities[i] = static_cast<float>(present.log_probabilities[i]) + 0.05f * NormalAt(3, 9, i);
      }
    }
    const std::vector<double> expected = Expected(settings.loss);
    for (const int64_t budget : {1, 64, 100000}) {
      for (const bool checkpoint : {false, true}) {
        settings.micro_batch_tokens = budget;
        settings.checkpoint_activations = checkpoint;
        const UpdateResult result = engine_->trainer().Gradient(batch_, settings, kNoAbort);
        double norm = 0.0;
        for (const double g : expected) norm += g * g;
        EXPECT_NEAR(result.gradient_norm, std::sqrt(norm), kTolerance * std::sqrt(norm));
        for (const NamedTensor& tensor : model().trained_names()) {
          EXPECT_LT(RelativeError(engine_->trainer().gradient() + tensor.offset, expected.data() + tensor.offset, tensor.size()),
                    kTolerance)
              << tensor.name << ", micro-batches of " << budget;
        }
      }
    }
  }
}

TEST_P(LoraTest, TenStepsAreThoseOfAdamWInDouble) {
  UpdateSettings settings;
  settings.optimizer = {1e-2f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.5f};
  const std::vector<float> base(model().parameters(), model().parameters() + model().layout().total);
  const int64_t size = model().trained_size();
  std::vector<double> values(model().trained(), model().trained() + size), first(size), second(size);
  double first_loss = 0.0, loss = 0.0;
  for (int step = 1; step <= 10; ++step) {
    const std::vector<double> gradient = Expected(settings.loss);  // at the engine's own weights: one step's error at a time
    double norm = 0.0;
    for (const double g : gradient) norm += g * g;
    const double scale = std::min(1.0, 0.5 / (std::sqrt(norm) + 1e-6));
    for (int64_t i = 0; i < size; ++i) {
      const double g = scale * gradient[i];
      first[i] = 0.9 * first[i] + 0.1 * g;
      second[i] = 0.99 * second[i] + 0.01 * g * g;
      values[i] = values[i] * (1.0 - 1e-2 * 0.1) - 1e-2 * (first[i] / (1.0 - std::pow(0.9, step))) /
                                                       (std::sqrt(second[i] / (1.0 - std::pow(0.99, step))) + 1e-8);
    }
    loss = engine_->Update(batch_, settings, kNoAbort).loss;
    if (step == 1) first_loss = loss;
    EXPECT_LT(RelativeError(model().trained(), values.data(), size), 1e-3) << "step " << step;
  }
  EXPECT_LT(loss, first_loss);
  EXPECT_TRUE(std::equal(base.begin(), base.end(), model().parameters()));  // what is no adapter stays
}

TEST_P(LoraTest, MergesAreTheFormula) {
  const std::vector<float> expected = Explicit(model());
  Model merged(shape_);
  CopyMerged(model(), &merged);
  double largest = 0.0;
  for (int64_t i = 0; i < merged.layout().total; ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(merged.parameters()[i]) - expected[i]));
  }
  EXPECT_LT(largest, 1e-6);
}

TEST_P(LoraTest, SamplerAndTrainerAgreeToTheBit) {
  for (const WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16}) {
    std::unique_ptr<Engine> engine = RandomEngine(shape_, Held(GetParam().targets, format));
    for (int step = 0; step < 3; ++step) {
      TokenRows prompts;
      for (const int32_t length : {3, 9, 14}) {
        const std::vector<int32_t> tokens = RandomTokens(7, static_cast<uint64_t>(length + step), length, shape_.vocabulary);
        prompts.tokens.insert(prompts.tokens.end(), tokens.begin(), tokens.end());
        prompts.lengths.push_back(length);
      }
      GenerateSettings sampling;
      sampling.samples = 3;
      sampling.max_tokens = 12;
      sampling.seed = 5;
      const GenerateResult sampled = engine->Generate(prompts, sampling, kNoAbort);
      UpdateBatch batch;
      batch.prompts = prompts;
      batch.completions = sampled.completions;
      for (int32_t p = 0; p < 3; ++p) batch.completion_prompt.insert(batch.completion_prompt.end(), 3, p);
      batch.weights.assign(sampled.completions.tokens.size(), 0.05f);
      for (size_t i = 0; i < batch.weights.size(); ++i) batch.advantages.push_back(NormalAt(4, 2, i));
      batch.old_log_probabilities = sampled.log_probabilities;
      UpdateSettings settings;
      settings.loss.policy = true;
      settings.optimizer.learning_rate = 1e-2f;
      settings.max_gap = 0.0;
      const UpdateResult result = engine->Update(batch, settings, kNoAbort);
      EXPECT_EQ(result.max_log_probability_gap, 0.0);
      EXPECT_GT(result.gradient_norm, 0.0);
    }
    // And as those of a model whose own weights are the merged ones.
    Engine plain(shape_, 2, {format, true});
    CopyMerged(engine->model(), &const_cast<Model&>(plain.model()));
    TokenRows sequences{RandomTokens(8, 1, 30, shape_.vocabulary), {30}};
    EXPECT_EQ(engine->Score(sequences, kNoAbort), plain.Score(sequences, kNoAbort));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Families, LoraTest,
    ::testing::Values(Case{"LlamaAllTargets", false, false, 0, LoraTargets()},
                      Case{"LlamaTwoOfOneProduct", false, false, 0, {"q_proj", "v_proj", "up_proj"}},
                      Case{"Qwen2Biases", true, false, 0, LoraTargets()},
                      Case{"Qwen3HeadNorms", false, true, 0, {"k_proj", "o_proj", "down_proj"}},
                      Case{"Gemma3", false, true, 7, LoraTargets()}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Lora, ANewAdapterChangesNothing) {
  const ModelShape shape = TinyShape(67, 48, 2, 4, 2, 32, 96, true);
  Engine engine(shape, 2, Held(LoraTargets())), plain(shape, 2);
  engine.Initialize(4);
  plain.Initialize(4);
  const TokenRows sequences{RandomTokens(8, 1, 30, shape.vocabulary), {30}};
  EXPECT_EQ(engine.Score(sequences, kNoAbort), plain.Score(sequences, kNoAbort));
  // A is drawn within +-1/sqrt(columns), with the variance of a uniform number.
  const Model& model = engine.model();
  for (const NamedTensor& tensor : model.trained_names()) {
    const float* values = model.trained() + tensor.offset;
    const double columns = static_cast<double>(tensor.dimensions[1]);
    double squares = 0.0, largest = 0.0;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      squares += static_cast<double>(values[i]) * values[i];
      largest = std::max(largest, std::abs(static_cast<double>(values[i])));
    }
    if (tensor.name.ends_with("lora_B.weight")) {
      EXPECT_EQ(largest, 0.0) << tensor.name;
    } else {
      EXPECT_LE(largest, 1.0 / std::sqrt(columns)) << tensor.name;
      EXPECT_NEAR(squares / static_cast<double>(tensor.size()) * columns * 3.0, 1.0, 0.25) << tensor.name;
    }
  }
}

TEST_P(LoraTest, WithoutAdaptersItIsTheModelThatNeverHadAny) {
  const TokenRows sequences{RandomTokens(8, 1, 30, shape_.vocabulary), {18, 12}};
  for (const WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16}) {
    std::unique_ptr<Engine> engine = RandomEngine(shape_, Held(GetParam().targets, format));
    std::unique_ptr<Engine> never_asked = RandomEngine(shape_, Held(GetParam().targets, format));
    Engine plain(shape_, 2, {format, true});
    Randomize(&const_cast<Model&>(plain.model()), 11);
    const std::vector<float> base = plain.Score(sequences, kNoAbort);
    UpdateSettings settings;
    settings.optimizer.learning_rate = 1e-2f;
    for (int step = 0; step < 3; ++step) {
      EXPECT_EQ(engine->Score(sequences, kNoAbort, /*adapters=*/false), base) << "step " << step;
      EXPECT_EQ(engine->Score(sequences, kNoAbort, /*adapters=*/false), base) << "and again";
      const std::vector<float> adapted = engine->Score(sequences, kNoAbort);
      EXPECT_NE(adapted, base);
      EXPECT_EQ(adapted, never_asked->Score(sequences, kNoAbort)) << "step " << step;
      if (step == 1) EXPECT_EQ(engine->Score(sequences, kNoAbort, false), base);  // before the gradient, too
      EXPECT_EQ(engine->Update(batch_, settings, kNoAbort).gradient_norm, never_asked->Update(batch_, settings, kNoAbort).gradient_norm);
    }
    EXPECT_EQ(engine->stats().memory.copies, never_asked->stats().memory.copies);
    EXPECT_THROW(plain.Score(sequences, kNoAbort, false), EngineError);
    const std::atomic<bool> aborted{true};
    EXPECT_THROW(engine->Score(sequences, aborted, false), EngineError);
    EXPECT_EQ(engine->Score(sequences, kNoAbort), never_asked->Score(sequences, kNoAbort)) << "adapters are back after a failure";
  }
}

TEST(Lora, FilesGoRoundAndMergeToTheSameBits) {
  const ModelShape shape = TinyShape(67, 48, 2, 4, 2, 32, 96, true);
  const WeightSettings held = Held({"q_proj", "down_proj"});
  std::unique_ptr<Engine> engine = RandomEngine(shape, held);
  const std::string folder = ::testing::TempDir(), weights = folder + "lora_base", adapters = folder + "lora_adapters",
                    merged = folder + "lora_merged";
  const auto sources = [](const std::vector<NamedTensor>& names, const std::string& path) {
    std::vector<TensorSource> all;
    for (size_t i = 0; i < names.size(); ++i) {
      all.push_back({static_cast<int64_t>(i), path, names[i].offset * 4, StorageType::kFloat32});
    }
    return all;
  };
  engine->SaveAdapters(adapters, "");
  engine->SaveParameters(merged, "");
  WriteFloats(weights, "", {{engine->model().parameters(), engine->model().layout().total * 4}});
  const auto& names = engine->model().layout().names;
  const TokenRows sequences{RandomTokens(8, 1, 30, shape.vocabulary), {30}};
  const std::vector<float> expected = engine->Score(sequences, kNoAbort);

  Engine again(shape, 2, held);
  again.LoadParameters(sources(names, weights), true);
  EXPECT_NE(again.Score(sequences, kNoAbort), expected);
  again.LoadAdapters(sources(again.model().trained_names(), adapters));
  EXPECT_EQ(again.Score(sequences, kNoAbort), expected);

  const AdapterSource source{*held.lora, sources(engine->model().trained_names(), adapters)};
  for (const bool trainable : {true, false}) {
    Engine saved(shape, 2, {WeightFormat::kFloat32, trainable}), folded(shape, 2, {WeightFormat::kFloat32, trainable});
    saved.LoadParameters(sources(names, merged), true);
    folded.LoadParameters(sources(names, weights), true, {source});
    EXPECT_EQ(saved.Score(sequences, kNoAbort), expected);
    EXPECT_EQ(folded.Score(sequences, kNoAbort), expected);
  }
  for (const std::string& path : {weights, adapters, merged}) std::remove(path.c_str());
}

TEST(Lora, TrainingHoldsWhatIsTrainedAndNoMore) {
  const ModelShape shape = TinyShape(512, 256, 2, 4, 2, 64, 512, true);
  const UpdateBatch batch = RandomBatch(shape, BatchSizes{}, 5);
  UpdateSettings settings;
  settings.optimizer.learning_rate = 1e-3f;
  Engine full(shape, 2), adapted(shape, 2, {WeightFormat::kFloat32, true, LoraSettings{4, 8.0f, LoraTargets(), 0}});
  for (Engine* engine : {&full, &adapted}) {
    engine->Initialize(1);
    engine->Update(batch, settings, kNoAbort);
  }
  const EngineMemory all = full.stats().memory, few = adapted.stats().memory;
  const int64_t adapters = adapted.model().trained_size() * 4;
  EXPECT_LT(adapters * 20, full.model().layout().total * 4);
  EXPECT_EQ(few.gradients, adapters);
  EXPECT_EQ(few.moments, 2 * adapters);
  EXPECT_EQ(few.weights, all.weights + adapters);
  EXPECT_EQ(all.gradients + all.moments, 3 * full.model().layout().total * 4);
  // Working space: one product's merged weights, and little of the rank's size.
  EXPECT_LT(few.copies - all.copies, 2 * shape.feed_forward * shape.hidden * 4 * 1.1);
}

TEST(Lora, SettingsAreChecked) {
  const ModelShape shape = TinyShape(67, 48, 2, 4, 2, 32, 96, true);
  const auto code = [&](const WeightSettings& held) -> std::string {
    try {
      Model model(shape, held);
    } catch (const EngineError& error) {
      return error.code();
    }
    return "none";
  };
  EXPECT_EQ(code({WeightFormat::kFloat32, true, LoraSettings{0, 8.0f, LoraTargets()}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(code({WeightFormat::kFloat32, true, LoraSettings{8, 0.0f, LoraTargets()}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(code({WeightFormat::kFloat32, true, LoraSettings{8, 8.0f, {}}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(code({WeightFormat::kFloat32, true, LoraSettings{8, 8.0f, {"lm_head"}}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(code({WeightFormat::kFloat32, false, LoraSettings{8, 8.0f, LoraTargets()}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(code({WeightFormat::kBfloat16, true, LoraSettings{8, 8.0f, {"q_proj"}}}), "none");
}

}  // namespace
}  // namespace azr::test
