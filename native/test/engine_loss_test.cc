// The loss of one token (loss.h) in double: its derivative against central differences, and the values of its parts where
// they can be told by hand. engine_gradient_test.cc compares the whole gradient with automatic differentiation.
#include "engine/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/counter_random.h"

namespace azr {
namespace {

TEST(TermLossTest, DerivativesAreCentralDifferences) {
  constexpr double kStep = 1e-5;
  int64_t tried = 0, flat = 0;
  for (const KlEstimator kl : {KlEstimator::kNone, KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    for (const float dual_clip : {0.0f, 1.5f, 3.0f}) {
      for (const float cap : {0.0f, 1.5f}) {
        for (uint64_t i = 0; i < 200; ++i) {
          TokenTerm term;
          const double now = -3.0 * UniformAt(1, 1, i);
          term.weight = static_cast<float>(0.1 + UniformAt(1, 2, i));
          term.advantage = NormalAt(1, 3, i);
          term.old_log_probability = static_cast<float>(now) + 0.7f * NormalAt(1, 4, i);
          term.reference_log_probability = static_cast<float>(now) + 0.5f * NormalAt(1, 5, i);
          term.sampler_log_probability = term.old_log_probability + 0.5f * NormalAt(1, 6, i);
          const LossSettings settings{true, 0.2f, 0.28f, dual_clip, 0.0f, kl, 0.3f, cap};
          const auto loss = [&](double log_probability) { return EvaluateTerm(term, log_probability, settings).loss; };
          const TermLoss<double> here = EvaluateTerm(term, now, settings);
          // A difference across one of the clip's corners is no derivative.
          if (EvaluateTerm(term, now - kStep, settings).clipped != EvaluateTerm(term, now + kStep, settings).clipped) continue;
          const double slope = (loss(now + kStep) - loss(now - kStep)) / (2 * kStep);
          EXPECT_NEAR(here.coefficient, slope, 1e-6 * std::max(1.0, std::abs(slope))) << i;
          ++tried;
          flat += kl == KlEstimator::kNone && here.coefficient == 0.0;
        }
      }
    }
  }
  EXPECT_GT(tried, 4700);
  EXPECT_GT(flat, 100);  // clipped ones are among them
}

TEST(TermLossTest, PartsByHand) {
  TokenTerm term;
  term.weight = 0.5f;
  const auto at = [&](double ratio, float advantage, const LossSettings& settings) {
    term.advantage = advantage;
    return EvaluateTerm(term, std::log(ratio), settings);
  };
  LossSettings settings{true, 0.25f, 0.5f};
  // Between the bounds: -w r A, and its derivative by log p is the same. Beyond them: the bound, where it is the worse.
  EXPECT_NEAR(at(1.25, 2, settings).loss, -1.25, 1e-12);
  EXPECT_NEAR(at(1.25, 2, settings).coefficient, -1.25, 1e-12);
  EXPECT_NEAR(at(4, 2, settings).loss, -1.5, 1e-12);
  EXPECT_EQ(at(4, 2, settings).coefficient, 0.0);
  EXPECT_NEAR(at(0.5, 2, settings).loss, -0.5, 1e-12);
  EXPECT_NEAR(at(4, -2, settings).loss, 4, 1e-12);
  EXPECT_NEAR(at(0.5, -2, settings).loss, 0.75, 1e-12);
  EXPECT_TRUE(at(0.5, -2, settings).clipped);
  // Dual clip: a bad token counts at most three times, a good one as before.
  settings.dual_clip = 3;
  EXPECT_NEAR(at(4, -2, settings).loss, 3, 1e-12);
  EXPECT_EQ(at(4, -2, settings).coefficient, 0.0);
  EXPECT_NEAR(at(2.5, -2, settings).loss, 2.5, 1e-12);
  EXPECT_NEAR(at(4, 2, settings).loss, -1.5, 1e-12);
  // Importance: old / sampler = 4, then 0.5, of which at most 2 counts.
  settings.importance_cap = 2;
  term.sampler_log_probability = -std::log(4.0f);
  EXPECT_NEAR(at(1.25, 2, settings).loss, -2.5, 1e-6);
  EXPECT_NEAR(at(1.25, 2, settings).coefficient, -2.5, 1e-6);
  EXPECT_TRUE(at(1.25, 2, settings).capped);
  term.sampler_log_probability = std::log(2.0f);
  EXPECT_NEAR(at(1.25, 2, settings).loss, -0.625, 1e-6);
  EXPECT_FALSE(at(1.25, 2, settings).capped);
  // Divergence alone, p = 1/2 of the reference's probability 1: d = log 2.
  settings = {true, 0.25f, 0.5f, 0.0f, 0.0f, KlEstimator::kK1, 0.5f};
  const double log2 = std::log(2.0);
  EXPECT_NEAR(at(0.5, 0, settings).kl, -log2, 1e-12);
  EXPECT_NEAR(at(0.5, 0, settings).loss, -0.25 * log2, 1e-12);
  EXPECT_NEAR(at(0.5, 0, settings).coefficient, 0.25, 1e-12);
  settings.kl = KlEstimator::kK2;
  EXPECT_NEAR(at(0.5, 0, settings).kl, log2 * log2 / 2, 1e-12);
  EXPECT_NEAR(at(0.5, 0, settings).coefficient, -0.25 * log2, 1e-12);
  settings.kl = KlEstimator::kK3;
  EXPECT_NEAR(at(0.5, 0, settings).kl, 1 - log2, 1e-12);
  EXPECT_NEAR(at(0.5, 0, settings).coefficient, -0.25, 1e-12);
}

}  // namespace
}  // namespace azr
