// Keys and values of one sequence part, for all layers: a prompt (shared by its samples) or one row's completion. Keys
// lie in transposed blocks of 16 (attention.h). Layers with a window keep about twice its length and drop whole blocks
// that it has passed. KvCache owns one allocation of fixed capacity. Engine thread writes; the attention team reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/attention.h"
#include "engine/memory.h"
#include "engine/model.h"

namespace azr {

class KvCache {
 public:
  // Of so many positions, written at most `together` at a time.
  KvCache(const ModelShape& shape, int64_t capacity, int64_t together = 1) : heads_(shape.key_value_heads), size_(shape.head_size) {
    int64_t floats = 0;
    for (int64_t i = 0; i < shape.layers; ++i) {
      places_.push_back({shape.window(i), Room(shape.window(i), capacity, together), floats, 0});
      floats += 2 * heads_ * places_.back().room * size_;
    }
    // Not zeroed: lanes outside a span are masked before use and values outside it are never read.
    if (floats > 0) {
      data_.reset(static_cast<float*>(std::aligned_alloc(64, floats * sizeof(float))));
      if (!data_) ThrowOutOfMemory(floats * static_cast<int64_t>(sizeof(float)), "keys and values");
    }
  }

  // Memory of such a cache.
  static int64_t Bytes(const ModelShape& shape, int64_t capacity, int64_t together = 1) {
    int64_t positions = 0;
    for (int64_t i = 0; i < shape.layers; ++i) positions += Room(shape.window(i), capacity, together);
    return 2 * shape.key_value_heads * positions * shape.head_size * static_cast<int64_t>(sizeof(float));
  }

  // Before positions `index` to `index + count - 1` of a layer are written: they come in order, and 0 begins a new sequence.
  void Prepare(int64_t layer, int64_t index, int64_t count) {
    if (index == 0) places_[layer].begin = 0;
    if (index + count - places_[layer].begin > places_[layer].room) Drop(layer, index);
  }

  // Stores a position of a layer from a row of rotated qkv.
  void Write(int64_t layer, int64_t index, const float* qkv_row, const ModelShape& shape) {
    const float* keys = qkv_row + shape.query_width();
    const float* values = keys + heads_ * size_;
    const int64_t place = index - places_[layer].begin;
    for (int64_t h = 0; h < heads_; ++h) {
      StoreKey(Keys(layer, h), place, keys + h * size_, size_);
      std::memcpy(Values(layer, h) + place * size_, values + h * size_, size_ * sizeof(float));
    }
  }

  // Keys `first` to `count` - 1; of a layer with a window, `first` is not before what the first position prepared last sees.
  KeySpan Span(int64_t layer, int64_t head, int64_t count, int64_t first = 0) const {
    const int64_t begin = places_[layer].begin;
    return From({Keys(layer, head), Values(layer, head), size_, count - begin}, first - begin, size_);
  }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  // Of one layer: positions begin to begin + room - 1, begin being the first of a block; `offset` in floats.
  struct Place {
    int64_t window, room, offset, begin;
  };

  static int64_t Room(int64_t window, int64_t capacity, int64_t together) {
    const int64_t all = KeyBlocks(capacity) * kKeyBlock;
    if (window == 0) return all;
    const int64_t seen = KeyBlocks(window + kKeyBlock - 1);
    // Twice the window, so that blocks are dropped seldom.
    return std::min(all, (seen + std::max(seen, KeyBlocks(together))) * kKeyBlock);
  }

  // Makes room for position `index` by dropping the blocks before those that it sees.
  void Drop(int64_t layer, int64_t index) {
    Place& place = places_[layer];
    const int64_t begin = (index - place.window + 1) / kKeyBlock * kKeyBlock, passed = begin - place.begin;
    const size_t kept = KeyBlocks(index - begin) * kKeyBlock * size_ * sizeof(float);
    for (int64_t h = 0; h < heads_; ++h) {
      for (float* part : {Keys(layer, h), Values(layer, h)}) std::memmove(part, part + passed * size_, kept);
    }
    place.begin = begin;
  }

  float* Keys(int64_t layer, int64_t head) const {
    return data_.get() + places_[layer].offset + head * 2 * places_[layer].room * size_;
  }
  float* Values(int64_t layer, int64_t head) const { return Keys(layer, head) + places_[layer].room * size_; }

  int64_t heads_, size_;
  std::vector<Place> places_;
  std::unique_ptr<float[], Free> data_;
};

}  // namespace azr
