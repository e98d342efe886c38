#include "engine/optimizer.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {
constexpr int64_t kBlock = 1 << 14;
}

double Norm(const float* values, int64_t size) {
  const int64_t blocks = (size + kBlock - 1) / kBlock;
  std::vector<double> partial(blocks, 0.0);
  ParallelFor(blocks, 4, [&](int64_t b) {
    const int64_t end = std::min(size, (b + 1) * kBlock);
    double lanes[8] = {};
    int64_t i = b * kBlock;
    for (; i + 8 <= end; i += 8) {
      for (int j = 0; j < 8; ++j) lanes[j] += static_cast<double>(values[i + j]) * values[i + j];
    }
    double sum = 0.0;
    for (double lane : lanes) sum += lane;
    for (; i < end; ++i) sum += static_cast<double>(values[i]) * values[i];
    partial[b] = sum;
  });
  double total = 0.0;
  for (double sum : partial) total += sum;
  return std::sqrt(total);
}

void AdamW::Allocate() {
  if (first_.defined()) return;
  first_ = at::zeros({size_}, at::kFloat);
  second_ = at::zeros({size_}, at::kFloat);
}

float* AdamW::first() {
  Allocate();
  return first_.mutable_data_ptr<float>();
}

float* AdamW::second() {
  Allocate();
  return second_.mutable_data_ptr<float>();
}

void AdamW::Reset() {
  first_ = at::Tensor();
  second_ = at::Tensor();
  steps_ = 0;
}

namespace {

// The whole buffer in ranges of at most kBlock values; neighbours that are stepped alike share them.
std::vector<StepRange> Ranges(const OptimizerSettings& settings, const std::vector<int64_t>& sizes, int64_t total) {
  std::vector<StepRange> alike;
  if (settings.learning_rate_scales.empty()) {
    alike.push_back({0, total, settings.learning_rate, settings.weight_decay});
  } else {
    int64_t begin = 0;
    for (size_t i = 0; i < sizes.size(); begin += sizes[i++]) {
      const float rate = settings.learning_rate * settings.learning_rate_scales[i], decay = settings.weight_decays[i];
      if (!alike.empty() && alike.back().learning_rate == rate && alike.back().weight_decay == decay) {
        alike.back().end += sizes[i];
      } else {
        alike.push_back({begin, begin + sizes[i], rate, decay});
      }
    }
  }
  std::vector<StepRange> ranges;
  for (const StepRange& range : alike) {
    if (!std::isfinite(range.learning_rate) || !std::isfinite(range.learning_rate * range.weight_decay)) {
      throw EngineError("AZR_INPUT_INVALID", "a learning rate times its scale, or its weight decay, is beyond any number");
    }
    for (int64_t begin = range.begin; begin < range.end; begin += kBlock) {
      ranges.push_back({begin, std::min(range.end, begin + kBlock), range.learning_rate, range.weight_decay});
    }
  }
  return ranges;
}

}  // namespace

void AdamW::Step(float* parameters, const float* gradient, float scale, const OptimizerSettings& settings,
                 const std::vector<int64_t>& sizes) {
  const std::vector<StepRange> ranges = Ranges(settings, sizes, size_);
  float *m = first(), *v = second();
  ++steps_;
  const double correction1 = 1.0 - std::pow(static_cast<double>(settings.beta1), static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(static_cast<double>(settings.beta2), static_cast<double>(steps_));
  const float root = static_cast<float>(1.0 / std::sqrt(correction2));
  const float beta1 = settings.beta1, beta2 = settings.beta2, epsilon = settings.epsilon;
  ParallelFor(static_cast<int64_t>(ranges.size()), 2, [&](int64_t r) {
    const StepRange& range = ranges[r];
    const float step = static_cast<float>(range.learning_rate / correction1);
    const float decay = 1.0f - range.learning_rate * range.weight_decay;
    for (int64_t i = range.begin; i < range.end; ++i) {
      const float g = gradient[i] * scale;
      m[i] = beta1 * m[i] + (1.0f - beta1) * g;
      v[i] = beta2 * v[i] + (1.0f - beta2) * g * g;
      parameters[i] = parameters[i] * decay - step * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
  });
}

}  // namespace azr
