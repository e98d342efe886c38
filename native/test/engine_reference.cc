#include "engine_reference.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <numeric>

#include "engine/counter_random.h"

namespace azr::test {
namespace {

// Rows [begin, begin + size) of the flat buffer as a matrix or vector.
at::Tensor Part(const at::Tensor& flat, int64_t offset, at::IntArrayRef dimensions) {
  int64_t size = 1;
  for (int64_t d : dimensions) size *= d;
  return flat.narrow(0, offset, size).view(dimensions);
}

at::Tensor Norm(const at::Tensor& x, const at::Tensor& weight, const ModelShape& s) {
  return x / at::sqrt(at::mean(x * x, {-1}, true) + s.norm_epsilon) * (weight + s.norm_offset);
}

// x[tokens, heads, size]: the halves of each head are the real and imaginary parts of numbers turned by the position.
at::Tensor Rope(const at::Tensor& x, double theta, const std::vector<double>& factors) {
  const int64_t tokens = x.size(0), size = x.size(2), half = size / 2;
  const auto options = x.options().requires_grad(false);
  const at::Tensor exponent = at::arange(half, options) * (-2.0 / static_cast<double>(size));
  at::Tensor frequencies = at::pow(theta, exponent);
  for (size_t i = 0; i < factors.size(); ++i) frequencies.mutable_data_ptr<double>()[i] /= factors[i];
  const at::Tensor angles = at::arange(tokens, options).unsqueeze(1) * frequencies.unsqueeze(0);
  const at::Tensor cosine = at::cos(angles).unsqueeze(1), sine = at::sin(angles).unsqueeze(1);
  const at::Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
  return at::cat({a * cosine - b * sine, b * cosine + a * sine}, 2);
}

at::Tensor Attention(const at::Tensor& x, const ModelShape& s, const at::Tensor& flat, size_t layer,
                     const LayerOffsets& offsets) {
  const int64_t tokens = x.size(0), kv_width = s.key_value_heads * s.head_size;
  const int64_t key_offset = offsets.qkv + s.query_width() * s.hidden;
  const auto project = [&](int64_t offset, int64_t heads) {
    return at::matmul(x, Part(flat, offset, {heads * s.head_size, s.hidden}).t()).view({tokens, heads, s.head_size});
  };
  at::Tensor q = project(offsets.qkv, s.heads);
  at::Tensor k = project(key_offset, s.key_value_heads);
  at::Tensor v = project(key_offset + kv_width * s.hidden, s.key_value_heads);
  if (s.qkv_bias) {
    q = q + Part(flat, offsets.qkv_bias, {s.heads, s.head_size});
    k = k + Part(flat, offsets.qkv_bias + s.query_width(), {s.key_value_heads, s.head_size});
    v = v + Part(flat, offsets.qkv_bias + s.query_width() + kv_width, {s.key_value_heads, s.head_size});
  }
  if (s.qk_norm) {
    q = Norm(q, Part(flat, offsets.query_norm, {s.head_size}), s);
    k = Norm(k, Part(flat, offsets.key_norm, {s.head_size}), s);
  }
  const int64_t window = s.windows.empty() || s.windows[layer] == 0 ? tokens : s.windows[layer];
  const bool local = s.local_rope_theta > 0.0 && !s.windows.empty() && s.windows[layer] > 0;
  const double theta = local ? s.local_rope_theta : s.rope_theta;
  q = Rope(q, theta, local ? s.local_rope_factors : s.rope_factors);
  k = Rope(k, theta, local ? s.local_rope_factors : s.rope_factors);
  const at::Tensor all = at::ones({tokens, tokens}, x.options().dtype(at::kBool).requires_grad(false));
  const at::Tensor hidden = at::logical_or(at::triu(all, 1), at::tril(all, -window));
  const double scale = s.attention_scale > 0.0f ? s.attention_scale : 1.0 / std::sqrt(static_cast<double>(s.head_size));
  std::vector<at::Tensor> heads;
  for (int64_t h = 0; h < s.heads; ++h) {
    const int64_t kv = h / (s.heads / s.key_value_heads);
    at::Tensor scores = at::matmul(q.select(1, h), k.select(1, kv).t()) * scale;
    scores = scores.masked_fill(hidden, -INFINITY);
    heads.push_back(at::matmul(at::softmax(scores, -1), v.select(1, kv)));
  }
  return at::matmul(at::cat(heads, 1), Part(flat, offsets.output, {s.hidden, s.query_width()}).t());
}

at::Tensor FeedForward(const at::Tensor& x, const ModelShape& s, const at::Tensor& flat, const LayerOffsets& offsets) {
  const at::Tensor gate = at::matmul(x, Part(flat, offsets.gate_up, {s.feed_forward, s.hidden}).t());
  const at::Tensor up =
      at::matmul(x, Part(flat, offsets.gate_up + s.feed_forward * s.hidden, {s.feed_forward, s.hidden}).t());
  const at::Tensor cubic = gate + 0.044715 * gate * gate * gate;
  const at::Tensor active = s.activation == Activation::kSilu
                                ? gate * at::sigmoid(gate)
                                : 0.5 * gate * (1.0 + at::tanh(std::sqrt(2.0 / M_PI) * cubic));
  return at::matmul(active * up, Part(flat, offsets.down, {s.hidden, s.feed_forward}).t());
}

at::Tensor TokenTensor(const std::vector<int32_t>& tokens) {
  at::Tensor out = at::empty({static_cast<int64_t>(tokens.size())}, at::kLong);
  for (size_t i = 0; i < tokens.size(); ++i) out.mutable_data_ptr<int64_t>()[i] = tokens[i];
  return out;
}

at::Tensor Doubles(const std::vector<float>& values, int64_t first, int64_t count) {
  at::Tensor out = at::empty({count}, at::kDouble);
  for (int64_t i = 0; i < count; ++i) out.mutable_data_ptr<double>()[i] = values[first + i];
  return out;
}

}  // namespace

at::Tensor ReferenceParameters(const Model& model) {
  const int64_t total = model.layout().total;
  at::Tensor flat = at::empty({total}, at::kDouble);
  for (int64_t i = 0; i < total; ++i) flat.mutable_data_ptr<double>()[i] = model.parameters()[i];
  return flat.set_requires_grad(true);
}

at::Tensor ReferenceLogits(const ModelShape& s, const ParameterLayout& layout, const at::Tensor& flat,
                           const std::vector<int32_t>& tokens) {
  at::Tensor x = Part(flat, layout.embedding, {s.vocabulary, s.hidden}).index_select(0, TokenTensor(tokens));
  x = x * static_cast<double>(s.embedding_scale);
  const auto normed = [&](const at::Tensor& in, int64_t offset) { return Norm(in, Part(flat, offset, {s.hidden}), s); };
  for (size_t layer = 0; layer < layout.layers.size(); ++layer) {
    const LayerOffsets& offsets = layout.layers[layer];
    const at::Tensor attended = Attention(normed(x, offsets.attention_norm), s, flat, layer, offsets);
    x = x + (s.post_norms ? normed(attended, offsets.attention_output_norm) : attended);
    const at::Tensor fed = FeedForward(normed(x, offsets.feed_forward_norm), s, flat, offsets);
    x = x + (s.post_norms ? normed(fed, offsets.feed_forward_output_norm) : fed);
  }
  x = normed(x, layout.final_norm);
  return at::matmul(x, Part(flat, layout.head, {s.vocabulary, s.hidden}).t());
}

ReferenceResult ReferenceGradient(const Model& model, const UpdateBatch& batch, const LossSettings& settings) {
  ReferenceResult result;
  const at::Tensor flat = ReferenceParameters(model);
  std::vector<int64_t> prompt_begin{0};
  for (int32_t length : batch.prompts.lengths) prompt_begin.push_back(prompt_begin.back() + length);
  int64_t first = 0, trained = 0;
  for (size_t c = 0; c < batch.completions.lengths.size(); ++c) {
    const int64_t prompt = batch.completion_prompt[c], length = batch.completions.lengths[c];
    const auto* prompt_tokens = batch.prompts.tokens.data();
    std::vector<int32_t> tokens(prompt_tokens + prompt_begin[prompt], prompt_tokens + prompt_begin[prompt + 1]);
    const int64_t prompt_length = static_cast<int64_t>(tokens.size());
    const std::vector<int32_t> completion(batch.completions.tokens.begin() + first,
                                          batch.completions.tokens.begin() + first + length);
    tokens.insert(tokens.end(), completion.begin(), completion.end() - 1);
    const at::Tensor logits = ReferenceLogits(model.shape(), model.layout(), flat, tokens);
    const at::Tensor all = at::log_softmax(logits.narrow(0, prompt_length - 1, length), -1);
    const at::Tensor log_p = all.gather(1, TokenTensor(completion).unsqueeze(1)).squeeze(1);
    const at::Tensor weights = Doubles(batch.weights, first, length);
    at::Tensor loss;
    if (settings.policy) {
      const at::Tensor ratio = at::exp(log_p - Doubles(batch.old_log_probabilities, first, length));
      const at::Tensor advantages = Doubles(batch.advantages, first, length);
      const at::Tensor bounded = at::clamp(ratio, 1.0 - settings.clip_low, 1.0 + settings.clip_high);
      at::Tensor surrogate = at::minimum(ratio * advantages, bounded * advantages);
      if (settings.dual_clip > 0.0f) {
        const at::Tensor floor = advantages * static_cast<double>(settings.dual_clip);
        surrogate = at::where(advantages < 0, at::maximum(surrogate, floor), surrogate);
      }
      if (settings.importance_cap > 0.0f) {
        const at::Tensor difference = Doubles(batch.old_log_probabilities, first, length) -
                                      Doubles(batch.sampler_log_probabilities, first, length);
        surrogate = surrogate * at::clamp_max(at::exp(difference), static_cast<double>(settings.importance_cap));
      }
      loss = -at::sum(weights * surrogate);
      if (settings.kl != KlEstimator::kNone) {
        const at::Tensor d = Doubles(batch.reference_log_probabilities, first, length) - log_p;
        const at::Tensor estimate = settings.kl == KlEstimator::kK1   ? -d
                                    : settings.kl == KlEstimator::kK2 ? d * d / 2.0
                                                                      : at::exp(d) - 1.0 - d;
        loss = loss + at::sum(weights * estimate) * static_cast<double>(settings.kl_coefficient);
      }
      const at::Tensor spread = -at::sum(at::exp(all) * all, {1});
      loss = loss - at::sum(weights * spread) * static_cast<double>(settings.entropy_bonus);
    } else {
      loss = -at::sum(weights * log_p);
    }
    loss.backward();
    result.loss += loss.item<double>();
    const at::Tensor entropy = -at::sum(at::exp(all) * all, {1});
    for (int64_t i = 0; i < length; ++i) {
      result.log_probabilities.push_back(log_p[i].item<double>());
      if (batch.weights[first + i] == 0.0f) continue;
      result.entropy += entropy[i].item<double>();
      ++trained;
    }
    first += length;
  }
  if (trained > 0) result.entropy /= static_cast<double>(trained);
  const double* gradient = flat.grad().const_data_ptr<double>();
  result.gradient.assign(gradient, gradient + flat.numel());
  return result;
}

double RelativeError(const float* a, const double* b, int64_t size) {
  double difference = 0.0, norm = 0.0;
  for (int64_t i = 0; i < size; ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return difference == 0.0 ? 0.0 : std::sqrt(difference / norm);
}

void MakeGemma3(ModelShape* shape, int64_t window) {
  for (int64_t i = 0; i < shape->layers; ++i) shape->windows.push_back((i + 1) % 2 == 0 ? 0 : window);
  shape->local_rope_theta = 1000.0;
  shape->rope_factors.assign(shape->head_size / 2, 8.0);
  shape->attention_scale = 1.0f / std::sqrt(24.0f);
  shape->embedding_scale = std::sqrt(static_cast<float>(shape->hidden));
  shape->norm_offset = 1.0f;
  shape->post_norms = true;
  shape->qk_norm = true;
  shape->activation = Activation::kGeluTanh;
}

ModelShape TinyShape(int64_t vocabulary, int64_t hidden, int64_t layers, int64_t heads, int64_t key_value_heads,
                     int64_t head_size, int64_t feed_forward, bool tied) {
  ModelShape shape;
  shape.vocabulary = vocabulary;
  shape.hidden = hidden;
  shape.layers = layers;
  shape.heads = heads;
  shape.key_value_heads = key_value_heads;
  shape.head_size = head_size;
  shape.feed_forward = feed_forward;
  shape.tied_head = tied;
  shape.max_positions = 96;
  return shape;
}

void Randomize(Model* model, uint64_t seed) {
  float* out = model->MutableParameters();
  uint64_t stream = 0;
  for (const NamedTensor& tensor : model->layout().names) {
    ++stream;
    const bool vector = tensor.dimensions.size() == 1;
    const float deviation = vector ? 0.3f : 1.2f / std::sqrt(static_cast<float>(tensor.dimensions[1]));
    for (int64_t i = 0; i < tensor.size(); ++i) {
      out[tensor.offset + i] = (vector ? 1.0f - model->shape().norm_offset : 0.0f) + deviation * NormalAt(seed, stream, static_cast<uint64_t>(i));
    }
  }
}

int64_t Draw(uint64_t seed, uint64_t stream, uint64_t index, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(UniformAt(seed, stream, index) * static_cast<double>(high - low + 1));
}

std::vector<int32_t> RandomTokens(uint64_t seed, uint64_t stream, int64_t count, int64_t vocabulary) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(Draw(seed, stream, static_cast<uint64_t>(i), 0, vocabulary - 1)));
  }
  return tokens;
}

