// Draws one token from a row of logits. Pure functions of the logits, the settings and one uniform number; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace azr {

struct SamplerSettings {
  float temperature = 1.0f;  // 0: greedy
  float top_p = 1.0f;        // 1: off
  int64_t top_k = 0;         // 0: off
  float min_p = 0.0f;        // 0: off
};

// `uniform` in (0, 1). Greedy takes the lowest index among equals. With top-k and top-p, tokens are ranked by logit,
// ties by index; top-k cuts first, then the smallest prefix whose tempered probability reaches top_p stays, then what has
// at least min_p times the probability of the most probable token.
// What a request wants changed before a token is drawn. Log-probabilities are reported of the logits as they were.
struct LogitChanges {
  float repetition_penalty = 1.0f;           // of tokens seen: positive logits are divided by it, the others multiplied (Keskar et al. 2019)
  std::vector<int32_t> bias_tokens;          // these get
  std::vector<float> bias_values;            // this added
  bool any() const { return repetition_penalty != 1.0f || !bias_tokens.empty(); }
};

// Changes logits[size] in place. `seen`: the row's tokens so far, prompt and completion, in two parts; repeated ones count once. `forbidden`: ids
// that may not come now; those that the vocabulary does not have never do.
void ChangeLogits(float* logits, int64_t size, const LogitChanges& changes, std::span<const int32_t> prompt,
                  std::span<const int32_t> completion, std::span<const int32_t> forbidden);

int32_t SampleToken(const float* logits, int64_t size, const SamplerSettings& settings, double uniform);

}  // namespace azr
