// Sampling of completions with a key/value cache: each prompt is computed once for its n samples, rows join as others
// finish, finished rows leave. What a row samples depends on (seed, prompt, sample, position) and its own tokens only.
// Generator borrows the model's decoder and head and owns the caches of the call. Engine thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/decoder.h"
#include "engine/head.h"
#include "engine/sampler.h"

namespace azr {

// Rows of token ids laid end to end.
struct TokenRows {
  std::vector<int32_t> tokens;
  std::vector<int32_t> lengths;  // [rows]
};

struct GenerateSettings {
  int64_t samples = 1;
  int64_t max_tokens = 0;
  SamplerSettings sampler;
  uint64_t seed = 0;
  std::vector<int32_t> stop_tokens;
  int64_t max_rows = 256;  // rows decoded at once
};

struct GenerateResult {
  TokenRows completions;                  // row prompt * samples + sample
  std::vector<float> log_probabilities;   // [sum of lengths], untempered
  std::vector<uint8_t> stopped;           // [rows]
};

// Throws AZR_ABORTED when `abort` becomes true, looked at before each token, and AZR_NUMERICS for logits that are not finite.
GenerateResult Generate(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts,
                        const GenerateSettings& settings, const std::atomic<bool>& abort);

}  // namespace azr
