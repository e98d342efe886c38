// Draws one token from a row of logits. Pure functions of the logits, the settings and one uniform number; any thread.
#pragma once

#include <cstdint>

namespace azr {

struct SamplerSettings {
  float temperature = 1.0f;  // 0: greedy
  float top_p = 1.0f;        // 1: off
  int64_t top_k = 0;         // 0: off
};

// `uniform` in (0, 1). Greedy takes the lowest index among equals. With top-k and top-p, tokens are ranked by logit,
// ties by index; top-k cuts first, then the smallest prefix whose tempered probability reaches top_p stays.
int32_t SampleToken(const float* logits, int64_t size, const SamplerSettings& settings, double uniform);

}  // namespace azr
