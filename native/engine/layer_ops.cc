#include "engine/layer_ops.h"

#include <cmath>

#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

constexpr int64_t kRowGrain = 32;

float SumOfProducts(const float* a, const float* b, int64_t width) {
  Vec sum = Broadcast(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) sum = Load(a + i) * Load(b + i) + sum;
  float total = HorizontalSum(sum);
  for (; i < width; ++i) total += a[i] * b[i];
  return total;
}

inline Vec Sigmoid(Vec x) { return Broadcast(1.0f) / (Broadcast(1.0f) + Exp(-x)); }

}  // namespace

void RmsNorm(const float* x, const float* weight, int64_t rows, int64_t width, float epsilon, float* y, float* rstd) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const float* in = x + r * width;
    float* out = y + r * width;
    const float scale = 1.0f / std::sqrt(SumOfProducts(in, in, width) / static_cast<float>(width) + epsilon);
    for (int64_t i = 0; i < width; ++i) out[i] = in[i] * scale * weight[i];
    if (rstd) rstd[r] = scale;
  });
}

void RmsNormBackward(const float* x, const float* weight, const float* rstd, const float* dy, int64_t rows,
                     int64_t width, float* dx, float* dweight) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const float *in = x + r * width, *grad = dy + r * width;
    float* out = dx + r * width;
    float dot = 0.0f;  // sum of weight * dy * x
    {
      Vec sum = Broadcast(0.0f);
      int64_t i = 0;
      for (; i + kLanes <= width; i += kLanes) sum = Load(weight + i) * Load(grad + i) * Load(in + i) + sum;
      dot = HorizontalSum(sum);
      for (; i < width; ++i) dot += weight[i] * grad[i] * in[i];
    }
    const float scale = rstd[r];
    const float pull = scale * scale * scale * dot / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i) out[i] += scale * weight[i] * grad[i] - pull * in[i];
  });
  // Columns are split, rows are summed in order: the gradient does not depend on the number of threads.
  const int64_t blocks = (width + kLanes - 1) / kLanes;
  ParallelFor(blocks, 2, [&](int64_t b) {
    const int64_t begin = b * kLanes, end = std::min(width, begin + kLanes);
    for (int64_t r = 0; r < rows; ++r) {
      const float *in = x + r * width, *grad = dy + r * width;
      for (int64_t i = begin; i < end; ++i) dweight[i] += grad[i] * in[i] * rstd[r];
    }
  });
}

RopeTable::RopeTable(int64_t head_size, double theta, int64_t positions)
    : half_(head_size / 2), positions_(positions), cosines_(positions * half_), sines_(positions * half_) {
  for (int64_t i = 0; i < half_; ++i) {
    // Frequencies in single precision and angles as their float product, as the Hugging Face implementation does.
    const float frequency = static_cast<float>(1.0 / std::pow(theta, 2.0 * i / static_cast<double>(head_size)));
    for (int64_t p = 0; p < positions; ++p) {
      const float angle = static_cast<float>(p) * frequency;
      cosines_[p * half_ + i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines_[p * half_ + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

void Rotate(float* rows_data, int64_t stride, int64_t rows, int64_t heads, const int32_t* positions,
            const RopeTable& table, bool inverse) {
  const int64_t half = table.half();
  const float sign = inverse ? -1.0f : 1.0f;
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const float *cosine = table.cosines(positions[r]), *sine = table.sines(positions[r]);
    for (int64_t h = 0; h < heads; ++h) {
      float *first = rows_data + r * stride + h * 2 * half, *second = first + half;
      for (int64_t i = 0; i < half; ++i) {
        const float a = first[i], b = second[i], s = sign * sine[i];
        first[i] = a * cosine[i] - b * s;
        second[i] = b * cosine[i] + a * s;
      }
    }
  });
}

void SwiGlu(const float* gate_up, int64_t rows, int64_t width, float* out) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const float *gate = gate_up + r * 2 * width, *up = gate + width;
    float* y = out + r * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const Vec g = Load(gate + i);
      Store(y + i, g * Sigmoid(g) * Load(up + i));
    }
  });
}

void SwiGluBackward(float* gate_up, const float* dout, int64_t rows, int64_t width, float* activation) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    float *gate = gate_up + r * 2 * width, *up = gate + width;
    const float* dy = dout + r * width;
    float* y = activation + r * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const Vec g = Load(gate + i), u = Load(up + i), d = Load(dy + i);
      const Vec s = Sigmoid(g), silu = g * s;
      Store(y + i, silu * u);
      Store(up + i, d * silu);
      Store(gate + i, d * u * (s + silu * (Broadcast(1.0f) - s)));
    }
  });
}

}  // namespace azr
