#include "engine/limits.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/gemm.h"
#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

// The shortest of several runs, in seconds: the limit is what the machine can do, not what it does on average. The
// first run warms up.
template <typename Body>
double BestSeconds(int runs, const Body& body) {
  double best = 1e9;
  for (int i = 0; i <= runs; ++i) {
    const auto began = std::chrono::steady_clock::now();
    body();
    if (i > 0) best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return best;
}

// Operations a second of a product, at the best of a few shapes: `seconds(rows, depth, columns)` times one.
template <typename Seconds>
double BestFlops(const Seconds& seconds) {
  struct Shape {
    int64_t rows, depth, columns;
  };
  constexpr Shape kShapes[] = {{64, 512, 1536}, {384, 512, 1536}, {384, 1536, 1536}, {1536, 1536, 1536}};
  double best = 0;
  for (const auto& [rows, depth, columns] : kShapes) {
    best = std::max(best, 2.0 * rows * depth * columns / seconds(rows, depth, columns));
  }
  return best;
}

double LibTorchFlops(at::ScalarType type) {
  return BestFlops([type](int64_t rows, int64_t depth, int64_t columns) {
    const at::Tensor a = at::ones({rows, depth}, type), b = at::ones({depth, columns}, type);
    return BestSeconds(4, [&] { at::mm(a, b); });
  });
}

double OwnFlops(WeightFormat format) {
  return BestFlops([format](int64_t rows, int64_t depth, int64_t columns) {
    const std::vector<float> a(rows * depth, 1.0f), weights(columns * depth, 1.0f);
    std::vector<float> c(rows * columns);
    PackedMatrix b;
    b.PackTransposed(format, weights.data(), columns, depth);
    return BestSeconds(4, [&] { Multiply(a.data(), depth, rows, b, c.data(), columns, false); });
  });
}

double ProductFlops(WeightFormat format) {
  const double own = OwnFlops(format);
  if (format == WeightFormat::kBfloat16) return std::max(own, LibTorchFlops(at::kBFloat16));
  const double single = std::max(own, LibTorchFlops(at::kFloat));
  return format == WeightFormat::kQ8 ? std::max(single, OwnFlops(WeightFormat::kFloat32)) : single;
}

// The array lies as weights do, in large pages where the system has them, and is read panel by panel.
double ReadBytesPerSecond() {
  PackedMatrix data;
  data.Resize(WeightFormat::kFloat32, 4096, 32768);
  std::vector<float> sums(data.panels());
  const double seconds = BestSeconds(4, [&] {
    ParallelFor(data.panels(), 1, [&](int64_t panel) {
      const float* at = reinterpret_cast<const float*>(data.panel(panel));
      const float* end = at + data.panel_bytes() / static_cast<int64_t>(sizeof(float));
      Vec one = Broadcast(0.0f), two = one, three = one, four = one;
      for (; at < end; at += 4 * kLanes) {
        one = one + Load(at);
        two = two + Load(at + kLanes);
        three = three + Load(at + 2 * kLanes);
        four = four + Load(at + 3 * kLanes);
      }
      sums[panel] = HorizontalSum(one + two + three + four);  // kept, so that the loop is not left out
    });
  });
  return static_cast<double>(data.panels() * data.panel_bytes()) / seconds;
}

}  // namespace

ProductSeconds MeasureProducts(const ModelShape& shape, WeightFormat format, int64_t rows) {
  struct Size {
    int64_t depth, columns;
  };
  const Size layer[] = {{shape.hidden, shape.qkv_width()},
                        {shape.query_width(), shape.hidden},
                        {shape.hidden, 2 * shape.feed_forward},
                        {shape.feed_forward, shape.hidden}};
  int64_t weights = 0;
  for (const auto& [depth, columns] : layer) weights += depth * columns;
  constexpr int64_t kMostWeights = 1 << 28;
  std::vector<Size> sizes;
  for (int64_t i = 0; i < std::clamp<int64_t>(kMostWeights / weights, 1, shape.layers); ++i) {
    sizes.insert(sizes.end(), std::begin(layer), std::end(layer));
  }
  sizes.push_back({shape.hidden, shape.vocabulary});
  // q8 is held against single precision: LibTorch has no product of 8-bit weights with blocks of scales.
  const at::ScalarType type = format == WeightFormat::kBfloat16 ? at::kBFloat16 : at::kFloat;
  int64_t widest = 0, deepest = 0, largest = 0;
  for (const auto& [depth, columns] : sizes) {
    widest = std::max(widest, columns);
    deepest = std::max(deepest, depth);
    largest = std::max(largest, depth * columns);
  }
  const std::vector<float> a(rows * deepest, 1.0f);
  std::vector<float> c(rows * widest);
  ProductSeconds seconds;
  {
    const std::vector<float> ones(largest, 1.0f);
    std::vector<PackedMatrix> own(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) own[i].PackTransposed(format, ones.data(), sizes[i].columns, sizes[i].depth);
    seconds.own = BestSeconds(6, [&] {
      for (const PackedMatrix& b : own) Multiply(a.data(), b.depth(), rows, b, c.data(), b.columns(), false);
    });
  }
  std::vector<at::Tensor> library;
  for (const auto& [depth, columns] : sizes) library.push_back(at::ones({columns, depth}, type));
  seconds.library = BestSeconds(6, [&] {
    for (const at::Tensor& b : library) at::linear(at::ones({rows, b.size(1)}, type), b);
  });
  return seconds;
}

MachineLimits MeasureLimits(WeightFormat format) { return {ProductFlops(format), ReadBytesPerSecond()}; }

}  // namespace azr
