// The engine against numbers that transformers and torch computed once (test/truth/make_model_truth.py says how, and
// describes the files): logits, loss, gradients and ten clipped AdamW steps of a tiny model of each family. The bound on
// each tensor is 1e-4, the Euclidean norm of its difference relative to its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

constexpr double kTolerance = 1e-4;

struct TruthArray {
  int64_t first = 0;
  std::vector<int64_t> dimensions;
  int64_t size() const {
    return std::accumulate(dimensions.begin(), dimensions.end(), int64_t{1}, std::multiplies<>());
  }
};

class Truth {
 public:
  explicit Truth(const std::string& name)
      : path_(std::string(AZR_SOURCE_FOLDER) + "/test/truth/data/" + name) {
    std::ifstream index(path_ + ".index");
    EXPECT_TRUE(index.good()) << path_ << ".index";
    for (std::string line; std::getline(index, line);) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      if (word == "set") {
        words >> word;
        words >> numbers_[word];
        continue;
      }
      TruthArray& array = arrays_[word];
      words >> array.first;
      for (int64_t d; words >> d;) array.dimensions.push_back(d);
    }
  }

  double number(const std::string& name) const { return numbers_.at(name); }
  double number(const std::string& name, double otherwise) const { return numbers_.count(name) ? number(name) : otherwise; }
  int64_t integer(const std::string& name) const { return static_cast<int64_t>(number(name)); }
  bool has(const std::string& name) const { return arrays_.count(name) != 0; }
  const TruthArray& at(const std::string& name) const { return arrays_.at(name); }
  std::string data_path() const { return path_ + ".data"; }
  int64_t byte_offset(const std::string& name) const { return at(name).first * static_cast<int64_t>(sizeof(float)); }

  std::vector<float> values(const std::string& name) const {
    std::vector<float> out(at(name).size());
    ReadFloats(data_path(), byte_offset(name), StorageType::kFloat32, static_cast<int64_t>(out.size()), out.data());
    return out;
  }

 private:
  std::string path_;
  std::map<std::string, double> numbers_;
  std::map<std::string, TruthArray> arrays_;
};

double Error(const float* a, const std::vector<float>& expected) {
  const std::vector<double> wide(expected.begin(), expected.end());
  return RelativeError(a, wide.data(), static_cast<int64_t>(wide.size()));
}

class TruthTest : public ::testing::TestWithParam<const char*> {
 protected:
  TruthTest() : truth_(GetParam()) {
    ModelShape shape;
    shape.vocabulary = truth_.integer("vocab_size");
    shape.hidden = truth_.integer("hidden_size");
    shape.layers = truth_.integer("num_hidden_layers");
    shape.heads = truth_.integer("num_attention_heads");
    shape.key_value_heads = truth_.integer("num_key_value_heads");
    shape.head_size = truth_.integer("head_dim");
    shape.feed_forward = truth_.integer("intermediate_size");
    shape.max_positions = truth_.integer("max_position_embeddings");
    shape.norm_epsilon = static_cast<float>(truth_.number("rms_norm_eps"));
    shape.rope_theta = truth_.number("rope_theta");
    shape.tied_head = truth_.integer("tied") != 0;
    shape.qkv_bias = truth_.integer("qkv_bias") != 0;
    shape.qk_norm = truth_.integer("qk_norm") != 0;
    if (truth_.has("rope-factors")) {
      const std::vector<float> factors = truth_.values("rope-factors");
      shape.rope_factors.assign(factors.begin(), factors.end());
    }
    if (truth_.has("windows")) {
      for (const float window : truth_.values("windows")) shape.windows.push_back(static_cast<int64_t>(window));
    }
    shape.local_rope_theta = truth_.number("local_rope_theta", 0.0);
    shape.attention_scale = static_cast<float>(truth_.number("attention_scale", 0.0));
    shape.embedding_scale = static_cast<float>(truth_.number("embedding_scale", 1.0));
    if (std::string(GetParam()) == "gemma3") {
      shape.norm_offset = 1.0f;
      shape.post_norms = true;
      shape.activation = Activation::kGeluTanh;
    }
    shape_ = shape;
    engine_ = Open({});
  }

