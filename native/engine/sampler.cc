#include "engine/sampler.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "engine/vector_math.h"

namespace azr {
namespace {

constexpr int kDoubles = 8;
typedef double DoubleVec __attribute__((vector_size(64)));
typedef double DoubleVecUnaligned __attribute__((vector_size(64), aligned(8), may_alias));
typedef float HalfVecUnaligned __attribute__((vector_size(32), aligned(4), may_alias));
typedef int64_t LongVec __attribute__((vector_size(64)));

inline DoubleVec BroadcastDouble(double x) { return DoubleVec{x, x, x, x, x, x, x, x}; }

// e^x to about 1 ulp for x <= 0: range reduction by ln 2 in two parts, then the Taylor polynomial to the 13th power. Zero below the normal numbers.
inline DoubleVec ExpDouble(DoubleVec x) {
  const DoubleVec low = BroadcastDouble(-708.0);
  const DoubleVec bounded = x > low ? x : low;
  const DoubleVec magic = BroadcastDouble(6755399441055744.0);  // 1.5 * 2^52: adding it rounds to the nearest integer
  const DoubleVec shifted = bounded * BroadcastDouble(1.4426950408889634) + magic;
  const DoubleVec n = shifted - magic;
  DoubleVec r = bounded - n * BroadcastDouble(6.93147180369123816490e-01);
  r = r - n * BroadcastDouble(1.90821492927058770002e-10);
  DoubleVec p = BroadcastDouble(1.0 / 6227020800.0);
  for (const double factorial : {479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0}) {
    p = p * r + BroadcastDouble(1.0 / factorial);
  }
  const LongVec exponent = (reinterpret_cast<LongVec>(shifted) - reinterpret_cast<LongVec>(magic)) << 52;
  const DoubleVec value = reinterpret_cast<DoubleVec>(reinterpret_cast<LongVec>(p) + exponent);
  return x > low ? value : BroadcastDouble(0.0);
}

// weight[i] = e^((logits[i] - shift) / temperature); returns their sum.
double Weights(const float* logits, int64_t size, double shift, double inverse, double* weight) {
  DoubleVec sum = BroadcastDouble(0.0);
  const auto step = [&](const float* in, double* out) {
    const DoubleVec x = __builtin_convertvector(*reinterpret_cast<const HalfVecUnaligned*>(in), DoubleVec);
    const DoubleVec w = ExpDouble((x - BroadcastDouble(shift)) * BroadcastDouble(inverse));
    *reinterpret_cast<DoubleVecUnaligned*>(out) = w;
    sum = sum + w;
  };
  int64_t i = 0;
  for (; i + kDoubles <= size; i += kDoubles) step(logits + i, weight + i);
  if (i < size) {
    float in[kDoubles];
    double out[kDoubles];
    std::fill(in, in + kDoubles, -std::numeric_limits<float>::infinity());
    std::copy(logits + i, logits + size, in);
    step(in, out);
    std::copy(out, out + (size - i), weight + i);
  }
  double total = 0.0;
  for (int lane = 0; lane < kDoubles; ++lane) total += sum[lane];
  return total;
}

// The first of the highest.
int64_t Best(const float* logits, int64_t size) {
  Vec highest = Broadcast(-std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) highest = Max(highest, Load(logits + i));
  float best = HorizontalMax(highest);
  for (; i < size; ++i) best = std::max(best, logits[i]);
  return std::find(logits, logits + size, best) - logits;
}

struct Candidate {
  int32_t token;
  float logit;
  double weight;
};

// Draws from candidates in their order: `place` is in [0, total).
int32_t Pick(const std::vector<Candidate>& candidates, int64_t kept, double place) {
  for (int64_t i = 0; i < kept; ++i) {
    place -= candidates[i].weight;
    if (place < 0.0) return candidates[i].token;
  }
  // Rounding may leave a rest: the last token that has a weight takes it.
  while (kept > 1 && candidates[kept - 1].weight == 0.0) --kept;
  return candidates[kept - 1].token;
}

}  // namespace

int32_t SampleToken(const float* logits, int64_t size, const SamplerSettings& settings, double uniform) {
  const int64_t best = Best(logits, size);
  if (settings.temperature <= 0.0f) return static_cast<int32_t>(best);
  const double inverse = 1.0 / settings.temperature, shift = logits[best];
  const bool ranked = settings.top_k > 0 || settings.top_p < 1.0f;
  thread_local std::vector<double> weight;
  weight.resize(size);
  double total = Weights(logits, size, shift, inverse, weight.data());
  if (!ranked) {
    // All tokens in the order of the vocabulary; the most probable one weighs 1.
    if (settings.min_p > 0.0f) {
      total = 0.0;
      for (double& w : weight) {
        if (w < settings.min_p) w = 0.0;
        total += w;
      }
    }
    double place = uniform * total;
    for (int64_t i = 0; i < size; ++i) {
      place -= weight[i];
      if (place < 0.0) return static_cast<int32_t>(i);
    }
    while (size > 1 && weight[size - 1] == 0.0) --size;
    return static_cast<int32_t>(size - 1);
  }
  // Only what can be among the ranked tokens is sorted. All that weigh less than (1 - top_p) / size of the total weigh less than 1 - top_p of it
  // together, so they are not needed; half of that leaves room for rounding.
  const bool cut_k = settings.top_k > 0 && settings.top_k < size;
  const double least = cut_k ? 0.0 : 0.5 * (1.0 - static_cast<double>(settings.top_p)) * total / static_cast<double>(size);
  thread_local std::vector<Candidate> candidates;
  candidates.clear();
  for (int64_t i = 0; i < size; ++i) {
    if (weight[i] >= least) candidates.push_back({static_cast<int32_t>(i), logits[i], weight[i]});
  }
  const auto before = [](const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; };
  if (cut_k) {
    std::nth_element(candidates.begin(), candidates.begin() + (settings.top_k - 1), candidates.end(), before);
    candidates.resize(settings.top_k);
  }
  std::sort(candidates.begin(), candidates.end(), before);
  if (cut_k) {
    total = 0.0;
    for (const Candidate& candidate : candidates) total += candidate.weight;
  }
  int64_t kept = static_cast<int64_t>(candidates.size());
  if (settings.top_p < 1.0f) {
    double mass = 0.0;
    int64_t i = 0;
    while (i < kept && mass < settings.top_p * total) mass += candidates[i++].weight;
    kept = std::max<int64_t>(1, i);
    total = mass;
  }
  if (settings.min_p > 0.0f) {
    total = 0.0;
    for (int64_t i = 0; i < kept; ++i) {
      if (candidates[i].weight < settings.min_p) candidates[i].weight = 0.0;
      total += candidates[i].weight;
    }
  }
  return Pick(candidates, kept, uniform * total);
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
        const float changed = logits[token] > 0.0f ? logits[token] / changes.repetition_penalty : logits[token] * changes.repetition_penalty;
        logits[token] = std::clamp(changed, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
      }
    }
  }
  for (size_t i = 0; i < changes.bias_tokens.size(); ++i) logits[changes.bias_tokens[i]] += changes.bias_values[i];
  for (const int32_t token : forbidden) {
    if (token < size) logits[token] = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace azr
