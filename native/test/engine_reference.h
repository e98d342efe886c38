// What the engine's tests measure it against: a slow, obvious decoder in double precision from ATen operators, whose
// gradients are LibTorch's own automatic differentiation. It reads the same flat parameters through ParameterLayout and
// shares no arithmetic with native/engine: one sequence at a time, no packing, no cache, no shared prompts. Also the
// tests' random models and batches. Everything is returned by value; call from the test's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/head.h"
#include "engine/model.h"
#include "engine/update.h"

namespace azr::test {

inline const std::atomic<bool> kNoAbort{false};

// The parameters as one double leaf tensor [total] that records operations.
at::Tensor ReferenceParameters(const Model& model);

// Logits [tokens, vocabulary] of one sequence, from position 0.
at::Tensor ReferenceLogits(const ModelShape& shape, const ParameterLayout& layout, const at::Tensor& flat,
                           const std::vector<int32_t>& tokens);

struct ReferenceResult {
  double loss = 0, entropy = 0;           // summed, and mean over trained tokens
  std::vector<double> log_probabilities;  // [completion tokens]
  std::vector<double> gradient;           // [parameters]
};

// Loss of a batch as update.h defines it, with its gradient.
ReferenceResult ReferenceGradient(const Model& model, const UpdateBatch& batch, const LossSettings& settings);

// sqrt(sum (a - b)^2) / sqrt(sum b^2), zero when both are zero.
double RelativeError(const float* a, const double* b, int64_t size);

// A shape of the given sizes, with 96 positions.
ModelShape TinyShape(int64_t vocabulary, int64_t hidden, int64_t layers, int64_t heads, int64_t key_value_heads,
                     int64_t head_size, int64_t feed_forward, bool tied);

// Gives a shape what Gemma 3 has: every second layer sees everything, the others `window` positions.
void MakeGemma3(ModelShape* shape, int64_t window);

// Random parameters of a size that makes every gradient matter: norms around 1, logits a few units wide.
void Randomize(Model* model, uint64_t seed);

// Uniform integer in [low, high].
int64_t Draw(uint64_t seed, uint64_t stream, uint64_t index, int64_t low, int64_t high);

std::vector<int32_t> RandomTokens(uint64_t seed, uint64_t stream, int64_t count, int64_t vocabulary);

struct BatchSizes {
  int64_t prompts = 4, longest_prompt = 20, completions_each = 3, longest_completion = 20;
};

// Prompts with up to completions_each completions each (at least one in all); weights in {0} and (0.1, 1.1), advantages
// of both signs, old log-probabilities all zero.
UpdateBatch RandomBatch(const ModelShape& shape, const BatchSizes& sizes, uint64_t seed);

// Completion `c` of a batch with its prompt and all its arrays, at the end of another. The prompt is opened anew unless `share` and it is `last`, the
// one of `from` that was opened last (-1 at first).
void AppendCompletion(const UpdateBatch& from, size_t c, bool share, int32_t* last, UpdateBatch* to);
// Prompt `p` of a batch with its completions, if it has any, at the end of another.
void AppendPrompt(const UpdateBatch& from, int64_t p, UpdateBatch* to);

}  // namespace azr::test