UpdateBatch RandomBatch(const ModelShape& shape, const BatchSizes& sizes, uint64_t seed) {
  UpdateBatch batch;
  const auto append = [](TokenRows* rows, const std::vector<int32_t>& tokens) {
    rows->tokens.insert(rows->tokens.end(), tokens.begin(), tokens.end());
    rows->lengths.push_back(static_cast<int32_t>(tokens.size()));
  };
  for (int64_t p = 0; p < sizes.prompts; ++p) {
    const uint64_t stream = 100 + 100 * static_cast<uint64_t>(p);
    append(&batch.prompts, RandomTokens(seed, stream, Draw(seed, 1, stream, 1, sizes.longest_prompt), shape.vocabulary));
    // A prompt other than the first may have no completion at all.
    const int64_t count = Draw(seed, 2, stream, p == 0 ? 1 : 0, sizes.completions_each);
    for (int64_t c = 0; c < count; ++c) {
      const uint64_t own = stream + 1 + static_cast<uint64_t>(c);
      const int64_t length = Draw(seed, 3, own, 1, sizes.longest_completion);
      append(&batch.completions, RandomTokens(seed, own, length, shape.vocabulary));
      batch.completion_prompt.push_back(static_cast<int32_t>(p));
    }
  }
  for (size_t i = 0; i < batch.completions.tokens.size(); ++i) {
    const double u = UniformAt(seed, 4, i);
    batch.weights.push_back(u < 0.15 ? 0.0f : static_cast<float>(0.1 + UniformAt(seed, 5, i)));
    batch.advantages.push_back(NormalAt(seed, 6, i));
    batch.old_log_probabilities.push_back(0.0f);
  }
  return batch;
}