  // With `scale`, each matrix is multiplied by it.
  std::unique_ptr<Engine> Open(const WeightSettings& weights, float scale = 1.0f) const {
    auto engine = std::make_unique<Engine>(shape_, 1, weights);
    const auto& names = engine->model().layout().names;
    std::vector<TensorSource> sources;
    for (size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(truth_.at("weight:" + names[i].name).dimensions, names[i].dimensions) << names[i].name;
      sources.push_back({static_cast<int64_t>(i), truth_.data_path(), truth_.byte_offset("weight:" + names[i].name),
                         StorageType::kFloat32});
    }
    engine->LoadParameters(sources);
    if (scale != 1.0f) {
      float* parameters = const_cast<Model&>(engine->model()).MutableParameters();
      for (const NamedTensor& tensor : names) {
        if (tensor.dimensions.size() < 2) continue;
        for (int64_t i = 0; i < tensor.size(); ++i) parameters[tensor.offset + i] *= scale;
      }
    }
    return engine;
  }

  // Of all tokens of the batch, [rows * length, vocabulary].
  std::vector<float> Logits(Engine* engine) const {
    Model& model = const_cast<Model&>(engine->model());
    Decoder decoder(&model);
    Head head(&model);
    const std::vector<float> tokens = truth_.values("tokens");
    const int64_t rows = truth_.at("tokens").dimensions[0], length = truth_.at("tokens").dimensions[1];
    PackedBatch batch;
    std::vector<int64_t> index;
    for (int64_t r = 0; r < rows; ++r) {
      batch.groups.push_back({batch.rows(), length, {}});
      for (int64_t i = 0; i < length; ++i) {
        index.push_back(batch.rows());
        batch.tokens.push_back(static_cast<int32_t>(tokens[r * length + i]));
        batch.positions.push_back(static_cast<int32_t>(i));
      }
    }
    decoder.Forward(batch, false);
    const float* logits = head.Logits(decoder.hidden(), index.data(), batch.rows());
    std::vector<float> dense;
    for (int64_t r = 0; r < batch.rows(); ++r) {
      dense.insert(dense.end(), logits + r * head.logit_stride(),
                   logits + r * head.logit_stride() + model.shape().vocabulary);
    }
    return dense;
  }

  const std::vector<NamedTensor>& names() const { return engine_->model().layout().names; }

  // Each row of the batch as a prompt with its one completion, every completion token with the same weight.
  UpdateBatch Batch() const {
    UpdateBatch batch;
    const std::vector<float> tokens = truth_.values("tokens"), prompts = truth_.values("prompts");
    const int64_t length = truth_.at("tokens").dimensions[1];
    for (size_t row = 0; row < prompts.size(); ++row) {
      const int64_t prompt = static_cast<int64_t>(prompts[row]);
      for (int64_t i = 0; i < length; ++i) {
        TokenRows& rows = i < prompt ? batch.prompts : batch.completions;
        rows.tokens.push_back(static_cast<int32_t>(tokens[row * length + i]));
      }
      batch.prompts.lengths.push_back(static_cast<int32_t>(prompt));
      batch.completions.lengths.push_back(static_cast<int32_t>(length - prompt));
      batch.completion_prompt.push_back(static_cast<int32_t>(row));
    }
    batch.weights.assign(batch.completions.tokens.size(), 1.0f / static_cast<float>(batch.completions.tokens.size()));
    return batch;
  }

  UpdateSettings Settings() const {
    UpdateSettings settings;
    settings.optimizer.learning_rate = static_cast<float>(truth_.number("learning_rate"));
    settings.optimizer.beta1 = static_cast<float>(truth_.number("beta1"));
    settings.optimizer.beta2 = static_cast<float>(truth_.number("beta2"));
    settings.optimizer.epsilon = static_cast<float>(truth_.number("epsilon"));
    settings.optimizer.weight_decay = static_cast<float>(truth_.number("weight_decay"));
    settings.optimizer.clip_norm = static_cast<float>(truth_.number("clip_norm"));
    return settings;
  }

  Truth truth_;
  ModelShape shape_;
  std::unique_ptr<Engine> engine_;
};

