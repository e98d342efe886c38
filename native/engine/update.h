// One optimizer step over a batch of prompts and completions: packed into micro-batches without padding, each prompt
// computed once for its completions, gradients summed, clipped, applied. Also scoring, which is the same packing
// without a gradient. Engine thread only; buffers belong to the caller's Trainer.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/decoder.h"
#include "engine/generate.h"
#include "engine/head.h"
#include "engine/optimizer.h"

namespace azr {

struct UpdateBatch {
  TokenRows prompts, completions;
  std::vector<int32_t> completion_prompt;        // [completions], non-decreasing
  std::vector<float> weights;                    // [completion tokens]
  std::vector<float> advantages;                 // [completion tokens], policy only
  std::vector<float> old_log_probabilities;      // [completion tokens], policy only
  std::vector<float> reference_log_probabilities;  // [completion tokens], only with LossSettings::kl
  std::vector<float> sampler_log_probabilities;    // [completion tokens], only with LossSettings::importance_cap
};

struct UpdateSettings {
  LossSettings loss;
  OptimizerSettings optimizer;
  int64_t micro_batch_tokens = 1024;
  // Keep the input of each layer alone and compute the rest again: a third more work, far less memory, the same gradient.
  bool checkpoint_activations = false;
  double max_gap = -1;  // largest |new - old| log-probability that is taken; negative: any
};

struct UpdateResult {
  double loss = 0, gradient_norm = 0, clip_fraction = 0, approximate_kl = 0, entropy = 0;
  double mean_log_probability_gap = 0, max_log_probability_gap = 0;
  double reference_kl = 0, importance_mean = 1, importance_max = 1, importance_capped = 0;
  int64_t computed_tokens = 0, trained_tokens = 0;
};

class Trainer {
 public:
  Trainer(Model* model, Decoder* decoder, Head* head, AdamW* optimizer)
      : model_(model), decoder_(decoder), head_(head), optimizer_(optimizer) {}

  // Throws AZR_NUMERICS for a non-finite loss or gradient, AZR_PARITY for a gap above `max_gap`, and AZR_ABORTED; the
  // weights are untouched then.
  UpdateResult Update(const UpdateBatch& batch, const UpdateSettings& settings, const std::atomic<bool>& abort);

  // The gradient alone, left in gradient() (tests and diagnostics).
  UpdateResult Gradient(const UpdateBatch& batch, const UpdateSettings& settings, const std::atomic<bool>& abort);
  const float* gradient() const { return gradient_.const_data_ptr<float>(); }
  int64_t gradient_bytes() const { return gradient_.defined() ? static_cast<int64_t>(gradient_.nbytes()) : 0; }

  // log p of every token but the first of each sequence.
  std::vector<float> Score(const TokenRows& sequences, int64_t micro_batch_tokens, const std::atomic<bool>& abort);

 private:
  Model* model_;
  Decoder* decoder_;
  Head* head_;
  AdamW* optimizer_;
  at::Tensor gradient_;           // [trained parameters]
  std::vector<float> dhidden_;    // [rows, hidden]
};

}  // namespace azr
