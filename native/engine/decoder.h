// The decoder over a packed batch of rows: the forward pass that scoring, prefill and training share, and the
// hand-written backward pass. Activations owns its buffers and keeps them between batches, so that a step allocates
// nothing. Engine thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/attention.h"
#include "engine/model.h"

namespace azr {

// A packed batch: prompts with their completions as groups of rows, no padding.
struct PackedBatch {
  std::vector<int32_t> tokens;     // [rows]
  std::vector<int32_t> positions;  // [rows]
  std::vector<RowGroup> groups;
  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

// Attention of one layer over qkv[rows, qkv_width] with rotated queries and keys; writes out[rows, query_width].
using AttentionCallback = std::function<void(int64_t layer, float* qkv, float* out)>;

// What a norm of what a layer adds needs for its backward pass (models with post_norms).
struct KeptOutput {
  std::vector<float> output;  // [rows, hidden], before the norm
  std::vector<float> rstd;    // [rows]
};

// What one layer keeps for its backward pass.
struct LayerActivations {
  std::vector<float> input;                // [rows, hidden]
  std::vector<float> attention_rstd;       // [rows]
  std::vector<float> qkv;                  // [rows, qkv_width], rotated
  std::vector<float> heads;                // [rows, heads + key_value_heads, head_size] before their norms, where there are any
  std::vector<float> heads_rstd;           // [rows, heads + key_value_heads]
  std::vector<float> attention;            // [rows, query_width]
  std::vector<float> log_sum_exp;          // [rows, heads]
  std::vector<float> middle;               // [rows, hidden], after attention
  std::vector<float> feed_forward_rstd;    // [rows]
  std::vector<float> gate_up;              // [rows, 2 * feed_forward]
  KeptOutput attention_output, feed_forward_output;
};

class Decoder {
 public:
  explicit Decoder(Model* model) : model_(model) {}

  // Hidden states before the final norm, hidden()[rows, hidden]. With `keep`, what Backward needs is kept as well;
  // with `checkpoint` of that only the input of each layer, and Backward computes the rest again, to the same bits.
  void Forward(const PackedBatch& batch, bool keep, bool checkpoint = false);
  // The same for rows whose attention is elsewhere (cached_step.h).
  void Forward(const std::vector<int32_t>& tokens, const std::vector<int32_t>& positions,
               const AttentionCallback& attention);

  const float* hidden() const { return hidden_.data(); }
  // dhidden[rows, hidden] (overwritten) is the gradient of hidden(); adds to `gradient`, a flat buffer like what is trained.
  void Backward(const PackedBatch& batch, float* dhidden, float* gradient);
  // Bytes held by activations and scratch.
  int64_t bytes() const;
  // Gives them back.
  void Release() { *this = Decoder(model_); }

 private:
  void Embed(const int32_t* tokens, int64_t rows);
  void ReachPositions(const std::vector<int32_t>& positions);
  void Layer(int64_t index, int64_t rows, const int32_t* positions, LayerActivations* keep,
             const std::function<void(float* qkv, float* out, float* log_sum_exp)>& attention);
  // hidden_ += in * matrix, normed first by the norm at `norm` unless that is -1.
  void AddOutput(const float* in, int64_t rows, const PackedMatrix& matrix, int64_t norm, KeptOutput* keep);
  // The gradient of in * matrix above, given that of hidden_: itself, or a buffer of this object's.
  const float* OutputGradient(const float* dhidden, int64_t rows, int64_t norm, const KeptOutput& kept, float* gradient);
  void LayerOf(int64_t index, const PackedBatch& batch, LayerActivations* keep);
  void LayerBackward(int64_t index, const PackedBatch& batch, LayerActivations& kept, float* dhidden, float* gradient);

  Model* model_;
  std::vector<float> hidden_, normed_, qkv_, attention_, gate_up_, activation_, output_;
  std::vector<float> dnormed_, dqkv_, dattention_, dactivation_, doutput_;
  std::vector<LayerActivations> layers_;    // one, with checkpoints
  std::vector<std::vector<float>> inputs_;  // [layers] of [rows, hidden], with checkpoints
};

}  // namespace azr
