// The row-wise pieces of a decoder layer and their gradients: RMSNorm over rows and over heads, biases, rotary positions, gated units. Each row is a
// function of its own inputs alone, in a fixed order of operations, and each exists once: prefill, decode, scoring and
// training call the same code. Buffers are the caller's; strides in floats. Engine thread only.
#pragma once

#include <cstdint>
#include <vector>

namespace azr {

// What a norm multiplies by: offset + weight[i].
struct NormWeights {
  const float* weight;
  float offset, epsilon;
  float at(int64_t i) const { return offset + weight[i]; }
};

// y[rows, width] = x * rstd * (offset + weight) with rstd[rows] = 1 / sqrt(mean(x^2) + epsilon) (Zhang & Sennrich 2019, eq. 4).
// `rstd` may be null when no backward follows.
void RmsNorm(const float* x, const NormWeights& norm, int64_t rows, int64_t width, float* y, float* rstd);

// dx[rows, width] += gradient through the norm; dweight[width] += sum over rows. `dy` is the gradient of y. Here and below
// the gradient of weights that are not trained is null.
void RmsNormBackward(const float* x, const NormWeights& norm, const float* rstd, const float* dy, int64_t rows,
                     int64_t width, float* dx, float* dweight);

// x[i] += y[i] for all of rows * width values.
void AddRows(float* x, const float* y, int64_t rows, int64_t width);

// The first `heads` adjacent heads of each row, each normed over its head_size values with the weights of the first group of heads and then
// those of the second: heads_first heads use first.weight[head_size], the other heads_second use second.weight[head_size]. In place. With `kept`
// [rows, heads_first + heads_second, head_size] and `rstd` [rows, heads_first + heads_second] what the backward needs is kept.
struct HeadNorms {
  int64_t heads_first, heads_second, head_size;
  NormWeights first, second;
  int64_t heads() const { return heads_first + heads_second; }
};
void NormHeads(float* rows_data, int64_t stride, int64_t rows, const HeadNorms& norms, float* kept, float* rstd);

// The gradient, in place of that of the output; adds to dweight_first and dweight_second, each [head_size].
void NormHeadsBackward(float* drows, int64_t stride, int64_t rows, const HeadNorms& norms, const float* kept, const float* rstd,
                       float* dweight_first, float* dweight_second);

// x[rows, width] += bias[width].
void AddBias(float* x, int64_t stride, int64_t rows, const float* bias, int64_t width);

// dbias[width] += sum of dx over rows, in the order of rows.
void AddBiasBackward(const float* dx, int64_t stride, int64_t rows, float* dbias, int64_t width);

// Cosines and sines of the rotary embedding (Su et al. 2021), half-split convention of the Hugging Face Llama. Each frequency is divided by its
// factor, where there are factors: how models stretch their positions (Llama 3.1 and others).
class RopeTable {
 public:
  RopeTable(int64_t head_size, double theta, int64_t positions, std::vector<double> factors = {});
  // Makes room for positions below this one. Not while another thread reads.
  void Reach(int64_t positions);
  const float* cosines(int64_t position) const { return cosines_.data() + position * half_; }
  const float* sines(int64_t position) const { return sines_.data() + position * half_; }
  int64_t positions() const { return positions_; }
  int64_t half() const { return half_; }

 private:
  int64_t half_, positions_ = 0;
  std::vector<float> frequencies_;      // [head_size / 2]
  std::vector<float> cosines_, sines_;  // [positions, head_size / 2]
};

// Rotates `heads` adjacent heads at the start of each row in place; `inverse` applies the transpose (the gradient).
void Rotate(float* rows_data, int64_t stride, int64_t rows, int64_t heads, const int32_t* positions,
            const RopeTable& table, bool inverse);

// Of a gated unit: x * sigmoid(x), or GELU in its form with tanh (Hendrycks & Gimpel 2016).
enum class Activation { kSilu, kGeluTanh };

// out[rows, width] = activation(gate) * up, where a row of gate_up is [gate[width], up[width]].
void Gate(Activation activation, const float* gate_up, int64_t rows, int64_t width, float* out);

// gate_up is replaced by its gradient; `out`[rows, width] receives the recomputed forward output (needed by the
// gradient of the down projection); `dout`[rows, width] is the gradient of the output.
void GateBackward(Activation activation, float* gate_up, const float* dout, int64_t rows, int64_t width, float* out);

}  // namespace azr
