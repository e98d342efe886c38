#include "engine/limits.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

// The shortest of several runs, in seconds: the limit is what the machine can do, not what it does on average.
template <typename Body>
double BestSeconds(int runs, const Body& body) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const auto began = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return best;
}

}  // namespace

MachineLimits MeasureLimits() {
  MachineLimits limits;
  constexpr int64_t kSide = 1536;
  const at::Tensor a = at::ones({kSide, kSide}), b = at::ones({kSide, kSide});
  at::mm(a, b);
  limits.flops = 2.0 * kSide * kSide * kSide / BestSeconds(5, [&] { at::mm(a, b); });

  constexpr int64_t kBlocks = 512, kBlock = 1 << 18;  // 512 blocks of 1 MiB
  std::vector<float> data(kBlocks * kBlock, 1.0f);
  std::vector<float> sums(kBlocks);
  const double seconds = BestSeconds(5, [&] {
    ParallelFor(kBlocks, 1, [&](int64_t block) {
      const float* at = data.data() + block * kBlock;
      Vec one = Broadcast(0.0f), two = one, three = one, four = one;
      for (int64_t i = 0; i < kBlock; i += 4 * kLanes) {
        one = one + Load(at + i);
        two = two + Load(at + i + kLanes);
        three = three + Load(at + i + 2 * kLanes);
        four = four + Load(at + i + 3 * kLanes);
      }
      sums[block] = HorizontalSum(one + two + three + four);  // kept, so that the loop is not left out
    });
  });
  limits.bytes_per_second = static_cast<double>(data.size() * sizeof(float)) / seconds;
  return limits;
}

}  // namespace azr
