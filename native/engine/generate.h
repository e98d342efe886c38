// Sampling of completions with a key/value cache: each prompt is computed once for its n samples, in pieces that share steps with the rows being
// decoded; rows join as others finish, finished rows leave. What a row samples depends on (seed, prompt, sample, position) and its own tokens only.
// A call borrows the model's decoder and head and owns its caches. Engine thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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

struct DrawnToken {
  int32_t row, token;
  float log_probability;
};

struct GenerateSettings {
  int64_t samples = 1;
  int64_t max_tokens = 0;
  SamplerSettings sampler;
  LogitChanges changes;
  uint64_t seed = 0;
  // One a prompt, or none: then what a row samples depends on its prompt's seed and its sample number, not on its place in the batch.
  std::vector<uint64_t> seeds;
  std::vector<int32_t> stop_tokens;
  int64_t min_tokens = 0;      // no stop token before
  int64_t max_rows = 256;      // rows decoded at once, at most
  int64_t step_rows = 288;     // rows computed at once, at most, where a prompt is among them: memory and a step's time do not grow with it
  int64_t cache_bytes = 0;     // for keys and values; 0: half of the memory that is free
  // Called on the engine thread after each step with the tokens that were drawn in it.
  std::function<void(const std::vector<DrawnToken>&)> on_tokens;
};

struct GenerateResult {
  TokenRows completions;                  // row prompt * samples + sample
  std::vector<float> log_probabilities;   // [sum of lengths], untempered
  std::vector<uint8_t> stopped;           // [rows]
  int64_t cache_bytes = 0;                // of keys and values that were held at once, at most
};

// Throws AZR_OUT_OF_MEMORY when not even one row's keys and values fit, AZR_ABORTED when `abort` becomes true, looked at before each step, and AZR_NUMERICS for logits that are not finite.
GenerateResult Generate(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts,
                        const GenerateSettings& settings, const std::atomic<bool>& abort);

}  // namespace azr
