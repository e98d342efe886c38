#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace azr {

int32_t SampleToken(const float* logits, int64_t size, const SamplerSettings& settings, double uniform) {
  const int32_t best = static_cast<int32_t>(std::max_element(logits, logits + size) - logits);
  if (settings.temperature <= 0.0f) return best;
  const double inverse = 1.0 / settings.temperature, shift = logits[best];
  thread_local std::vector<int32_t> order;
  thread_local std::vector<double> weight;
  order.resize(size);
  std::iota(order.begin(), order.end(), 0);
  int64_t kept = size;
  if (settings.top_k > 0 || settings.top_p < 1.0f) {
    const auto before = [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
    if (settings.top_k > 0 && settings.top_k < size) {
      kept = settings.top_k;
      std::partial_sort(order.begin(), order.begin() + kept, order.end(), before);
    } else {
      std::sort(order.begin(), order.end(), before);
    }
  }
  weight.resize(kept);
  double total = 0.0;
  for (int64_t i = 0; i < kept; ++i) {
    weight[i] = std::exp((logits[order[i]] - shift) * inverse);
    total += weight[i];
  }
  if (settings.top_p < 1.0f) {
    double mass = 0.0;
    int64_t i = 0;
    while (i < kept && mass < settings.top_p * total) mass += weight[i++];
    kept = std::max<int64_t>(1, i);
    total = mass;
  }
  if (settings.min_p > 0.0f) {
    // The most probable token weighs 1.
    total = 0.0;
    for (int64_t i = 0; i < kept; ++i) {
      if (weight[i] < settings.min_p) weight[i] = 0.0;
      total += weight[i];
    }
  }
  double target = uniform * total;
  for (int64_t i = 0; i < kept; ++i) {
    target -= weight[i];
    if (target < 0.0) return order[i];
  }
  // Rounding may leave a rest: the last token that has a weight takes it.
  while (kept > 1 && weight[kept - 1] == 0.0) --kept;
  return order[kept - 1];
}

void ChangeLogits(float* logits, int64_t size, const LogitChanges& changes, std::span<const int32_t> prompt,
                  std::span<const int32_t> completion, std::span<const int32_t> forbidden) {
  if (changes.repetition_penalty != 1.0f) {
    thread_local std::vector<uint8_t> done;
    done.assign(size, 0);
    for (const std::span<const int32_t>& part : {prompt, completion}) {
      for (const int32_t token : part) {
        if (done[token] != 0) continue;
        done[token] = 1;
        logits[token] = logits[token] > 0.0f ? logits[token] / changes.repetition_penalty : logits[token] * changes.repetition_penalty;
      }
    }
  }
  for (size_t i = 0; i < changes.bias_tokens.size(); ++i) logits[changes.bias_tokens[i]] += changes.bias_values[i];
  for (const int32_t token : forbidden) {
    if (token < size) logits[token] = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace azr
