// The language-model head: final norm, logits, log-probabilities, and the loss with its gradient. Works on chunks of
// rows, so its memory does not grow with tokens x vocabulary. The log-probability of a token is defined here once, for
// the sampler and the trainer alike. Head owns its scratch buffers. Engine thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/loss.h"
#include "engine/model.h"

namespace azr {

// log(sum(exp(logits[0..size)))), the largest term factored out.
float LogSumExp(const float* logits, int64_t size);

// Sums over terms; double, in term order.
struct LossSums {
  double loss = 0, entropy = 0, log_ratio = 0, gap = 0, max_gap = 0, kl = 0, importance = 0, max_importance = 0;
  int64_t clipped = 0, capped = 0, terms = 0;
};

class Head {
 public:
  explicit Head(Model* model) : model_(model) {}

  // logits[rows, stride] of hidden rows given by index; stride = logit_stride(), padding undefined.
  const float* Logits(const float* hidden, const int64_t* row_index, int64_t rows);
  int64_t logit_stride() const;

  // out[terms] = log p(target) at each term's row.
  void LogProbabilities(const float* hidden, const std::vector<TokenTerm>& terms, float* out);

  // Adds the loss of the terms (EvaluateTerm, less entropy_bonus * weight * entropy) to `sums`, its gradient with respect
  // to the hidden rows to dhidden[rows, hidden], and to the flat `gradient`.
  void Loss(const float* hidden, const std::vector<TokenTerm>& terms, const LossSettings& settings, float* dhidden,
            float* gradient, LossSums* sums);

  // Gives its scratch back.
  void Release() { *this = Head(model_); }
  // Logits and the rest of the scratch.
  int64_t bytes() const {
    int64_t floats = 0;
    for (const auto* buffer : {&gathered_, &normed_, &rstd_, &logits_, &dnormed_, &dgathered_}) {
      floats += static_cast<int64_t>(buffer->capacity());
    }
    return floats * static_cast<int64_t>(sizeof(float));
  }

 private:
  Model* model_;
  std::vector<float> gathered_, normed_, rstd_, logits_, dnormed_, dgathered_;
};

}  // namespace azr