void AppendCompletion(const UpdateBatch& from, size_t c, bool share, int32_t* last, UpdateBatch* to) {
  const auto copy = [](const auto& source, int64_t begin, int64_t count, auto* target) {
    if (!source.empty()) target->insert(target->end(), source.begin() + begin, source.begin() + begin + count);
  };
  const auto begin_of = [](const std::vector<int32_t>& lengths, int64_t count) {
    return std::accumulate(lengths.begin(), lengths.begin() + count, int64_t{0});
  };
  const int32_t prompt = from.completion_prompt[c];
  if (!share || *last != prompt) {
    copy(from.prompts.tokens, begin_of(from.prompts.lengths, prompt), from.prompts.lengths[prompt], &to->prompts.tokens);
    to->prompts.lengths.push_back(from.prompts.lengths[prompt]);
    *last = prompt;
  }
  const int64_t begin = begin_of(from.completions.lengths, static_cast<int64_t>(c)), length = from.completions.lengths[c];
  copy(from.completions.tokens, begin, length, &to->completions.tokens);
  to->completions.lengths.push_back(static_cast<int32_t>(length));
  to->completion_prompt.push_back(static_cast<int32_t>(to->prompts.lengths.size()) - 1);
  copy(from.weights, begin, length, &to->weights);
  copy(from.advantages, begin, length, &to->advantages);
  copy(from.old_log_probabilities, begin, length, &to->old_log_probabilities);
  copy(from.reference_log_probabilities, begin, length, &to->reference_log_probabilities);
  copy(from.sampler_log_probabilities, begin, length, &to->sampler_log_probabilities);
}

void AppendPrompt(const UpdateBatch& from, int64_t p, UpdateBatch* to) {
  int32_t last = -1;
  for (size_t c = 0; c < from.completion_prompt.size(); ++c) {
    if (from.completion_prompt[c] == p) AppendCompletion(from, c, /*share=*/true, &last, to);
  }
}

}  // namespace azr::test
