// The engine's only way to use several threads: LibTorch's intra-op team, owned by the engine thread. Work is split
// over disjoint outputs and never over a sum, so results do not depend on the number of threads. Call from the
// engine thread only; `body` must not throw.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace azr {

// Runs body(i) for i in [0, count). `grain`: fewest items worth a thread of their own.
template <typename Body>
void ParallelFor(int64_t count, int64_t grain, const Body& body) {
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

// Runs body(i) for i in [0, count), tasks of unequal size, handed out one at a time in this order. `operations`: about how many floating-point
// operations they are in all; few are not worth a second thread.
template <typename Body>
void ParallelTasks(int64_t count, int64_t operations, const Body& body) {
  constexpr int64_t kWorthAThread = 200000;
  std::atomic<int64_t> next{0};
  const int64_t threads = operations < kWorthAThread ? 1 : at::get_num_threads();
  ParallelFor(std::min<int64_t>(threads, count), 1, [&](int64_t) {
    for (int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < count; i = next.fetch_add(1, std::memory_order_relaxed)) body(i);
  });
}

}  // namespace azr
