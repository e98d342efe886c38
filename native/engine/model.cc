#include "engine/model.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>
#include <utility>

#include "engine/counter_random.h"
#include "engine/lora.h"
#include "engine/status.h"

namespace azr {

void ModelShape::Check() const {
  const auto fail = [](const std::string& why) { throw EngineError("AZR_MODEL_FORMAT", why); };
  if (vocabulary < 2 || hidden < 1 || layers < 1 || heads < 1 || key_value_heads < 1 || feed_forward < 1 ||
      max_positions < 1) {
    fail("the model's sizes must all be positive");
  }
  // Far above any model; below, no product of sizes overflows.
  constexpr int64_t kMostOfOne = 1 << 24, kMostCounted = 1 << 12;
  if (std::max({vocabulary, hidden, feed_forward, max_positions}) > kMostOfOne ||
      std::max({layers, heads, key_value_heads, head_size}) > kMostCounted) {
    fail("the model's sizes are beyond what any model has");
  }
  if (heads % key_value_heads != 0) fail("the number of heads must be a multiple of the key/value heads");
  if (head_size % kKeyBlock != 0 || head_size < kKeyBlock) {
    std::ostringstream text;
    text << "head size " << head_size << " is not a multiple of 16, which this engine needs";
    fail(text.str());
  }
  if (feed_forward % kKeyBlock != 0) fail("the feed-forward size must be a multiple of 16");
  for (const std::vector<double>* factors : {&rope_factors, &local_rope_factors}) {
    if (!factors->empty() && static_cast<int64_t>(factors->size()) != head_size / 2) {
      fail("there must be one rotary factor for each pair of a head's values");
    }
    for (double factor : *factors) {
      if (!(factor > 0.0) || !std::isfinite(factor)) fail("rotary factors must be positive numbers");
    }
  }
  if (!windows.empty() && static_cast<int64_t>(windows.size()) != layers) fail("there must be one window a layer");
  for (int64_t each : windows) {
    if (each < 0 || each > kMostOfOne) fail("windows must be positive, or 0 for none");
  }
  const auto amount = [](double value) { return value >= 0.0 && std::isfinite(value); };
  if (!amount(local_rope_theta) || !amount(attention_scale) || !amount(embedding_scale) || !std::isfinite(norm_offset)) {
    fail("the scales of embeddings and attention and the rotary base must be finite and not negative");
  }
}

AttentionShape ModelShape::attention(int64_t layer) const {
  const float scale = attention_scale > 0.0f ? attention_scale : 1.0f / std::sqrt(static_cast<float>(head_size));
  return {heads, key_value_heads, head_size, scale, window(layer)};
}

int64_t NamedTensor::size() const {
  int64_t product = 1;
  for (int64_t d : dimensions) product *= d;
  return product;
}

ParameterLayout::ParameterLayout(const ModelShape& s) {
  const auto add = [&](const std::string& name, std::vector<int64_t> dimensions) {
    NamedTensor tensor{name, std::move(dimensions), total};
    total += tensor.size();
    names.push_back(tensor);
    return tensor.offset;
  };
  embedding = add("model.embed_tokens.weight", {s.vocabulary, s.hidden});
  for (int64_t i = 0; i < s.layers; ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    LayerOffsets layer;
    layer.attention_norm = add(prefix + "input_layernorm.weight", {s.hidden});
    layer.qkv = add(prefix + "self_attn.q_proj.weight", {s.query_width(), s.hidden});
    add(prefix + "self_attn.k_proj.weight", {s.key_value_heads * s.head_size, s.hidden});
    add(prefix + "self_attn.v_proj.weight", {s.key_value_heads * s.head_size, s.hidden});
    if (s.qkv_bias) {
      layer.qkv_bias = add(prefix + "self_attn.q_proj.bias", {s.query_width()});
      add(prefix + "self_attn.k_proj.bias", {s.key_value_heads * s.head_size});
      add(prefix + "self_attn.v_proj.bias", {s.key_value_heads * s.head_size});
    }
    if (s.qk_norm) {
      layer.query_norm = add(prefix + "self_attn.q_norm.weight", {s.head_size});
      layer.key_norm = add(prefix + "self_attn.k_norm.weight", {s.head_size});
    }
    layer.output = add(prefix + "self_attn.o_proj.weight", {s.hidden, s.query_width()});
    if (s.post_norms) {
      layer.attention_output_norm = add(prefix + "post_attention_layernorm.weight", {s.hidden});
      layer.feed_forward_norm = add(prefix + "pre_feedforward_layernorm.weight", {s.hidden});
      layer.feed_forward_output_norm = add(prefix + "post_feedforward_layernorm.weight", {s.hidden});
    } else {
      layer.feed_forward_norm = add(prefix + "post_attention_layernorm.weight", {s.hidden});
    }
    layer.gate_up = add(prefix + "mlp.gate_proj.weight", {s.feed_forward, s.hidden});
    add(prefix + "mlp.up_proj.weight", {s.feed_forward, s.hidden});
    layer.down = add(prefix + "mlp.down_proj.weight", {s.hidden, s.feed_forward});
    layers.push_back(layer);
  }
  final_norm = add("model.norm.weight", {s.hidden});
  head = s.tied_head ? embedding : add("lm_head.weight", {s.vocabulary, s.hidden});
}

namespace {
// Rotary tables of models with long contexts would be large, and most of them never looked at.
constexpr int64_t kFirstPositions = 4096;

ModelShape Checked(const ModelShape& shape, const WeightSettings& weights) {
  shape.Check();
  if (weights.trainable && weights.format == WeightFormat::kQ8) {
    throw EngineError("AZR_INPUT_INVALID", "weights in q8 cannot be trained: open the model with f32 or bf16, or not trainable");
  }
  if (weights.lora && !weights.trainable) {
    throw EngineError("AZR_INPUT_INVALID", "adapters are for training: open the model trainable, or without lora");
  }
  return shape;
}

std::vector<RopeTable> Ropes(const ModelShape& shape) {
  const int64_t positions = std::min(shape.max_positions, kFirstPositions);
  std::vector<RopeTable> ropes{{shape.head_size, shape.rope_theta, positions, shape.rope_factors}};
  if (shape.local_rope_theta > 0.0) {
    ropes.emplace_back(shape.head_size, shape.local_rope_theta, positions, shape.local_rope_factors);
  }
  return ropes;
}
}  // namespace

Model::Model(const ModelShape& shape, const WeightSettings& weights)
    : shape_(Checked(shape, weights)),
      weights_(weights),
      layout_(shape),
      ropes_(Ropes(shape)),
      matrices_(Matrices()) {
  if (weights.trainable) {
    if (weights.lora) lora_ = std::make_unique<Lora>(layout_, *weights.lora);
    parameters_ = at::zeros({layout_.total}, at::kFloat);
    return;
  }
  for (Matrix& matrix : matrices_) matrix.packed->Resize(weights.format, matrix.depth, matrix.columns);
  packed_ = true;
  embedding_.resize(shape.vocabulary * RowBytes(weights.format, shape.hidden));
  // Vectors that lie side by side stay so: the three biases of an attention are read as one.
  int64_t end = -1;
  std::vector<float>* run = nullptr;
  for (const NamedTensor& tensor : layout_.names) {
    if (tensor.dimensions.size() != 1) continue;
    if (tensor.offset != end) run = &vectors_[tensor.offset];
    run->resize(run->size() + tensor.size());
    end = tensor.offset + tensor.size();
  }
}

Model::~Model() = default;

std::vector<Model::Matrix> Model::Matrices() {
  const ModelShape& s = shape_;
  std::vector<Matrix> all;
  forward_.layers.resize(s.layers);
  for (int64_t i = 0; i < s.layers; ++i) {
    const LayerOffsets& offsets = layout_.layers[i];
    PackedLayer& packed = forward_.layers[i];
    all.push_back({offsets.qkv, s.qkv_width(), s.hidden, &packed.qkv});
    all.push_back({offsets.output, s.hidden, s.query_width(), &packed.output});
    all.push_back({offsets.gate_up, 2 * s.feed_forward, s.hidden, &packed.gate_up});
    all.push_back({offsets.down, s.hidden, s.feed_forward, &packed.down});
  }
  all.push_back({layout_.head, s.vocabulary, s.hidden, &forward_.head});
  return all;
}

void Model::ReachPositions(int64_t positions) {
  // By doubling, so that a growing completion does not pay for each token.
  if (positions <= ropes_[0].positions()) return;
  const int64_t reach = std::min(shape_.max_positions, std::max(positions, 2 * ropes_[0].positions()));
  for (RopeTable& rope : ropes_) rope.Reach(reach);
}

const float* Model::parameters() const {
  if (!weights_.trainable) {
    throw EngineError("AZR_INPUT_INVALID", "the model was opened without trainable weights, which training and saving need: open it with trainable: true");
  }
  return parameters_.const_data_ptr<float>();
}

const float* Model::at(int64_t offset) const {
  if (weights_.trainable) return parameters() + offset;
  const auto run = std::prev(vectors_.upper_bound(offset));
  if (offset - run->first >= static_cast<int64_t>(run->second.size())) {
    throw EngineError("AZR_INTERNAL", "a matrix was read as a vector");
  }
  return run->second.data() + (offset - run->first);
}

void Model::Forget(bool adapters_only) {
  packed_ = false;
  for (Matrix& matrix : matrices_) {
    if (!adapters_only || matrix.held == Held::kMerged) matrix.held = Held::kNone;
  }
}

float* Model::MutableParameters() {
  parameters();
  Forget(/*adapters_only=*/false);
  return parameters_.mutable_data_ptr<float>();
}

const std::vector<NamedTensor>& Model::trained_names() const { return lora_ ? lora_->names() : layout_.names; }

int64_t Model::trained_size() const { return lora_ ? lora_->size() : layout_.total; }

const float* Model::trained() const { return lora_ ? std::as_const(*lora_).values() : parameters(); }

float* Model::MutableTrained() {
  if (!lora_) return MutableParameters();
  Forget(/*adapters_only=*/true);
  return lora_->values();
}

const float* Model::Merged(int64_t offset, int64_t columns, int64_t depth) const {
  if (!lora_ || !lora_->Covers(offset, columns * depth)) return at(offset);
  return lora_->Merged(at(offset), offset, columns, depth);
}

void Model::AddWeightGradient(float* gradient, int64_t offset, const float* dy, int64_t dy_stride, const float* x,
                              int64_t x_stride, int64_t rows, int64_t columns, int64_t depth) const {
  if (lora_) return lora_->AddGradient(gradient, offset, dy, dy_stride, x, x_stride, rows, columns, depth);
  AccumulateOuter(weights_.format, dy, dy_stride, x, x_stride, rows, columns, depth, gradient + offset);
}

float Model::embedding_scale() const {
  const float scale = shape_.embedding_scale;
  return weights_.format == WeightFormat::kBfloat16 ? WidenBfloat16(RoundToBfloat16(scale)) : scale;
}

void Model::EmbeddingRow(int64_t token, float* out) const {
  const int64_t width = shape_.hidden;
  if (!weights_.trainable) {
    DecodeRow(weights_.format, embedding_.data() + token * RowBytes(weights_.format, width), width, out);
    return;
  }
  const float* row = at(layout_.embedding) + token * width;
  for (int64_t i = 0; i < width; ++i) {
    out[i] = weights_.format == WeightFormat::kBfloat16 ? WidenBfloat16(RoundToBfloat16(row[i])) : row[i];
  }
}

float* Model::InPlace(size_t index) {
  const NamedTensor& tensor = layout_.names[index];
  if (weights_.trainable) return parameters_.mutable_data_ptr<float>() + tensor.offset;
  return tensor.dimensions.size() == 1 ? const_cast<float*>(at(tensor.offset)) : nullptr;
}

bool Model::SetRows(size_t index, int64_t first, int64_t count, const float* values) {
  const NamedTensor& tensor = layout_.names[index];
  const int64_t columns = tensor.dimensions.back();
  if (float* place = InPlace(index)) {
    std::copy(values, values + count * columns, place + first * columns);
    return true;
  }
  bool fits = true;
  if (tensor.offset == layout_.embedding) {
    const int64_t bytes = RowBytes(weights_.format, columns);
    for (int64_t i = 0; i < count; ++i) {
      fits = EncodeRow(weights_.format, values + i * columns, columns, embedding_.data() + (first + i) * bytes) && fits;
    }
  }
  for (const Matrix& matrix : matrices_) {  // a tied embedding is the head's matrix too
    const int64_t place = tensor.offset - matrix.offset;
    if (place < 0 || place >= matrix.columns * matrix.depth) continue;
    fits = matrix.packed->SetColumns(place / matrix.depth + first, count, values) && fits;
  }
  return fits;
}

void Model::Initialize(uint64_t seed) {
  if (weights_.trainable) MutableParameters();
  const float residual = 1.0f / std::sqrt(2.0f * static_cast<float>(shape_.layers));
  std::vector<float> row;
  for (size_t index = 0; index < layout_.names.size(); ++index) {
    const NamedTensor& tensor = layout_.names[index];
    const uint64_t stream = index + 1;
    if (tensor.dimensions.size() == 1) {
      row.assign(tensor.size(), tensor.name.ends_with(".bias") ? 0.0f : 1.0f - shape_.norm_offset);
      SetRows(index, 0, 1, row.data());
      continue;
    }
    const int64_t columns = tensor.dimensions[1];
    float deviation = 1.0f / std::sqrt(static_cast<float>(columns));
    if (tensor.offset == layout_.embedding || tensor.offset == layout_.head) deviation = 0.02f;
    if (tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight")) deviation *= residual;
    row.resize(columns);
    for (int64_t r = 0; r < tensor.dimensions[0]; ++r) {
      for (int64_t i = 0; i < columns; ++i) {
        row[i] = deviation * NormalAt(seed, stream, static_cast<uint64_t>(r * columns + i));
      }
      SetRows(index, r, 1, row.data());
    }
  }
}

const PackedModel& Model::Forward() {
  if (packed_) return forward_;
  for (Matrix& matrix : matrices_) {
    const bool merged = use_adapters_ && lora_ && lora_->Covers(matrix.offset, matrix.columns * matrix.depth);
    const Held wanted = merged ? Held::kMerged : Held::kBase;
    if (matrix.held == wanted) continue;
    matrix.held = Held::kNone;
    const float* weights = merged ? Merged(matrix.offset, matrix.columns, matrix.depth) : at(matrix.offset);
    matrix.packed->PackTransposed(weights_.format, weights, matrix.columns, matrix.depth);
    matrix.held = wanted;
  }
  packed_ = true;
  return forward_;
}

void Model::UseAdapters(bool use) {
  if (use == use_adapters_ || !lora_) return;
  use_adapters_ = use;
  packed_ = false;
}

int64_t Model::parameter_bytes() const {
  int64_t total = static_cast<int64_t>(embedding_.size());
  if (weights_.trainable) total += layout_.total * static_cast<int64_t>(sizeof(float));
  if (lora_) total += lora_->size() * static_cast<int64_t>(sizeof(float));
  for (const auto& [offset, vector] : vectors_) total += static_cast<int64_t>(vector.size() * sizeof(float));
  return total;
}

int64_t Model::packed_bytes() const {
  int64_t total = lora_ ? lora_->scratch_bytes() : 0;
  for (const Matrix& matrix : matrices_) total += matrix.packed->bytes();
  return total;
}

}  // namespace azr
