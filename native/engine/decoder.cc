#include "engine/decoder.h"

#include <algorithm>
#include <cstring>

#include "engine/memory.h"
#include "engine/parallel.h"

namespace azr {
namespace {

void Grow(std::vector<float>* buffer, int64_t size) { azr::Grow(buffer, size, "activations"); }

}  // namespace

void Decoder::Embed(const int32_t* tokens, int64_t rows) {
  const int64_t width = model_->shape().hidden;
  Grow(&hidden_, rows * width);
  const float scale = model_->embedding_scale();
  ParallelFor(rows, 64, [&](int64_t r) {
    float* out = hidden_.data() + r * width;
    model_->EmbeddingRow(tokens[r], out);
    for (int64_t i = 0; i < width; ++i) out[i] *= scale;
  });
}

void Decoder::ReachPositions(const std::vector<int32_t>& positions) {
  if (!positions.empty()) model_->ReachPositions(1 + *std::max_element(positions.begin(), positions.end()));
}

void Decoder::AddOutput(const float* in, int64_t rows, const PackedMatrix& matrix, int64_t norm, KeptOutput* keep) {
  const int64_t width = model_->shape().hidden;
  if (norm < 0) {
    Multiply(in, matrix.depth(), rows, matrix, hidden_.data(), width, true);
    return;
  }
  std::vector<float>& output = keep ? keep->output : output_;
  Grow(&output, rows * width);
  if (keep) Grow(&keep->rstd, rows);
  Multiply(in, matrix.depth(), rows, matrix, output.data(), width, false);
  RmsNorm(output.data(), model_->norm(norm), rows, width, normed_.data(), keep ? keep->rstd.data() : nullptr);
  AddRows(hidden_.data(), normed_.data(), rows, width);
}

const float* Decoder::OutputGradient(const float* dhidden, int64_t rows, int64_t norm, const KeptOutput& kept,
                                     float* gradient) {
  if (norm < 0) return dhidden;
  const int64_t width = model_->shape().hidden;
  Grow(&doutput_, rows * width);
  std::fill(doutput_.begin(), doutput_.begin() + rows * width, 0.0f);
  RmsNormBackward(kept.output.data(), model_->norm(norm), kept.rstd.data(), dhidden, rows, width, doutput_.data(),
                  model_->GradientAt(gradient, norm));
  return doutput_.data();
}

void Decoder::Layer(int64_t index, int64_t rows, const int32_t* positions, LayerActivations* keep,
                    const std::function<void(float*, float*, float*)>& attention) {
  const ModelShape& s = model_->shape();
  const LayerOffsets& offsets = model_->layout().layers[index];
  const PackedLayer& packed = model_->Forward().layers[index];
  float* x = hidden_.data();
  Grow(&normed_, rows * s.hidden);
  Grow(&activation_, rows * s.feed_forward);
  std::vector<float>& qkv = keep ? keep->qkv : qkv_;
  std::vector<float>& attended = keep ? keep->attention : attention_;
  std::vector<float>& gate_up = keep ? keep->gate_up : gate_up_;
  Grow(&qkv, rows * s.qkv_width());
  Grow(&attended, rows * s.query_width());
  Grow(&gate_up, rows * 2 * s.feed_forward);
  if (keep) {
    Grow(&keep->input, rows * s.hidden);
    Grow(&keep->middle, rows * s.hidden);
    Grow(&keep->attention_rstd, rows);
    Grow(&keep->feed_forward_rstd, rows);
    Grow(&keep->log_sum_exp, rows * s.heads);
    std::memcpy(keep->input.data(), x, rows * s.hidden * sizeof(float));
  }
  RmsNorm(x, model_->norm(offsets.attention_norm), rows, s.hidden, normed_.data(),
          keep ? keep->attention_rstd.data() : nullptr);
  Multiply(normed_.data(), s.hidden, rows, packed.qkv, qkv.data(), s.qkv_width(), false);
  if (s.qkv_bias) AddBias(qkv.data(), s.qkv_width(), rows, model_->at(offsets.qkv_bias), s.qkv_width());
  if (s.qk_norm) {
    const HeadNorms norms = model_->head_norms(offsets);
    if (keep) {
      Grow(&keep->heads, rows * norms.heads() * s.head_size);
      Grow(&keep->heads_rstd, rows * norms.heads());
    }
    NormHeads(qkv.data(), s.qkv_width(), rows, norms, keep ? keep->heads.data() : nullptr,
              keep ? keep->heads_rstd.data() : nullptr);
  }
  Rotate(qkv.data(), s.qkv_width(), rows, s.heads + s.key_value_heads, positions, model_->rope(index), false);
  attention(qkv.data(), attended.data(), keep ? keep->log_sum_exp.data() : nullptr);
  AddOutput(attended.data(), rows, packed.output, offsets.attention_output_norm, keep ? &keep->attention_output : nullptr);
  if (keep) std::memcpy(keep->middle.data(), x, rows * s.hidden * sizeof(float));
  RmsNorm(x, model_->norm(offsets.feed_forward_norm), rows, s.hidden, normed_.data(),
          keep ? keep->feed_forward_rstd.data() : nullptr);
  Multiply(normed_.data(), s.hidden, rows, packed.gate_up, gate_up.data(), 2 * s.feed_forward, false);
  Gate(s.activation, gate_up.data(), rows, s.feed_forward, activation_.data());
  AddOutput(activation_.data(), rows, packed.down, offsets.feed_forward_output_norm,
            keep ? &keep->feed_forward_output : nullptr);
}

void Decoder::LayerOf(int64_t index, const PackedBatch& batch, LayerActivations* keep) {
  Layer(index, batch.rows(), batch.positions.data(), keep, [&](float* qkv, float* out, float* log_sum_exp) {
    AttendGroups(batch.groups, model_->shape().attention(index), qkv, out, log_sum_exp);
  });
}

void Decoder::Forward(const PackedBatch& batch, bool keep, bool checkpoint) {
  const int64_t rows = batch.rows(), layers = model_->shape().layers;
  ReachPositions(batch.positions);
  Embed(batch.tokens.data(), rows);
  if (keep) {
    // What the other way kept is given back, by a change of size or of capacity.
    layers_.resize(checkpoint ? 1 : layers);
    inputs_.resize(checkpoint ? layers : 0);
  }
  for (int64_t i = 0; i < layers; ++i) {
    if (keep && checkpoint) {
      const int64_t size = rows * model_->shape().hidden;
      Grow(&inputs_[i], size);
      std::copy_n(hidden_.data(), size, inputs_[i].data());
    }
    LayerOf(i, batch, keep && !checkpoint ? &layers_[i] : nullptr);
  }
}

void Decoder::Forward(const std::vector<int32_t>& tokens, const std::vector<int32_t>& positions,
                      const AttentionCallback& attention) {
  const int64_t rows = static_cast<int64_t>(tokens.size());
  ReachPositions(positions);
  Embed(tokens.data(), rows);
  for (int64_t i = 0; i < model_->shape().layers; ++i) {
    Layer(i, rows, positions.data(), nullptr, [&](float* qkv, float* out, float*) { attention(i, qkv, out); });
  }
}

void Decoder::LayerBackward(int64_t index, const PackedBatch& batch, LayerActivations& kept, float* dhidden,
                            float* gradient) {
  const ModelShape& s = model_->shape();
  const LayerOffsets& offsets = model_->layout().layers[index];
  const int64_t rows = batch.rows();

  // Feed-forward: dhidden is the gradient of the layer's output and, through the residual, of its middle.
  const float* doutput =
      OutputGradient(dhidden, rows, offsets.feed_forward_output_norm, kept.feed_forward_output, gradient);
  Multiply(doutput, s.hidden, rows, model_->Backward(offsets.down, s.hidden, s.feed_forward), dactivation_.data(), s.feed_forward);
  GateBackward(s.activation, kept.gate_up.data(), dactivation_.data(), rows, s.feed_forward, activation_.data());
  model_->AddWeightGradient(gradient, offsets.down, doutput, s.hidden, activation_.data(), s.feed_forward, rows, s.hidden,
                            s.feed_forward);
  const float* dgate_up = kept.gate_up.data();
  RmsNorm(kept.middle.data(), model_->norm(offsets.feed_forward_norm), rows, s.hidden, normed_.data(), nullptr);
  model_->AddWeightGradient(gradient, offsets.gate_up, dgate_up, 2 * s.feed_forward, normed_.data(), s.hidden, rows,
                            2 * s.feed_forward, s.hidden);
  Multiply(dgate_up, 2 * s.feed_forward, rows, model_->Backward(offsets.gate_up, 2 * s.feed_forward, s.hidden), dnormed_.data(), s.hidden);
  RmsNormBackward(kept.middle.data(), model_->norm(offsets.feed_forward_norm), kept.feed_forward_rstd.data(),
                  dnormed_.data(), rows, s.hidden, dhidden, model_->GradientAt(gradient, offsets.feed_forward_norm));

  // Attention: the same shape of argument, one residual further down.
  doutput = OutputGradient(dhidden, rows, offsets.attention_output_norm, kept.attention_output, gradient);
  Multiply(doutput, s.hidden, rows, model_->Backward(offsets.output, s.hidden, s.query_width()), dattention_.data(), s.query_width());
  model_->AddWeightGradient(gradient, offsets.output, doutput, s.hidden, kept.attention.data(), s.query_width(), rows,
                            s.hidden, s.query_width());
  AttendGroupsBackward(batch.groups, s.attention(index), kept.qkv.data(), kept.attention.data(), kept.log_sum_exp.data(),
                       dattention_.data(), dqkv_.data());
  Rotate(dqkv_.data(), s.qkv_width(), rows, s.heads + s.key_value_heads, batch.positions.data(), model_->rope(index), true);
  if (s.qk_norm) {
    NormHeadsBackward(dqkv_.data(), s.qkv_width(), rows, model_->head_norms(offsets), kept.heads.data(), kept.heads_rstd.data(),
                      model_->GradientAt(gradient, offsets.query_norm), model_->GradientAt(gradient, offsets.key_norm));
  }
  if (s.qkv_bias) {
    AddBiasBackward(dqkv_.data(), s.qkv_width(), rows, model_->GradientAt(gradient, offsets.qkv_bias), s.qkv_width());
  }
  RmsNorm(kept.input.data(), model_->norm(offsets.attention_norm), rows, s.hidden, normed_.data(), nullptr);
  model_->AddWeightGradient(gradient, offsets.qkv, dqkv_.data(), s.qkv_width(), normed_.data(), s.hidden, rows,
                            s.qkv_width(), s.hidden);
  Multiply(dqkv_.data(), s.qkv_width(), rows, model_->Backward(offsets.qkv, s.qkv_width(), s.hidden), dnormed_.data(), s.hidden);
  RmsNormBackward(kept.input.data(), model_->norm(offsets.attention_norm), kept.attention_rstd.data(), dnormed_.data(),
                  rows, s.hidden, dhidden, model_->GradientAt(gradient, offsets.attention_norm));
}

void Decoder::Backward(const PackedBatch& batch, float* dhidden, float* gradient) {
  const ModelShape& s = model_->shape();
  const int64_t rows = batch.rows();
  Grow(&dnormed_, rows * s.hidden);
  Grow(&dqkv_, rows * s.qkv_width());
  Grow(&dattention_, rows * s.query_width());
  Grow(&dactivation_, rows * s.feed_forward);
  for (int64_t i = s.layers - 1; i >= 0; --i) {
    if (inputs_.empty()) {
      LayerBackward(i, batch, layers_[i], dhidden, gradient);
      continue;
    }
    std::copy_n(inputs_[i].data(), rows * s.hidden, hidden_.data());
    LayerOf(i, batch, &layers_[0]);
    LayerBackward(i, batch, layers_[0], dhidden, gradient);
  }
  // Columns are split, rows summed in order: independent of the number of threads.
  float* table = model_->GradientAt(gradient, model_->layout().embedding);
  if (table == nullptr) return;
  const int64_t blocks = (s.hidden + 63) / 64;
  const float scale = model_->embedding_scale();
  ParallelFor(blocks, 1, [&](int64_t b) {
    const int64_t begin = b * 64, end = std::min<int64_t>(s.hidden, begin + 64);
    for (int64_t r = 0; r < rows; ++r) {
      float* out = table + batch.tokens[r] * s.hidden;
      for (int64_t i = begin; i < end; ++i) out[i] += dhidden[r * s.hidden + i] * scale;
    }
  });
}

int64_t Decoder::bytes() const {
  int64_t floats = 0;
  for (const auto* buffer : {&hidden_, &normed_, &qkv_, &attention_, &gate_up_, &activation_, &output_, &dnormed_,
                             &dqkv_, &dattention_, &dactivation_, &doutput_}) {
    floats += static_cast<int64_t>(buffer->capacity());
  }
  for (const LayerActivations& layer : layers_) {
    for (const auto* buffer : {&layer.input, &layer.attention_rstd, &layer.qkv, &layer.attention, &layer.log_sum_exp,
                               &layer.middle, &layer.feed_forward_rstd, &layer.gate_up, &layer.heads, &layer.heads_rstd,
                               &layer.attention_output.output, &layer.attention_output.rstd,
                               &layer.feed_forward_output.output, &layer.feed_forward_output.rstd}) {
      floats += static_cast<int64_t>(buffer->capacity());
    }
  }
  for (const auto& input : inputs_) floats += static_cast<int64_t>(input.capacity());
  return floats * static_cast<int64_t>(sizeof(float));
}

}  // namespace azr
