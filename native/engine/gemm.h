// Single-precision matrix products of the engine. Each output element is one chain of fused multiply-adds in the
// order of the reduction index, whatever the number of rows, the position of the row in the batch or the number of
// threads: the row-invariance on which "sampler and trainer agree to the bit" rests. PackedMatrix owns its memory.
// Engine thread only (products use the engine's team).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace azr {

// A right-hand side [depth, columns], stored as panels of kPanel columns, zero-padded: [panels][depth][kPanel].
class PackedMatrix {
 public:
  static constexpr int64_t kPanel = 32;

  // Packs weights [columns, depth] (row-major, as a linear layer keeps them) so that Multiply gives x W^T.
  void PackTransposed(const float* weights, int64_t columns, int64_t depth);
  // Packs a row-major matrix [depth, columns] so that Multiply gives x B.
  void Pack(const float* matrix, int64_t depth, int64_t columns);

  int64_t depth() const { return depth_; }
  int64_t columns() const { return columns_; }
  const float* panel(int64_t index) const { return data_.get() + index * depth_ * kPanel; }
  bool empty() const { return data_ == nullptr; }
  void Clear() { data_.reset(); capacity_ = 0; }

 private:
  void Resize(int64_t depth, int64_t columns);
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float[], Free> data_;
  int64_t capacity_ = 0, depth_ = 0, columns_ = 0;
};

// c[rows, columns] = (accumulate ? c : 0) + a[rows, depth] * b. Row strides in floats.
void Multiply(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c,
              int64_t c_stride, bool accumulate);

// c[columns_a, columns_b] += a[rows, columns_a]^T * b[rows, columns_b]; c is dense row-major. The weight gradient.
void AccumulateOuter(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows,
                     int64_t columns_a, int64_t columns_b, float* c);

}  // namespace azr
