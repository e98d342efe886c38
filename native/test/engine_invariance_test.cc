// The loss of a batch and its gradient, whatever way the batch is cut and laid out: micro-batches of one sequence, of a
// few, of all; prompts and completions in another order; each completion with a prompt of its own in place of a shared
// one; layers computed again for the gradient. Measured as a user would feel it: the loss against the mean magnitude of
// its terms, each tensor's gradient against the sum of the norms that the sequences' own gradients have.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

constexpr double kTolerance = 1e-6;

UpdateBatch Ordered(const UpdateBatch& batch, const std::vector<size_t>& order, bool share) {
  UpdateBatch out;
  int32_t last = -1;
  for (const size_t c : order) AppendCompletion(batch, c, share, &last, &out);
  return out;
}

struct Measured {
  double loss = 0;
  std::vector<float> gradient;
};

class InvarianceTest : public ::testing::TestWithParam<bool> {
 protected:
  InvarianceTest() : shape_(TinyShape(67, 48, 3, 4, 2, 16, 64, true)) {
    shape_.qkv_bias = shape_.qk_norm = GetParam();
    engine_ = std::make_unique<Engine>(shape_, 2);
    Randomize(&const_cast<Model&>(engine_->model()), 5);
    batch_ = RandomBatch(shape_, {9, 30, 4, 30}, 8);
    settings_.loss.policy = true;
    // Ratios near one, as training has them.
    settings_.micro_batch_tokens = 1 << 20;
    const ReferenceResult present = ReferenceGradient(engine_->model(), batch_, LossSettings{});
    for (size_t i = 0; i < batch_.weights.size(); ++i) {
      batch_.old_log_probabilities[i] = static_cast<float>(present.log_probabilities[i]) + 0.1f * ((i * 7) % 5 - 2.0f);
    }
    order_.resize(batch_.completions.lengths.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    whole_ = Measure(batch_, settings_);
    const size_t tensors = names().size();
    scale_.assign(tensors, 0.0);
    double terms = 0, sizes = 0;
    for (size_t c : order_) {
      const UpdateBatch one = Ordered(batch_, {c}, true);
      const Measured alone = Measure(one, settings_);
      sizes += std::abs(alone.loss);
      ++terms;
      for (size_t t = 0; t < tensors; ++t) scale_[t] += NormOf(alone.gradient, names()[t]);
    }
    loss_scale_ = sizes / terms;
  }

  const std::vector<NamedTensor>& names() const { return engine_->model().layout().names; }

  Measured Measure(const UpdateBatch& batch, const UpdateSettings& settings) {
    const UpdateResult result = engine_->trainer().Gradient(batch, settings, kNoAbort);
    const float* values = engine_->trainer().gradient();
    return {result.loss, {values, values + engine_->model().layout().total}};
  }

  static double NormOf(const std::vector<float>& values, const NamedTensor& tensor, const std::vector<float>* less = nullptr) {
    double sum = 0;
    for (int64_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
      const double value = static_cast<double>(values[i]) - (less ? (*less)[i] : 0.0);
      sum += value * value;
    }
    return std::sqrt(sum);
  }

  void Same(const Measured& other, const std::string& where) {
    EXPECT_LE(std::abs(other.loss - whole_.loss), kTolerance * loss_scale_) << where;
    for (size_t t = 0; t < names().size(); ++t) {
      EXPECT_LE(NormOf(other.gradient, names()[t], &whole_.gradient), kTolerance * scale_[t])
          << where << ", " << names()[t].name;
    }
  }

  ModelShape shape_;
  std::unique_ptr<Engine> engine_;
  UpdateBatch batch_;
  UpdateSettings settings_;
  std::vector<size_t> order_;
  Measured whole_;
  std::vector<double> scale_;  // of each tensor, the sum of the sequences' gradient norms
  double loss_scale_ = 0;
};

TEST_P(InvarianceTest, MicroBatches) {
  for (int64_t budget : {1, 120, 1 << 20}) {
    for (bool checkpoint : {false, true}) {
      UpdateSettings settings = settings_;
      settings.micro_batch_tokens = budget;
      settings.checkpoint_activations = checkpoint;
      Same(Measure(batch_, settings), std::to_string(budget) + (checkpoint ? " with checkpoints" : ""));
    }
  }
}

TEST_P(InvarianceTest, OrderAndSharing) {
  const std::vector<size_t> reversed(order_.rbegin(), order_.rend());
  std::vector<size_t> mixed = order_;
  for (size_t i = mixed.size() - 1; i > 0; --i) std::swap(mixed[i], mixed[Draw(3, 1, i, 0, static_cast<int64_t>(i))]);
  for (const auto& order : {order_, reversed, mixed}) {
    for (bool share : {true, false}) {
      for (int64_t budget : {1, 1 << 20}) {
        UpdateSettings settings = settings_;
        settings.micro_batch_tokens = budget;
        Same(Measure(Ordered(batch_, order, share), settings), share ? "shared prompts" : "prompts of their own");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, InvarianceTest, ::testing::Bool());

}  // namespace
}  // namespace azr::test
