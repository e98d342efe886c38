#include "engine/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

constexpr int64_t kChunk = 512;  // rows of logits at once, at most

// As many as keep them within 128 MiB, where the vocabulary is large.
int64_t RowsAtOnce(int64_t vocabulary) { return std::clamp<int64_t>((int64_t{1} << 25) / vocabulary, 64, kChunk); }

struct TermResult : TermLoss<float> {
  float log_probability = 0, entropy = 0;
};

}  // namespace

float LogSumExp(const float* logits, int64_t size) {
  const int64_t whole = size / kLanes * kLanes;
  alignas(64) float tail[kLanes];
  std::fill(tail, tail + kLanes, -INFINITY);
  std::memcpy(tail, logits + whole, (size - whole) * sizeof(float));
  Vec highest = Load(tail);
  for (int64_t i = 0; i < whole; i += kLanes) highest = Max(highest, Load(logits + i));
  const float shift = HorizontalMax(highest);
  Vec sum = Broadcast(0.0f);
  for (int64_t i = 0; i < whole; i += kLanes) sum = sum + Exp(Load(logits + i) - Broadcast(shift));
  if (whole < size) {
    const Vec last = Exp(Load(tail) - Broadcast(shift));
    sum = sum + (Load(tail) > Broadcast(-INFINITY) ? last : Broadcast(0.0f));
  }
  return shift + std::log(HorizontalSum(sum));
}

int64_t Head::logit_stride() const { return (model_->shape().vocabulary + kLanes - 1) / kLanes * kLanes; }

const float* Head::Logits(const float* hidden, const int64_t* row_index, int64_t rows) {
  const ModelShape& s = model_->shape();
  Grow(&gathered_, rows * s.hidden, "logits");
  Grow(&normed_, rows * s.hidden, "logits");
  Grow(&rstd_, rows, "logits");
  Grow(&logits_, rows * logit_stride(), "logits");
  ParallelFor(rows, 256, [&](int64_t r) {
    std::memcpy(gathered_.data() + r * s.hidden, hidden + row_index[r] * s.hidden, s.hidden * sizeof(float));
  });
  RmsNorm(gathered_.data(), model_->norm(model_->layout().final_norm), rows, s.hidden, normed_.data(), rstd_.data());
  Multiply(normed_.data(), s.hidden, rows, model_->Forward().head, logits_.data(), logit_stride(), false);
  return logits_.data();
}

void Head::LogProbabilities(const float* hidden, const std::vector<TokenTerm>& terms, float* out) {
  const int64_t total = static_cast<int64_t>(terms.size()), chunk = RowsAtOnce(model_->shape().vocabulary);
  for (int64_t begin = 0; begin < total; begin += chunk) {
    const int64_t rows = std::min(chunk, total - begin);
    int64_t index[kChunk];
    for (int64_t r = 0; r < rows; ++r) index[r] = terms[begin + r].row;
    const float* logits = Logits(hidden, index, rows);
    ParallelFor(rows, 16, [&](int64_t r) {
      const float* row = logits + r * logit_stride();
      out[begin + r] = row[terms[begin + r].target] - LogSumExp(row, model_->shape().vocabulary);
    });
  }
}

void Head::Loss(const float* hidden, const std::vector<TokenTerm>& terms, const LossSettings& settings,
                float* dhidden, float* gradient, LossSums* sums) {
  const ModelShape& s = model_->shape();
  const int64_t total = static_cast<int64_t>(terms.size()), stride = logit_stride(), chunk = RowsAtOnce(s.vocabulary);
  std::vector<TermResult> results(std::min(chunk, total));
  for (int64_t begin = 0; begin < total; begin += chunk) {
    const int64_t rows = std::min(chunk, total - begin);
    int64_t index[kChunk];
    for (int64_t r = 0; r < rows; ++r) index[r] = terms[begin + r].row;
    Logits(hidden, index, rows);
    // Logits become their own gradient: coefficient * (onehot - p), and the entropy bonus.
    ParallelFor(rows, 16, [&](int64_t r) {
      const TokenTerm& term = terms[begin + r];
      float* row = logits_.data() + r * stride;
      const float total_log = LogSumExp(row, s.vocabulary);
      const float log_probability = row[term.target] - total_log;
      TermResult result{EvaluateTerm(term, log_probability, settings), log_probability};
      for (int64_t i = s.vocabulary; i < stride; ++i) row[i] = -INFINITY;
      // The bonus needs the entropy before it has a gradient, so its rows are gone through twice.
      const float bonus = settings.policy ? settings.entropy_bonus * term.weight : 0.0f;
      Vec entropy = Broadcast(0.0f);
      const Vec scale = Broadcast(-result.coefficient);
      for (int64_t i = 0; i < stride; i += kLanes) {
        const Vec logit = Load(row + i), log_p = logit - Broadcast(total_log);
        const Vec p = logit > Broadcast(-INFINITY) ? Exp(log_p) : Broadcast(0.0f);
        entropy = entropy - p * Max(log_p, Broadcast(-100.0f));
        if (bonus == 0.0f) Store(row + i, scale * p);
      }
      result.entropy = HorizontalSum(entropy);
      if (bonus != 0.0f) {
        result.loss -= bonus * result.entropy;
        for (int64_t i = 0; i < stride; i += kLanes) {
          const Vec logit = Load(row + i), log_p = logit - Broadcast(total_log);
          const Vec p = logit > Broadcast(-INFINITY) ? Exp(log_p) : Broadcast(0.0f);
          // d entropy / d logit = -p (log p + entropy)
          const Vec slope = Broadcast(bonus) * (Max(log_p, Broadcast(-100.0f)) + Broadcast(result.entropy));
          Store(row + i, p * (scale + slope));
        }
      }
      row[term.target] += result.coefficient;
      results[r] = result;
    });
    for (int64_t r = 0; r < rows; ++r) {
      const TermResult& result = results[r];
      sums->loss += result.loss;
      sums->entropy += result.entropy;
      sums->terms += 1;
      if (settings.policy) {
        const double gap = static_cast<double>(result.log_probability) - terms[begin + r].old_log_probability;
        sums->log_ratio -= gap;
        sums->gap += std::abs(gap);
        sums->max_gap = std::max(sums->max_gap, std::abs(gap));
        sums->clipped += result.clipped;
        sums->kl += result.kl;
        sums->importance += result.importance;
        sums->max_importance = std::max<double>(sums->max_importance, result.importance);
        sums->capped += result.capped;
      }
    }
    Grow(&dnormed_, rows * s.hidden, "logits");
    Grow(&dgathered_, rows * s.hidden, "logits");
    std::fill_n(dgathered_.begin(), rows * s.hidden, 0.0f);
    model_->AddWeightGradient(gradient, model_->layout().head, logits_.data(), stride, normed_.data(), s.hidden, rows,
                              s.vocabulary, s.hidden);
    Multiply(logits_.data(), stride, rows, model_->Backward(model_->layout().head, s.vocabulary, s.hidden), dnormed_.data(), s.hidden);
    RmsNormBackward(gathered_.data(), model_->norm(model_->layout().final_norm), rstd_.data(), dnormed_.data(), rows,
                    s.hidden, dgathered_.data(), model_->GradientAt(gradient, model_->layout().final_norm));
    for (int64_t r = 0; r < rows; ++r) {  // in order: several terms may share a row
      float* out = dhidden + index[r] * s.hidden;
      const float* in = dgathered_.data() + r * s.hidden;
      for (int64_t i = 0; i < s.hidden; ++i) out[i] += in[i];
    }
  }
}

}  // namespace azr
