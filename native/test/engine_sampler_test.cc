// The sampler against the slow, obvious one: sort everything, add up in order. The same tokens for the same numbers, whatever the settings.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/counter_random.h"
#include "engine/sampler.h"

namespace azr::test {
namespace {

int32_t SortedSample(const std::vector<float>& logits, const SamplerSettings& settings, double uniform) {
  const int64_t size = static_cast<int64_t>(logits.size());
  const double highest = *std::max_element(logits.begin(), logits.end());
  std::vector<int32_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  const bool ranked = settings.temperature <= 0.0f || settings.top_k > 0 || settings.top_p < 1.0f;
  if (ranked) std::sort(order.begin(), order.end(), before);
  if (settings.temperature <= 0.0f) return order[0];
  int64_t kept = settings.top_k > 0 ? std::min(size, settings.top_k) : size;
  std::vector<double> weight(kept);
  for (int64_t i = 0; i < kept; ++i) weight[i] = std::exp((logits[order[i]] - highest) / static_cast<double>(settings.temperature));
  double total = std::accumulate(weight.begin(), weight.end(), 0.0), mass = 0.0;
  if (settings.top_p < 1.0f) {
    int64_t i = 0;
    while (i < kept && mass < settings.top_p * total) mass += weight[i++];
    kept = std::max<int64_t>(1, i);
  }
  for (double& w : weight) w = w < settings.min_p ? 0.0 : w;
  total = std::accumulate(weight.begin(), weight.begin() + kept, 0.0);
  double place = uniform * total;
  int32_t last = order[0];
  for (int64_t i = 0; i < kept; ++i) {
    if (weight[i] > 0.0) last = order[i];
    if ((place -= weight[i]) < 0.0) return order[i];
  }
  return last;
}

// Logits of a language model's kind: a few high, a long tail; some equal, some forbidden.
std::vector<float> Logits(uint64_t seed, int64_t size, float width) {
  std::vector<float> logits(size);
  for (int64_t i = 0; i < size; ++i) logits[i] = width * NormalAt(seed, 1, i);
  for (int64_t i = 0; i < size; ++i) {
    const double kind = UniformAt(seed, 2, i);
    if (kind < 0.05) logits[i] = logits[0];
    if (kind > 0.95 && i > 0) logits[i] = -std::numeric_limits<float>::infinity();
    if (kind > 0.5 && kind < 0.5001) logits[i] += 10.0f;
  }
  return logits;
}

TEST(Sampler, DrawsAsSortingAllWould) {
  const std::vector<SamplerSettings> all = {{0.0f, 1.0f, 0, 0.0f},  {1.0f, 1.0f, 0, 0.0f},   {0.7f, 1.0f, 0, 0.0f},   {1.0f, 0.95f, 0, 0.0f},  {0.6f, 0.9f, 0, 0.0f},
                                            {1.3f, 0.5f, 0, 0.0f},  {1.0f, 0.999f, 0, 0.0f}, {1.0f, 1e-6f, 0, 0.0f},  {1.0f, 1.0f, 1, 0.0f},   {1.0f, 1.0f, 40, 0.0f},
                                            {0.8f, 0.9f, 40, 0.0f}, {1.0f, 1.0f, 5000, 0.0f}, {1.0f, 1.0f, 0, 0.05f}, {1.5f, 0.95f, 0, 0.02f}, {1.0f, 0.9f, 30, 0.1f}};
  int compared = 0;
  for (int64_t size : {1, 2, 15, 16, 17, 100, 1000, 4001}) {
    for (float width : {0.0f, 0.3f, 2.0f, 8.0f, 200.0f}) {
      const std::vector<float> logits = Logits(100 * size + static_cast<uint64_t>(width * 10), size, width);
      for (const SamplerSettings& settings : all) {
        for (uint64_t draw = 0; draw < 12; ++draw) {
          const double uniform = draw == 0 ? 0x1.0p-54 : draw == 1 ? 0.999999 : UniformAt(size, 3, draw);
          const int32_t token = SampleToken(logits.data(), size, settings, uniform);
          ASSERT_EQ(token, SortedSample(logits, settings, uniform))
              << "size " << size << ", width " << width << ", temperature " << settings.temperature << ", top p " << settings.top_p << ", top k "
              << settings.top_k << ", min p " << settings.min_p << ", uniform " << uniform;
          ASSERT_TRUE(std::isfinite(logits[token]));
          ++compared;
        }
      }
    }
  }
  EXPECT_EQ(compared, 8 * 5 * 15 * 12);
  const std::vector<float> vocabulary = Logits(5, 49152, 3.0f);
  for (const SamplerSettings& settings : {all[1], all[3], all[9]}) {
    for (uint64_t draw = 0; draw < 100; ++draw) {
      ASSERT_EQ(SampleToken(vocabulary.data(), 49152, settings, UniformAt(6, 3, draw)), SortedSample(vocabulary, settings, UniformAt(6, 3, draw)));
    }
  }
}

TEST(Sampler, ChangedLogitsStayNumbers) {
  const std::vector<float> logits = {1.0f, 30.0f, -2.0f, -90.0f};
  const std::vector<int32_t> prompt = {0, 1}, completion = {2, 3};
  const auto changed = [&](float penalty) {
    std::vector<float> out = logits;
    LogitChanges changes;
    changes.repetition_penalty = penalty;
    ChangeLogits(out.data(), 4, changes, prompt, completion, {});
    return out;
  };
  for (float penalty : {1e-40f, 1e-3f, 1e3f, 3e38f}) {
    const std::vector<float> out = changed(penalty);
    for (float logit : out) EXPECT_TRUE(std::isfinite(logit)) << penalty;
    EXPECT_EQ(SampleToken(out.data(), 4, {1.0f}, 0.999999), 1) << penalty;
  }
  // Beyond the range of numbers all are alike again.
  const std::vector<float> alike = changed(1e-40f);
  EXPECT_EQ(alike[0], alike[1]);
  EXPECT_EQ(SampleToken(alike.data(), 4, {1.0f}, 0.4), 0);
}

}  // namespace
}  // namespace azr::test
