// A decoder of the Llama family (Llama, Mistral, Qwen2, Qwen3): its shape, its parameters in one flat buffer, and the packed copies of its matrices that the
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
  bool qkv_bias = false;             // Qwen2: biases on the projections of queries, keys and values
  bool qk_norm = false;              // Qwen3: RMSNorm over each head of the queries and keys, before the rotation
  std::vector<double> rope_factors;  // [head_size / 2] that divide the rotary frequencies; empty: none

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
  int64_t qkv_bias = -1, query_norm = -1, key_norm = -1;  // -1 where the model has none
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
  // Holds positions up to those of the last ReachPositions.
  const RopeTable& rope() const { return rope_; }
  void ReachPositions(int64_t positions);
  // The norms of a layer's heads; only for models that have them.
  HeadNorms head_norms(const LayerOffsets& offsets) const {
    return {shape_.heads, shape_.key_value_heads, shape_.head_size, at(offsets.query_norm), at(offsets.key_norm)};
  }
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
