// The loss of one trained token as a function of its log-probability, and its derivative: the clipped surrogate with its
// bounds, the truncated importance weight, the divergence from a reference model. Written once for any floating type, so
// that tests can difference the very formulas in double. What needs the whole distribution, the entropy bonus, is in
// head.cc. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace azr {

// Estimators of KL(policy || reference) from one sampled token (Schulman 2020, "Approximating KL divergence"), with
// d = log reference - log p: k1 = -d, k2 = d^2 / 2, k3 = e^d - 1 - d.
enum class KlEstimator { kNone, kK1, kK2, kK3 };

struct LossSettings {
  bool policy = false;  // else cross-entropy, where nothing below counts
  float clip_low = 0.2f, clip_high = 0.2f;
  // A negative advantage counts at most this many times, whatever the ratio (Ye et al. 2020, arXiv 1912.09729, eq. 5).
  // Above 1; 0 = off.
  float dual_clip = 0.0f;
  // -entropy_bonus * weight * entropy is added (Mnih et al. 2016, arXiv 1602.01783, section 4).
  float entropy_bonus = 0.0f;
  // kl_coefficient * weight * estimate is added (DeepSeekMath, arXiv 2402.03300, eq. 3 and 4).
  KlEstimator kl = KlEstimator::kNone;
  float kl_coefficient = 0.0f;
  // The surrogate is multiplied by min(p_old / p_sampler, cap), a constant (truncated importance sampling, Ionides 2008).
  // 0 = off: the sampler is the old policy.
  float importance_cap = 0.0f;
};

// One trained or scored token: the hidden row that predicts it, and its place in the loss.
struct TokenTerm {
  int64_t row = 0;
  int32_t target = 0;
  float weight = 1.0f;
  float advantage = 0.0f;
  float old_log_probability = 0.0f;
  float reference_log_probability = 0.0f;
  float sampler_log_probability = 0.0f;
};

template <typename Real>
struct TermLoss {
  Real loss = 0;         // weighted, without the entropy bonus
  Real coefficient = 0;  // its derivative by the log-probability
  Real kl = 0;           // the estimate, unweighted
  Real importance = 1;   // the weight, truncated
  bool clipped = false;  // the surrogate is flat here
  bool capped = false;   // the importance weight was truncated
};

// Cross-entropy: -w log p. Policy, with rho = p / p_old: -w i S + w c KL, S = min(rho A, clip(rho, 1 - low, 1 + high) A)
// (Schulman et al. 2017, arXiv 1707.06347, eq. 7), for A < 0 no less than dual_clip A, i the importance weight.
template <typename Real>
TermLoss<Real> EvaluateTerm(const TokenTerm& term, Real log_probability, const LossSettings& settings) {
  TermLoss<Real> result;
  const Real weight = term.weight;
  if (!settings.policy) {
    result.loss = -weight * log_probability;
    result.coefficient = -weight;
    return result;
  }
  const Real advantage = term.advantage;
  const Real ratio = std::exp(log_probability - static_cast<Real>(term.old_log_probability));
  const Real bounded = std::clamp(ratio, Real(1) - static_cast<Real>(settings.clip_low), Real(1) + static_cast<Real>(settings.clip_high));
  const Real plain = ratio * advantage, clipped = bounded * advantage;
  result.clipped = clipped < plain;
  Real surrogate = std::min(plain, clipped);
  if (settings.dual_clip > 0.0f && advantage < 0 && surrogate < static_cast<Real>(settings.dual_clip) * advantage) {
    surrogate = static_cast<Real>(settings.dual_clip) * advantage;
    result.clipped = true;
  }
  Real scaled = weight;
  if (settings.importance_cap > 0.0f) {
    const Real cap = settings.importance_cap;
    result.importance = std::exp(static_cast<Real>(term.old_log_probability) - static_cast<Real>(term.sampler_log_probability));
    result.capped = result.importance > cap;
    result.importance = std::min(result.importance, cap);
    scaled *= result.importance;
  }
  result.loss = -scaled * surrogate;
  result.coefficient = result.clipped ? Real(0) : -scaled * plain;
  if (settings.kl == KlEstimator::kNone) return result;

  const double d = static_cast<double>(term.reference_log_probability) - static_cast<double>(log_probability);
  double estimate = -d, slope = 1.0;  // slope: of the estimate by the log-probability
  if (settings.kl == KlEstimator::kK2) {
    estimate = d * d / 2.0;
    slope = -d;
  } else if (settings.kl == KlEstimator::kK3) {
    estimate = std::expm1(d) - d;
    slope = -std::expm1(d);
  }
  const double share = static_cast<double>(settings.kl_coefficient) * static_cast<double>(term.weight);
  result.kl = static_cast<Real>(estimate);
  result.loss += static_cast<Real>(share * estimate);
  result.coefficient += static_cast<Real>(share * slope);
  return result;
}

}  // namespace azr
