// What this machine can do at most, measured: the figures that stand beside the rates of a benchmark. Not part of any computation. Engine thread
// only (it uses the engine's team); takes about a second and 512 MiB, which it gives back.
#pragma once

namespace azr {

struct MachineLimits {
  double flops = 0;            // multiply-adds counted as two, a second, of the best matrix product LibTorch has (single precision)
  double bytes_per_second = 0; // read from memory by all threads, of an array that no cache holds
};

MachineLimits MeasureLimits();

}  // namespace azr