double Largest(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

TEST_P(TruthTest, LogitsInSinglePrecision) {
  const std::vector<float> logits = Logits(engine_.get()), expected = truth_.values("logits");
  ASSERT_EQ(logits.size(), expected.size());
  EXPECT_LT(Error(logits.data(), expected), kTolerance);
  EXPECT_LT(Largest(logits, expected), kTolerance);
}

// make_bfloat16_truth.py made the logits of transformers in bfloat16. Both round, each its own way: the engine must be
// no further from the exact logits than transformers is.
TEST_P(TruthTest, LogitsInBfloat16) {
  const std::vector<float> exact = truth_.values("logits");
  const std::vector<float> expected = Truth(std::string(GetParam()) + "-bf16").values("logits");
  for (bool trainable : {true, false}) {
    const auto engine = Open({WeightFormat::kBfloat16, trainable});
    const std::vector<float> logits = Logits(engine.get());
    EXPECT_LT(Error(logits.data(), expected), 3e-2);
    EXPECT_LE(Error(logits.data(), exact), Error(expected.data(), exact));
    EXPECT_LE(Largest(logits, exact), Largest(expected, exact));
  }
}

// Matrices as small as transformers initializes them: those stored, times 1/16, which rounds nothing.
TEST_P(TruthTest, LogitsInBfloat16OfSmallWeights) {
  const std::vector<float> expected = Truth(std::string(GetParam()) + "-bf16").values("initial-logits");
  const auto single = Open({}, 1.0f / 16), engine = Open({WeightFormat::kBfloat16, /*trainable=*/true}, 1.0f / 16);
  const std::vector<float> exact = Logits(single.get()), logits = Logits(engine.get());
  EXPECT_LT(Largest(logits, expected), 3e-2);
  EXPECT_LT(Error(logits.data(), expected), 3e-2);
  EXPECT_LE(Error(logits.data(), exact), Error(expected.data(), exact));
}

TEST_P(TruthTest, LossAndGradients) {
  const UpdateResult result = engine_->trainer().Gradient(Batch(), Settings(), kNoAbort);
  const double loss = truth_.values("losses")[0], norm = truth_.values("gradient-norms")[0];
  EXPECT_NEAR(result.loss, loss, kTolerance * loss);
  EXPECT_NEAR(result.gradient_norm, norm, kTolerance * norm);
  for (const NamedTensor& tensor : names()) {
    const std::vector<float> expected = truth_.values("gradient:" + tensor.name);
    ASSERT_EQ(static_cast<int64_t>(expected.size()), tensor.size()) << tensor.name;
    EXPECT_LT(Error(engine_->trainer().gradient() + tensor.offset, expected), kTolerance) << tensor.name;
  }
}

TEST_P(TruthTest, TenAdamWSteps) {
  const UpdateBatch batch = Batch();
  const UpdateSettings settings = Settings();
  const std::vector<float> losses = truth_.values("losses"), norms = truth_.values("gradient-norms");
  ASSERT_EQ(losses.size(), 10u);
  for (size_t step = 0; step < losses.size(); ++step) {
    const UpdateResult result = engine_->Update(batch, settings, kNoAbort);
    EXPECT_NEAR(result.loss, losses[step], kTolerance * losses[step]) << "step " << step;
    EXPECT_NEAR(result.gradient_norm, norms[step], kTolerance * norms[step]) << "step " << step;
  }
  EXPECT_EQ(engine_->optimizer_steps(), 10);
  for (const NamedTensor& tensor : names()) {
    const std::vector<float> expected = truth_.values("final:" + tensor.name);
    ASSERT_EQ(static_cast<int64_t>(expected.size()), tensor.size()) << tensor.name;
    EXPECT_LT(Error(engine_->model().at(tensor.offset), expected), kTolerance) << tensor.name;
    // The steps moved the tensor by far more than the tolerance, so the comparison above means something.
    const std::vector<float> start = truth_.values("weight:" + tensor.name);
    EXPECT_GT(Error(start.data(), expected), 30 * kTolerance) << tensor.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, TruthTest,
                         ::testing::Values("llama-tied", "llama-untied", "llama3", "mistral", "qwen2", "qwen3", "mistral-window",
                                           "qwen2-window", "gemma3"),
                         [](const ::testing::TestParamInfo<const char*>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace azr::test
