#include "engine/layer_ops.h"

#include <algorithm>
#include <cmath>

#include "engine/memory.h"
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

void RmsNorm(const float* x, const NormWeights& weights, int64_t rows, int64_t width, float* y, float* rstd) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const NormWeights norm = weights;
    const float* in = x + r * width;
    float* out = y + r * width;
    const float scale = 1.0f / std::sqrt(SumOfProducts(in, in, width) / static_cast<float>(width) + norm.epsilon);
    for (int64_t i = 0; i < width; ++i) out[i] = in[i] * scale * norm.at(i);
    if (rstd) rstd[r] = scale;
  });
}

void RmsNormBackward(const float* x, const NormWeights& weights, const float* rstd, const float* dy, int64_t rows,
                     int64_t width, float* dx, float* dweight) {
  const Vec offset = Broadcast(weights.offset);
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const NormWeights norm = weights;
    const float *in = x + r * width, *grad = dy + r * width;
    float* out = dx + r * width;
    float dot = 0.0f;  // sum of weight * dy * x
    {
      Vec sum = Broadcast(0.0f);
      int64_t i = 0;
      for (; i + kLanes <= width; i += kLanes) sum = (offset + Load(norm.weight + i)) * Load(grad + i) * Load(in + i) + sum;
      dot = HorizontalSum(sum);
      for (; i < width; ++i) dot += norm.at(i) * grad[i] * in[i];
    }
    const float scale = rstd[r];
    const float pull = scale * scale * scale * dot / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i) out[i] += scale * norm.at(i) * grad[i] - pull * in[i];
  });
  if (dweight == nullptr) return;
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

void AddRows(float* x, const float* y, int64_t rows, int64_t width) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    for (int64_t i = r * width; i < (r + 1) * width; ++i) x[i] += y[i];
  });
}

namespace {

const NormWeights& NormOf(const HeadNorms& norms, int64_t head) {
  return head < norms.heads_first ? norms.first : norms.second;
}

}  // namespace

void NormHeads(float* rows_data, int64_t stride, int64_t rows, const HeadNorms& norms, float* kept, float* rstd) {
  const int64_t size = norms.head_size, heads = norms.heads();
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    for (int64_t h = 0; h < heads; ++h) {
      float* x = rows_data + r * stride + h * size;
      const NormWeights norm = NormOf(norms, h);
      const float scale = 1.0f / std::sqrt(SumOfProducts(x, x, size) / static_cast<float>(size) + norm.epsilon);
      if (kept) std::copy(x, x + size, kept + (r * heads + h) * size);
      if (rstd) rstd[r * heads + h] = scale;
      for (int64_t i = 0; i < size; ++i) x[i] = x[i] * scale * norm.at(i);
    }
  });
}

void NormHeadsBackward(float* drows, int64_t stride, int64_t rows, const HeadNorms& norms, const float* kept, const float* rstd,
                       float* dweight_first, float* dweight_second) {
  const int64_t size = norms.head_size, heads = norms.heads();
  // Weights first: they need the gradient that is overwritten below. Columns are split, rows and heads summed in order.
  const int64_t blocks = (size + kLanes - 1) / kLanes;
  const bool wanted = dweight_first != nullptr;
  ParallelFor(wanted ? blocks : 0, 1, [&](int64_t b) {
    const int64_t begin = b * kLanes, end = std::min(size, begin + kLanes);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t h = 0; h < heads; ++h) {
        const float *grad = drows + r * stride + h * size, *in = kept + (r * heads + h) * size;
        float* out = h < norms.heads_first ? dweight_first : dweight_second;
        for (int64_t i = begin; i < end; ++i) out[i] += grad[i] * in[i] * rstd[r * heads + h];
      }
    }
  });
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    for (int64_t h = 0; h < heads; ++h) {
      float* grad = drows + r * stride + h * size;
      const float* in = kept + (r * heads + h) * size;
      const NormWeights norm = NormOf(norms, h);
      const float scale = rstd[r * heads + h];
      float dot = 0.0f;
      for (int64_t i = 0; i < size; ++i) dot += norm.at(i) * grad[i] * in[i];
      const float pull = scale * scale * scale * dot / static_cast<float>(size);
      for (int64_t i = 0; i < size; ++i) grad[i] = scale * norm.at(i) * grad[i] - pull * in[i];
    }
  });
}

