// Attention of several queries over the same keys, in one pass over keys and values: the heads that share a key/value head, and neighbouring rows
// of a prompt or completions of the same prompt. Each query's result is AttendRow's to the bit (attention.h), which stays the definition and what
// the tests compare with. Buffers are the caller's; any thread.
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
};

// At most kTileQueries queries. `shared` is the first span; its own count says nothing, and no query's is within its skip. `scores` grows as needed.
void AttendTile(const KeySpan& shared, const TileQuery* queries, int count, int64_t head_size, float scale, std::vector<float>* scores);

}  // namespace azr
