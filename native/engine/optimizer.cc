#include "engine/optimizer.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/parallel.h"

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

void AdamW::Step(float* parameters, const float* gradient, float scale, const OptimizerSettings& settings) {
  float *m = first(), *v = second();
  ++steps_;
  const double correction1 = 1.0 - std::pow(static_cast<double>(settings.beta1), static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(static_cast<double>(settings.beta2), static_cast<double>(steps_));
  const float step = static_cast<float>(settings.learning_rate / correction1);
  const float root = static_cast<float>(1.0 / std::sqrt(correction2));
  const float decay = 1.0f - settings.learning_rate * settings.weight_decay;
  const float beta1 = settings.beta1, beta2 = settings.beta2, epsilon = settings.epsilon;
  const int64_t blocks = (size_ + kBlock - 1) / kBlock;
  ParallelFor(blocks, 2, [&](int64_t b) {
    const int64_t end = std::min(size_, (b + 1) * kBlock);
    for (int64_t i = b * kBlock; i < end; ++i) {
      const float g = gradient[i] * scale;
      m[i] = beta1 * m[i] + (1.0f - beta1) * g;
      v[i] = beta2 * v[i] + (1.0f - beta2) * g * g;
      parameters[i] = parameters[i] * decay - step * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
  });
}

}  // namespace azr
