// A decoder of the Llama family (Llama, Mistral, Qwen2, Qwen3, Gemma 3): its shape, its parameters, and the packed
// matrices that the products read. Model owns all three. A model that is trained keeps its parameters in one flat buffer of single
// precision, which makes the optimizer, the gradient norm and checkpoints plain loops (a gradient or moment buffer has
// the same layout), and packs matrices from it in the format of its products. One that is not keeps packed matrices,
// an embedding and small vectors alone. Engine thread only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
  // [layers]: how many positions, its own included, a query of the layer sees; 0: all before it. Empty: all layers see all.
  std::vector<int64_t> windows;
  double local_rope_theta = 0.0;           // of layers with a window, where theirs is another (Gemma 3); 0: none
  std::vector<double> local_rope_factors;  // as rope_factors, beside local_rope_theta
  float attention_scale = 0.0f;            // what multiplies q . k; 0: 1 / sqrt(head_size)
  float embedding_scale = 1.0f;            // what multiplies the embeddings of tokens (Gemma: sqrt(hidden))
  float norm_offset = 0.0f;                // what is added to the weights of every norm before they multiply (Gemma: 1)
  bool post_norms = false;                 // Gemma: what attention and feed-forward give is normed before it is added
  Activation activation = Activation::kSilu;

  AttentionShape attention(int64_t layer) const;
  int64_t window(int64_t layer) const { return windows.empty() ? 0 : windows[layer]; }
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
  // -1 where the model has none
  int64_t qkv_bias = -1, query_norm = -1, key_norm = -1, attention_output_norm = -1, feed_forward_output_norm = -1;
};
struct ParameterLayout {
  explicit ParameterLayout(const ModelShape& shape);
  int64_t embedding = 0, final_norm = 0, head = 0, total = 0;  // head == embedding when tied
  std::vector<LayerOffsets> layers;
  std::vector<NamedTensor> names;
};

// Low-rank adapters over matrices of every layer (lora.h), which are trained in the place of all parameters.
struct LoraSettings {
  int64_t rank = 8;
  float alpha = 16.0f;               // alpha / rank multiplies what they add
  std::vector<std::string> targets;  // of LoraTargets()
  uint64_t seed = 0;
};

class Lora;

// How a model's weights are held.
struct WeightSettings {
  WeightFormat format = WeightFormat::kFloat32;
  bool trainable = true;  // not with q8
  std::optional<LoraSettings> lora = {};
};

struct PackedLayer {
  PackedMatrix qkv, output, gate_up, down;
};

// The matrices as forward products (x W^T) read them.
struct PackedModel {
  std::vector<PackedLayer> layers;
  PackedMatrix head;
};

