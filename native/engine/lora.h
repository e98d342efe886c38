// Low-rank adapters (LoRA, Hu et al. 2021): to a matrix W [rows, columns] is added scale * B A, A [rank, columns] and
// B [rows, rank], and A and B alone are trained. Products run on the merged weights, so that the sampler and the trainer
// keep the one path that they share; they are merged as they are packed or read, a matrix at a time, and never held
// whole. Lora owns the adapters and its scratch. Engine thread only, but MergeRows may run in several at once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/gemm.h"
#include "engine/model.h"

namespace azr {

// Names of the matrices that may have adapters: q_proj and so on.
const std::vector<std::string>& LoraTargets();

// Which matrices have adapters, and where these lie in the one flat buffer of all; named as the Python package peft does.
// Throws AZR_INPUT_INVALID for settings that make no sense.
struct LoraLayout {
  struct Target {
    int64_t offset, rows, columns;  // of the weights
    int64_t a, b;                   // of the adapter
  };
  LoraLayout(const ParameterLayout& layout, const LoraSettings& settings);
  std::vector<Target> targets;  // by offset
  std::vector<NamedTensor> names;
  int64_t total = 0;
};

class Lora {
 public:
  // A is drawn uniformly from +-1/sqrt(columns) (He et al. 2015 with a = sqrt(5), as torch draws a linear layer), B is zero.
  Lora(const ParameterLayout& layout, const LoraSettings& settings);

  const std::vector<NamedTensor>& names() const { return layout_.names; }
  // The flat buffer of all adapters, [size()].
  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  const float* values() const { return values_.data(); }
  float* values() { return values_.data(); }

  // Whether any of the parameters [offset, offset + size) have an adapter.
  bool Covers(int64_t offset, int64_t size) const;
  // rows[count, columns] += scale * B A, for rows `first` on of the matrix at `offset` of the model's parameters.
  void MergeRows(int64_t offset, int64_t first, int64_t count, float* rows) const;
  // The merged weights of `base`[rows, columns], which lie at `offset` and may be several matrices, one below the other.
  // Valid until the next call.
  const float* Merged(const float* base, int64_t offset, int64_t rows, int64_t columns);
  // Adds to gradient[size()] what dy[batch, rows]^T x[batch, columns], the gradient of the same weights, means for their
  // adapters: dA = (scale dy B)^T x, dB = dy^T (scale x A^T). The gradient of the weights themselves is never formed.
  void AddGradient(float* gradient, int64_t offset, const float* dy, int64_t dy_stride, const float* x, int64_t x_stride,
                   int64_t batch, int64_t rows, int64_t columns);

  int64_t scratch_bytes() const;

 private:
  using Target = LoraLayout::Target;
  void MergeRow(const Target& target, int64_t row, const float* base, float* out) const;

  LoraLayout layout_;
  int64_t rank_;
  float scale_;
  std::vector<float> values_;
  std::vector<float> merged_, low_;
  PackedMatrix packed_a_;
};

}  // namespace azr
