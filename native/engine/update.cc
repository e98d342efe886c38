#include "engine/update.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "engine/memory.h"
#include "engine/status.h"

namespace azr {
namespace {

std::vector<int64_t> Offsets(const TokenRows& rows) {
  std::vector<int64_t> offsets{0};
  for (int32_t length : rows.lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

void CheckAbort(const std::atomic<bool>& abort, const char* what) {
  if (abort.load(std::memory_order_relaxed)) throw EngineError("AZR_ABORTED", std::string(what) + " was aborted");
}

// Cuts a batch into micro-batches of at most `budget` rows, in the caller's order; a prompt whose completions do not fit
// together is computed again in the next one. The last token of a completion predicts nothing, so it has no row.
class MicroBatches {
 public:
  MicroBatches(const UpdateBatch& batch, int64_t budget)
      : batch_(batch), budget_(budget), prompts_(Offsets(batch.prompts)), completions_(Offsets(batch.completions)) {}

  bool Next(PackedBatch* packed, std::vector<TokenTerm>* terms) {
    packed->tokens.clear();
    packed->positions.clear();
    packed->groups.clear();
    terms->clear();
    const int64_t total = static_cast<int64_t>(batch_.completions.lengths.size());
    int32_t open = -1;  // prompt of the last group of this micro-batch
    while (next_ < total) {
      const int32_t prompt = batch_.completion_prompt[next_];
      const int64_t length = batch_.completions.lengths[next_];
      const int64_t rows = length - 1 + (prompt == open ? 0 : batch_.prompts.lengths[prompt]);
      if (packed->rows() > 0 && packed->rows() + rows > budget_) break;
      if (prompt != open) OpenGroup(prompt, packed);
      open = prompt;
      AddCompletion(next_++, packed, terms);
    }
    return packed->rows() > 0;
  }

 private:
  void Append(const int32_t* tokens, int64_t count, int64_t position, PackedBatch* packed) const {
    for (int64_t i = 0; i < count; ++i) {
      packed->tokens.push_back(tokens[i]);
      packed->positions.push_back(static_cast<int32_t>(position + i));
    }
  }

  void OpenGroup(int32_t prompt, PackedBatch* packed) const {
    const int64_t length = batch_.prompts.lengths[prompt];
    packed->groups.push_back({packed->rows(), length, {}});
    Append(batch_.prompts.tokens.data() + prompts_[prompt], length, 0, packed);
  }

  void AddCompletion(int64_t index, PackedBatch* packed, std::vector<TokenTerm>* terms) const {
    RowGroup& group = packed->groups.back();
    const int64_t length = batch_.completions.lengths[index], first = completions_[index];
    const int64_t begin = packed->rows();
    group.completions.push_back(length - 1);
    Append(batch_.completions.tokens.data() + first, length - 1, group.prompt, packed);
    for (int64_t i = 0; i < length; ++i) {
      if (batch_.weights[first + i] == 0.0f) continue;
      TokenTerm term;
      term.row = i == 0 ? group.begin + group.prompt - 1 : begin + i - 1;
      term.target = batch_.completions.tokens[first + i];
      term.weight = batch_.weights[first + i];
      if (!batch_.advantages.empty()) {
        term.advantage = batch_.advantages[first + i];
        term.old_log_probability = batch_.old_log_probabilities[first + i];
      }
      if (!batch_.reference_log_probabilities.empty()) {
        term.reference_log_probability = batch_.reference_log_probabilities[first + i];
      }
      if (!batch_.sampler_log_probabilities.empty()) {
        term.sampler_log_probability = batch_.sampler_log_probabilities[first + i];
      }
      terms->push_back(term);
    }
  }

  const UpdateBatch& batch_;
  int64_t budget_, next_ = 0;
  std::vector<int64_t> prompts_, completions_;
};

}  // namespace

UpdateResult Trainer::Gradient(const UpdateBatch& batch, const UpdateSettings& settings,
                               const std::atomic<bool>& abort) {
  const int64_t trained = model_->trained_size(), width = model_->shape().hidden;
  if (!gradient_.defined()) gradient_ = at::zeros({trained}, at::kFloat);
  float* gradient = gradient_.mutable_data_ptr<float>();
  std::memset(gradient, 0, trained * sizeof(float));
  MicroBatches micro_batches(batch, settings.micro_batch_tokens);
  PackedBatch packed;
  std::vector<TokenTerm> terms;
  LossSums sums;
  UpdateResult result;
  while (micro_batches.Next(&packed, &terms)) {
    CheckAbort(abort, "the update");
    if (terms.empty()) continue;
    decoder_->Forward(packed, /*keep=*/true, settings.checkpoint_activations);
    Grow(&dhidden_, packed.rows() * width, "activations");
    std::fill_n(dhidden_.begin(), packed.rows() * width, 0.0f);
    head_->Loss(decoder_->hidden(), terms, settings.loss, dhidden_.data(), gradient, &sums);
    decoder_->Backward(packed, dhidden_.data(), gradient);
    result.computed_tokens += packed.rows();
  }
  result.loss = sums.loss;
  result.trained_tokens = sums.terms;
  result.gradient_norm = Norm(gradient, trained);
  if (sums.terms > 0) {
    const double count = static_cast<double>(sums.terms);
    result.entropy = sums.entropy / count;
    result.approximate_kl = sums.log_ratio / count;
    result.clip_fraction = static_cast<double>(sums.clipped) / count;
    result.mean_log_probability_gap = sums.gap / count;
    result.max_log_probability_gap = sums.max_gap;
    if (settings.loss.policy) {
      result.reference_kl = sums.kl / count;
      result.importance_mean = sums.importance / count;
      result.importance_max = sums.max_importance;
      result.importance_capped = static_cast<double>(sums.capped) / count;
    }
  }
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw EngineError("AZR_NUMERICS", "the loss or its gradient is not finite; the weights were left as they were");
  }
  return result;
}

UpdateResult Trainer::Update(const UpdateBatch& batch, const UpdateSettings& settings,
                             const std::atomic<bool>& abort) {
  const UpdateResult result = Gradient(batch, settings, abort);
  CheckAbort(abort, "the update");
  if (settings.max_gap >= 0.0 && result.max_log_probability_gap > settings.max_gap) {
    char text[160];
    std::snprintf(text, sizeof text, "log-probabilities of sampled tokens differ by up to %.3g when trained; at most %.3g is allowed",
                  result.max_log_probability_gap, settings.max_gap);
    throw EngineError("AZR_PARITY", text);
  }
  if (result.trained_tokens == 0) return result;
  float scale = 1.0f;
  const float limit = settings.optimizer.clip_norm;
  // The same small constant as torch.nn.utils.clip_grad_norm_.
  if (limit > 0.0f) scale = std::min(1.0f, limit / (static_cast<float>(result.gradient_norm) + 1e-6f));
  // Second moments are squares: one that is infinite would hold its weight where it is for good.
  constexpr double kMostNorm = 1e19;
  if (result.gradient_norm * scale > kMostNorm) {
    throw EngineError("AZR_NUMERICS", "the gradient is too large for the optimizer's moments; the weights were left as they were");
  }
  std::vector<int64_t> sizes;
  for (const NamedTensor& tensor : model_->trained_names()) sizes.push_back(tensor.size());
  optimizer_->Step(model_->MutableTrained(), gradient(), scale, settings.optimizer, sizes);
  return result;
}

std::vector<float> Trainer::Score(const TokenRows& sequences, int64_t micro_batch_tokens,
                                  const std::atomic<bool>& abort) {
  const std::vector<int64_t> offsets = Offsets(sequences);
  const int64_t total = static_cast<int64_t>(sequences.lengths.size());
  std::vector<float> out(offsets.back() - total);
  int64_t next = 0, written = 0;
  PackedBatch packed;
  std::vector<TokenTerm> terms;
  while (next < total) {
    CheckAbort(abort, "scoring");
    packed = {};
    terms.clear();
    while (next < total) {
      const int64_t rows = sequences.lengths[next] - 1;
      if (packed.rows() > 0 && packed.rows() + rows > micro_batch_tokens) break;
      packed.groups.push_back({packed.rows(), rows, {}});
      for (int64_t i = 0; i < rows; ++i) {
        terms.push_back({packed.rows(), sequences.tokens[offsets[next] + i + 1]});
        packed.tokens.push_back(sequences.tokens[offsets[next] + i]);
        packed.positions.push_back(static_cast<int32_t>(i));
      }
      ++next;
    }
    decoder_->Forward(packed, /*keep=*/false);
    head_->LogProbabilities(decoder_->hidden(), terms, out.data() + written);
    written += static_cast<int64_t>(terms.size());
  }
  return out;
}

}  // namespace azr
