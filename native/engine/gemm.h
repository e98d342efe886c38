// Matrix products of the engine, single precision in and out. Each output element is one chain of multiply-adds in the
// order of the reduction index, whatever the number of rows, the position of the row in the batch or the number of
// threads: the row-invariance on which "sampler and trainer agree to the bit" rests. PackedMatrix owns its memory.
// Engine thread only (products use the engine's team).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "engine/weight_format.h"

namespace azr {

// A right-hand side [depth, columns] in one of the formats, stored as panels of 32 columns whose layouts
// gemm_tile.h describes. Products with f32 and q8 compute in single precision; with bf16 the left side is rounded to
// bfloat16 as well and products are summed in single precision.
class PackedMatrix {
 public:
  // Takes memory for a matrix, all zero.
  void Resize(WeightFormat format, int64_t depth, int64_t columns);
  // Stores columns first to first + count - 1 from rows [count, depth], as a linear layer keeps its weights. Returns
  // whether all values fit the format's range. Several threads may store different columns.
  bool SetColumns(int64_t first, int64_t count, const float* rows);
  // Packs weights [columns, depth] so that Multiply gives x W^T.
  void PackTransposed(WeightFormat format, const float* weights, int64_t columns, int64_t depth);

  WeightFormat format() const { return format_; }
  int64_t depth() const { return depth_; }
  int64_t columns() const { return columns_; }
  int64_t panels() const;
  int64_t panel_bytes() const { return panel_bytes_; }
  const uint8_t* panel(int64_t index) const { return data_.get() + index * panel_bytes_; }
  int64_t bytes() const { return capacity_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t[], Free> data_;
  WeightFormat format_ = WeightFormat::kFloat32;
  int64_t capacity_ = 0, depth_ = 0, columns_ = 0, panel_bytes_ = 0;
};

// A right-hand side [depth, columns] that lies row-major in single precision and is packed as it is used: what is read
// once a batch of many rows need not be held twice. Products compute as in `format` (f32 or bf16).
struct MatrixView {
  WeightFormat format;
  const float* data;
  int64_t depth, columns;
};

// c[rows, columns] = (accumulate ? c : 0) + a[rows, depth] * b. Row strides in floats.
void Multiply(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c,
              int64_t c_stride, bool accumulate);

// c[rows, columns] = a[rows, depth] * b.
void Multiply(const float* a, int64_t a_stride, int64_t rows, const MatrixView& b, float* c, int64_t c_stride);

// c[columns_a, columns_b] += a[rows, columns_a]^T * b[rows, columns_b]; c is dense row-major. The weight gradient. With
// kBfloat16 a and b are rounded, and sums are in single precision.
void AccumulateOuter(WeightFormat format, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                     int64_t rows, int64_t columns_a, int64_t columns_b, float* c);

}  // namespace azr