void AddBias(float* x, int64_t stride, int64_t rows, const float* bias, int64_t width) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    for (int64_t i = 0; i < width; ++i) x[r * stride + i] += bias[i];
  });
}

void AddBiasBackward(const float* dx, int64_t stride, int64_t rows, float* dbias, int64_t width) {
  if (dbias == nullptr) return;
  const int64_t blocks = (width + kLanes - 1) / kLanes;
  ParallelFor(blocks, 2, [&](int64_t b) {
    const int64_t begin = b * kLanes, end = std::min(width, begin + kLanes);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = begin; i < end; ++i) dbias[i] += dx[r * stride + i];
    }
  });
}

RopeTable::RopeTable(int64_t head_size, double theta, int64_t positions, std::vector<double> factors) : half_(head_size / 2) {
  for (int64_t i = 0; i < half_; ++i) {
    // Frequencies in single precision and angles as their float product, as the Hugging Face implementation does.
    const float frequency = static_cast<float>(1.0 / std::pow(theta, 2.0 * i / static_cast<double>(head_size)));
    frequencies_.push_back(factors.empty() ? frequency : static_cast<float>(frequency / factors[i]));
  }
  Reach(positions);
}

void RopeTable::Reach(int64_t positions) {
  if (positions <= positions_) return;
  try {
    cosines_.resize(positions * half_);
    sines_.resize(positions * half_);
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(2 * positions * half_ * static_cast<int64_t>(sizeof(float)), "rotary tables");
  }
  for (int64_t p = positions_; p < positions; ++p) {
    for (int64_t i = 0; i < half_; ++i) {
      const float angle = static_cast<float>(p) * frequencies_[i];
      cosines_[p * half_ + i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines_[p * half_ + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  positions_ = positions;
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

namespace {

// Value and slope of an activation. Both are x times a sigmoid: 0.5 (1 + tanh(u)) = sigmoid(2 u).
struct Silu {
  static Vec Value(Vec x) { return x * Sigmoid(x); }
  static Vec Slope(Vec x) {
    const Vec s = Sigmoid(x);
    return s + x * s * (Broadcast(1.0f) - s);
  }
};

struct GeluTanh {
  static constexpr float kTwice = 1.5957691216057308f;  // 2 sqrt(2 / pi)
  static constexpr float kCubic = 0.044715f;
  static Vec Inner(Vec x) { return Broadcast(kTwice) * x * (Broadcast(1.0f) + Broadcast(kCubic) * x * x); }
  static Vec Value(Vec x) { return x * Sigmoid(Inner(x)); }
  static Vec Slope(Vec x) {
    const Vec s = Sigmoid(Inner(x)), slope = Broadcast(kTwice) * (Broadcast(1.0f) + Broadcast(3.0f * kCubic) * x * x);
    return s + x * s * (Broadcast(1.0f) - s) * slope;
  }
};

template <typename Kind>
void GateOf(const float* gate_up, int64_t rows, int64_t width, float* out) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    const float *gate = gate_up + r * 2 * width, *up = gate + width;
    float* y = out + r * width;
    for (int64_t i = 0; i < width; i += kLanes) Store(y + i, Kind::Value(Load(gate + i)) * Load(up + i));
  });
}

template <typename Kind>
void GateBackwardOf(float* gate_up, const float* dout, int64_t rows, int64_t width, float* out) {
  ParallelFor(rows, kRowGrain, [&](int64_t r) {
    float *gate = gate_up + r * 2 * width, *up = gate + width;
    const float* dy = dout + r * width;
    float* y = out + r * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const Vec g = Load(gate + i), u = Load(up + i), d = Load(dy + i), value = Kind::Value(g);
      Store(y + i, value * u);
      Store(up + i, d * value);
      Store(gate + i, d * u * Kind::Slope(g));
    }
  });
}

}  // namespace

void Gate(Activation activation, const float* gate_up, int64_t rows, int64_t width, float* out) {
  (activation == Activation::kSilu ? GateOf<Silu> : GateOf<GeluTanh>)(gate_up, rows, width, out);
}

void GateBackward(Activation activation, float* gate_up, const float* dout, int64_t rows, int64_t width, float* out) {
  (activation == Activation::kSilu ? GateBackwardOf<Silu> : GateBackwardOf<GeluTanh>)(gate_up, dout, rows, width, out);
}

}  // namespace azr
