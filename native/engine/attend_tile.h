// Attention of several queries over the same keys, in one pass over keys and values: the heads that share a key/value head, and neighbouring rows
// of a prompt or completions of the same prompt; and the gradient of that. Each query's result is AttendRow's to the bit (attention.h), which stays the
// definition and what the tests compare with. Buffers are the caller's; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/attention.h"

namespace azr {

inline constexpr int kTileQueries = 6;

// A query that sees the first `first_count` keys of the span that the tile shares, but for those that the span skips, and its own second span. One of
// both may be empty.
struct TileQuery {
  const float* query;
  int64_t first_count;
  KeySpan second;
  float* out;
  float* log_sum_exp = nullptr;  // receives that of its scaled scores, where it is wanted
};

// At most kTileQueries queries. `shared` is the first span; its own count says nothing, and no query's is within its skip. `scores` grows as needed.
void AttendTile(const KeySpan& shared, const TileQuery* queries, int count, int64_t head_size, float scale, std::vector<float>* scores);

// What the gradients of a key/value head are read from and added to; spans point into `key_blocks` and `keys`.
struct TileGradients {
  const float *key_blocks, *value_blocks;  // laid out alike
  const float* keys;                       // rows; the spans' values point at them
  float *dkeys, *dvalues;                  // rows with the same stride
};

// A query with the gradient of what it attended to.
struct TileQueryGradient {
  const float* query;
  const float* dout;
  float dot;          // dout . out
  float log_sum_exp;  // of its scaled scores
  int64_t first_count;
  KeySpan second;
  float* dquery;
};

// The gradient of AttendTile: sets each dquery, adds to the rows of dkeys and dvalues. Each sum is one chain over the queries in their order, or over the
// keys as AttendRow has them, so that the bits do not depend on how queries are put into tiles.
void AttendTileBackward(const TileGradients& gradients, const KeySpan& shared, const TileQueryGradient* queries, int count, int64_t head_size, float scale,
                        std::vector<float>* scratch);

}  // namespace azr