class Model {
 public:
  // Throws AZR_MODEL_FORMAT for a shape that this engine cannot run, AZR_INPUT_INVALID for trainable weights in q8 and
  // for adapters that make no sense.
  explicit Model(const ModelShape& shape, const WeightSettings& weights = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelShape& shape() const { return shape_; }
  const WeightSettings& weights() const { return weights_; }
  const ParameterLayout& layout() const { return layout_; }
  // Of a layer; holds positions up to those of the last ReachPositions.
  const RopeTable& rope(int64_t layer) const { return ropes_[ropes_.size() > 1 && shape_.window(layer) > 0 ? 1 : 0]; }
  void ReachPositions(int64_t positions);
  // The norms of a layer's heads; only for models that have them.
  HeadNorms head_norms(const LayerOffsets& offsets) const {
    return {shape_.heads, shape_.key_value_heads, shape_.head_size, norm(offsets.query_norm), norm(offsets.key_norm)};
  }
  NormWeights norm(int64_t offset) const { return {at(offset), shape_.norm_offset, shape_.norm_epsilon}; }
  // What multiplies embeddings, rounded as a model in the format has it.
  float embedding_scale() const;
  // Trainable models only (AZR_INPUT_INVALID): the flat buffer, [layout().total]; with adapters without what they add.
  const float* parameters() const;
  // A parameter by its offset; of a model that is not trained only those of one dimension.
  const float* at(int64_t offset) const;
  // The flat buffer for writing; the packed copies are rebuilt before their next use.
  float* MutableParameters();
  // What is trained: all parameters or the adapters, as one flat buffer with the layout of gradients and moments.
  const std::vector<NamedTensor>& trained_names() const;
  int64_t trained_size() const;
  const float* trained() const;
  float* MutableTrained();
  // Adapters, of a model that has them.
  const Lora* lora() const { return lora_.get(); }
  // Row `token` of the embedding, as products would see it: out[hidden].
  void EmbeddingRow(int64_t token, float* out) const;

  // Fills the parameters from a seed: matrices normal with deviation 1/sqrt(fan in), residual projections scaled down by
  // sqrt(2 * layers) (GPT-2), embedding 0.02, norms such that they multiply by 1.
  void Initialize(uint64_t seed);
  // Stores rows first to first + count - 1 of the layout's parameter `index`, [count, columns] (a vector is one row).
  // Returns whether all values fit the format's range. Several threads may store different rows.
  bool SetRows(size_t index, int64_t first, int64_t count, const float* values);
  // Where all of a parameter lies in single precision, if it does: values may be written there in place of SetRows,
  // after MutableParameters. Null otherwise.
  float* InPlace(size_t index);

  const PackedModel& Forward();
  // Whether Forward() gives the weights with what adapters add, as at first, or without; then too with every bit of a model that
  // never had any. After a change the matrices that have adapters are packed anew, at the next use.
  void UseAdapters(bool use);
  // The weights [columns, depth] at `offset` with what adapters add. Valid until the next call; trainable models only.
  const float* Merged(int64_t offset, int64_t columns, int64_t depth) const;
  // The same as the right-hand side of a gradient's product.
  MatrixView Backward(int64_t offset, int64_t columns, int64_t depth) const {
    return {weights_.format, Merged(offset, columns, depth), columns, depth};
  }
  // Adds the gradient dy[rows, columns]^T x[rows, depth] of the weights [columns, depth] at `offset` to gradient[trained_size()],
  // as far as they are trained.
  void AddWeightGradient(float* gradient, int64_t offset, const float* dy, int64_t dy_stride, const float* x,
                         int64_t x_stride, int64_t rows, int64_t columns, int64_t depth) const;
  // Where the gradient of a parameter by itself is added; null where that is not trained.
  float* GradientAt(float* gradient, int64_t offset) const { return lora_ ? nullptr : gradient + offset; }
  // Memory of parameters (with a lone embedding, and adapters), and of the matrices as products read them.
  int64_t parameter_bytes() const;
  int64_t packed_bytes() const;

 private:
  // Which of the present weights are packed. kMerged only where there are adapters.
  enum class Held { kNone, kBase, kMerged };
  // A packed matrix and the parameters that are its weights: [columns, depth] at `offset`.
  struct Matrix {
    int64_t offset, columns, depth;
    PackedMatrix* packed;
    Held held = Held::kNone;
  };
  std::vector<Matrix> Matrices();
  // The weights have changed: all of them, or the adapters.
  void Forget(bool adapters_only);

  ModelShape shape_;
  WeightSettings weights_;
  ParameterLayout layout_;
  std::vector<RopeTable> ropes_;  // of all layers, or of those that see everything and of those with a window
  at::Tensor parameters_;  // [total] float, of a trainable model
  std::unique_ptr<Lora> lora_;
  PackedModel forward_;
  bool use_adapters_ = true;
  bool packed_ = false;  // all matrices are as they should be, so that a layer need not look
  std::vector<Matrix> matrices_;
  // Of a model that is not trained:
  std::map<int64_t, std::vector<float>> vectors_;  // by the offset of the first of a run
  std::vector<uint8_t> embedding_;                           // [vocabulary] rows in the format
};

}  // namespace azr
