#include "engine/model.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "engine/counter_random.h"
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
  if (!rope_factors.empty() && static_cast<int64_t>(rope_factors.size()) != head_size / 2) {
    fail("there must be one rotary factor for each pair of a head's values");
  }
  for (double factor : rope_factors) {
    if (!(factor > 0.0) || !std::isfinite(factor)) fail("rotary factors must be positive numbers");
  }
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
    layer.feed_forward_norm = add(prefix + "post_attention_layernorm.weight", {s.hidden});
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

ModelShape Checked(const ModelShape& shape) {
  shape.Check();
  return shape;
}
}  // namespace

Model::Model(const ModelShape& shape)
    : shape_(Checked(shape)),
      layout_(shape),
      rope_(shape.head_size, shape.rope_theta, std::min(shape.max_positions, kFirstPositions), shape.rope_factors),
      parameters_(at::zeros({layout_.total}, at::kFloat)) {}

void Model::ReachPositions(int64_t positions) {
  // By doubling, so that a growing completion does not pay for each token.
  if (positions > rope_.positions()) rope_.Reach(std::min(shape_.max_positions, std::max(positions, 2 * rope_.positions())));
}

float* Model::MutableParameters() {
  forward_.current = backward_.current = false;
  return parameters_.mutable_data_ptr<float>();
}

void Model::Initialize(uint64_t seed) {
  float* out = MutableParameters();
  const float residual = 1.0f / std::sqrt(2.0f * static_cast<float>(shape_.layers));
  uint64_t stream = 0;
  for (const NamedTensor& tensor : layout_.names) {
    ++stream;
    float* values = out + tensor.offset;
    if (tensor.dimensions.size() == 1) {
      std::fill(values, values + tensor.size(), tensor.name.ends_with(".bias") ? 0.0f : 1.0f);
      continue;
    }
    float deviation = 1.0f / std::sqrt(static_cast<float>(tensor.dimensions[1]));
    if (tensor.offset == layout_.embedding || tensor.offset == layout_.head) deviation = 0.02f;
    if (tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight")) deviation *= residual;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      values[i] = deviation * NormalAt(seed, stream, static_cast<uint64_t>(i));
    }
  }
}

const PackedModel& Model::Forward() {
  if (forward_.current) return forward_;
  const ModelShape& s = shape_;
  forward_.layers.resize(s.layers);
  for (int64_t i = 0; i < s.layers; ++i) {
    const LayerOffsets& offsets = layout_.layers[i];
    PackedLayer& layer = forward_.layers[i];
    layer.qkv.PackTransposed(at(offsets.qkv), s.qkv_width(), s.hidden);
    layer.output.PackTransposed(at(offsets.output), s.hidden, s.query_width());
    layer.gate_up.PackTransposed(at(offsets.gate_up), 2 * s.feed_forward, s.hidden);
    layer.down.PackTransposed(at(offsets.down), s.hidden, s.feed_forward);
  }
  forward_.head.PackTransposed(at(layout_.head), s.vocabulary, s.hidden);
  forward_.current = true;
  return forward_;
}

const PackedModel& Model::Backward() {
  if (backward_.current) return backward_;
  const ModelShape& s = shape_;
  backward_.layers.resize(s.layers);
  for (int64_t i = 0; i < s.layers; ++i) {
    const LayerOffsets& offsets = layout_.layers[i];
    PackedLayer& layer = backward_.layers[i];
    layer.qkv.Pack(at(offsets.qkv), s.qkv_width(), s.hidden);
    layer.output.Pack(at(offsets.output), s.hidden, s.query_width());
    layer.gate_up.Pack(at(offsets.gate_up), 2 * s.feed_forward, s.hidden);
    layer.down.Pack(at(offsets.down), s.hidden, s.feed_forward);
  }
  backward_.head.Pack(at(layout_.head), s.vocabulary, s.hidden);
  backward_.current = true;
  return backward_;
}

}  // namespace azr
