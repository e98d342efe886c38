// What this machine can do at most, measured: the figures that stand beside the rates of a benchmark. Not part of any
// computation. Engine thread only (it uses the engine's team); takes about two seconds and 512 MiB, which it gives
// back.
#pragma once

#include "engine/model.h"
#include "engine/weight_format.h"

namespace azr {

struct MachineLimits {
  double flops = 0;            // multiply-adds counted as two, a second, of the best matrix product for the format
  double bytes_per_second = 0; // read from memory by all threads, of an array that no cache holds
};

// The best product is the better of LibTorch's and the engine's own, each at the best of a few shapes. LibTorch has none
// for q8; the products of single precision stand there in its place, should they be faster than the engine's own.
MachineLimits MeasureLimits(WeightFormat format);

// Seconds that all products of a step of `rows` rows take: the engine's own, each row's result the same whatever else is
// in the batch, and LibTorch's, which promise nothing of the kind. Of a model of more than a gigabyte only some layers.
struct ProductSeconds {
  double own = 0, library = 0;
};

ProductSeconds MeasureProducts(const ModelShape& shape, WeightFormat format, int64_t rows);

}  // namespace azr
