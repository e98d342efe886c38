// A Llama-family decoder: its shape, its parameters in one flat buffer, and the packed copies of its matrices that the
// products read. Model owns all three. The flat buffer makes the optimizer, the gradient norm and checkpoints plain
// loops; a gradient or moment buffer has the same layout. Engine thread only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/attention.h"
#include "engine/gemm.h"
#include "engine/layer_ops.h"

namespace azr {

struct ModelShape {
  int64_t vocabulary = 0, hidden = 0, layers = 0, heads = 0, key_value_heads = 0, head_size = 0, feed_forward = 0;
  double rope_theta = 10000.0;
  float norm_epsilon = 1e-5f;
  bool tied_head = true;
  int64_t max_positions = 0;

  AttentionShape attention() const { return {heads, key_value_heads, head_size}; }
  int64_t query_width() const { return heads * head_size; }
  int64_t qkv_width() const { return (heads + 2 * key_value_heads) * head_size; }
  // Throws AZR_MODEL_FORMAT for sizes that this engine cannot run.
  void Check() const;
};

// A named range of the flat buffer, under its Hugging Face name.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> dimensions;
  int64_t offset = 0;  // in floats
  int64_t size() const;
};

// Offsets, in floats, of each parameter. q, k, v rows are adjacent, as are gate and up: one product each.
struct LayerOffsets {
  int64_t attention_norm, qkv, output, feed_forward_norm, gate_up, down;
};
struct ParameterLayout {
  explicit ParameterLayout(const ModelShape& shape);
  int64_t embedding = 0, final_norm = 0, head = 0, total = 0;  // head == embedding when tied
  std::vector<LayerOffsets> layers;
  std::vector<NamedTensor> names;
};

struct PackedLayer {
  PackedMatrix qkv, output, gate_up, down;
};

// Packed matrices of one direction: forward (x W^T) or backward (dy W).
struct PackedModel {
  std::vector<PackedLayer> layers;
  PackedMatrix head;
  bool current = false;
};

class Model {
 public:
  explicit Model(const ModelShape& shape);

  const ModelShape& shape() const { return shape_; }
  const ParameterLayout& layout() const { return layout_; }
  const RopeTable& rope() const { return rope_; }
  const float* parameters() const { return parameters_.const_data_ptr<float>(); }
  const float* at(int64_t offset) const { return parameters() + offset; }
  // The flat buffer for writing; the packed copies are rebuilt before their next use.
  float* MutableParameters();

  // Fills the parameters from a seed: matrices normal with deviation 1/sqrt(fan in), residual projections scaled down by
  // sqrt(2 * layers) (GPT-2), embedding 0.02, norms 1.
  void Initialize(uint64_t seed);

  const PackedModel& Forward();
  const PackedModel& Backward();

 private:
  ModelShape shape_;
  ParameterLayout layout_;
  RopeTable rope_;
  at::Tensor parameters_;  // [total] float
  PackedModel forward_, backward_;
};

}  // namespace azr
