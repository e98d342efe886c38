// AdamW over the flat parameter buffer (Loshchilov & Hutter 2019, algorithm 2, with PyTorch's order of operations) and
// the global gradient norm. AdamW owns the moments. Engine thread only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace azr {

struct OptimizerSettings {
  float learning_rate = 0, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f, weight_decay = 0;
  float clip_norm = 0;  // 0: no clipping
  // For each parameter of the layout what multiplies the learning rate, and its weight decay; both empty: all alike.
  std::vector<float> learning_rate_scales, weight_decays;
};

// Neighbouring values that are stepped alike.
struct StepRange {
  int64_t begin, end;
  float learning_rate, weight_decay;
};

// Euclidean norm of values[0..size): squares summed in double over fixed blocks, so threads change nothing.
double Norm(const float* values, int64_t size);

class AdamW {
 public:
  explicit AdamW(int64_t size) : size_(size) {}

  // One step on parameters[size] with `gradient` times `scale`. `sizes`: of the parameters, in order.
  void Step(float* parameters, const float* gradient, float scale, const OptimizerSettings& settings,
            const std::vector<int64_t>& sizes);

  bool empty() const { return !first_.defined(); }
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  // The moments, allocated (as zeros) on first use.
  float* first();
  float* second();
  void Reset();
  int64_t bytes() const { return empty() ? 0 : 2 * size_ * static_cast<int64_t>(sizeof(float)); }

 private:
  void Allocate();
  int64_t size_, steps_ = 0;
  at::Tensor first_, second_;  // [size]
};

}  // namespace azr
