// The engine's only way to use several threads: LibTorch's intra-op team, owned by the engine thread. Work is split
// over disjoint outputs and never over a sum, so results do not depend on the number of threads. Call from the
// engine thread only; `body` must not throw.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

namespace azr {

// Runs body(i) for i in [0, count). `grain`: fewest items worth a thread of their own.
template <typename Body>
void ParallelFor(int64_t count, int64_t grain, const Body& body) {
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace azr
