// Keys and values of one sequence part, for all layers: a prompt (shared by its samples) or one row's completion. Keys
// lie in transposed blocks of 16 (attention.h). KvCache owns one allocation of fixed capacity. Engine thread writes;
// the attention team reads.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "engine/attention.h"
#include "engine/model.h"

namespace azr {

class KvCache {
 public:
  KvCache(const ModelShape& shape, int64_t capacity)
      : heads_(shape.key_value_heads), size_(shape.head_size), capacity_(KeyBlocks(capacity) * kKeyBlock) {
    // Not zeroed: lanes past the count are masked before use and values past it are never read.
    const int64_t bytes = Bytes(shape, capacity);
    if (bytes > 0) {
      data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
      if (!data_) throw std::bad_alloc();
    }
  }

  // Memory of a cache of so many positions.
  static int64_t Bytes(const ModelShape& shape, int64_t capacity) {
    return 2 * shape.layers * shape.key_value_heads * KeyBlocks(capacity) * kKeyBlock * shape.head_size * static_cast<int64_t>(sizeof(float));
  }

  // Stores position `index` of a layer from a row of rotated qkv.
  void Write(int64_t layer, int64_t index, const float* qkv_row, const ModelShape& shape) {
    const float* keys = qkv_row + shape.query_width();
    const float* values = keys + heads_ * size_;
    for (int64_t h = 0; h < heads_; ++h) {
      StoreKey(Keys(layer, h), index, keys + h * size_, size_);
      std::memcpy(Values(layer, h) + index * size_, values + h * size_, size_ * sizeof(float));
    }
  }

  KeySpan Span(int64_t layer, int64_t head, int64_t count) const {
    return {Keys(layer, head), Values(layer, head), size_, count};
  }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  float* Keys(int64_t layer, int64_t head) const {
    return data_.get() + (layer * heads_ + head) * 2 * capacity_ * size_;
  }
  float* Values(int64_t layer, int64_t head) const { return Keys(layer, head) + capacity_ * size_; }

  int64_t heads_, size_, capacity_;
  std::unique_ptr<float[], Free> data_;
};

}  // namespace azr
