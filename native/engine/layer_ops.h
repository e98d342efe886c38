// The row-wise pieces of a Llama decoder layer and their gradients: RMSNorm, rotary positions, SwiGLU. Each row is a
// function of its own inputs alone, in a fixed order of operations, and each exists once: prefill, decode, scoring and
// training call the same code. Buffers are the caller's; strides in floats. Engine thread only.
#pragma once

#include <cstdint>
#include <vector>

namespace azr {

// y[rows, width] = x * rstd * weight with rstd[rows] = 1 / sqrt(mean(x^2) + epsilon) (Zhang & Sennrich 2019, eq. 4).
// `rstd` may be null when no backward follows.
void RmsNorm(const float* x, const float* weight, int64_t rows, int64_t width, float epsilon, float* y, float* rstd);

// dx[rows, width] += gradient through the norm; dweight[width] += sum over rows. `dy` is the gradient of y.
void RmsNormBackward(const float* x, const float* weight, const float* rstd, const float* dy, int64_t rows,
                     int64_t width, float* dx, float* dweight);

// Cosines and sines of the rotary embedding (Su et al. 2021), half-split convention of the Hugging Face Llama.
class RopeTable {
 public:
  RopeTable(int64_t head_size, double theta, int64_t positions);
  const float* cosines(int64_t position) const { return cosines_.data() + position * half_; }
  const float* sines(int64_t position) const { return sines_.data() + position * half_; }
  int64_t positions() const { return positions_; }
  int64_t half() const { return half_; }

 private:
  int64_t half_, positions_;
  std::vector<float> cosines_, sines_;  // [positions, head_size / 2]
};

// Rotates `heads` adjacent heads at the start of each row in place; `inverse` applies the transpose (the gradient).
void Rotate(float* rows_data, int64_t stride, int64_t rows, int64_t heads, const int32_t* positions,
            const RopeTable& table, bool inverse);

// out[rows, width] = silu(gate) * up, where a row of gate_up is [gate[width], up[width]].
void SwiGlu(const float* gate_up, int64_t rows, int64_t width, float* out);

// gate_up is replaced by its gradient; `activation`[rows, width] receives the recomputed forward output (needed by the
// gradient of the down projection); `dout`[rows, width] is the gradient of the output.
void SwiGluBackward(float* gate_up, const float* dout, int64_t rows, int64_t width, float* activation);

}  // namespace azr
