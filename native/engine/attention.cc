#include "engine/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/attend_tile.h"
#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

// scores[16 * blocks] = query . keys for `blocks` blocks. Four blocks at a time hide the latency of the chains.
void Scores(const float* query, const float* key_blocks, int64_t blocks, int64_t head_size, float* scores) {
  const int64_t block_size = head_size * kKeyBlock;
  int64_t b = 0;
  for (; b + 4 <= blocks; b += 4) {
    Vec acc[4] = {Broadcast(0.0f), Broadcast(0.0f), Broadcast(0.0f), Broadcast(0.0f)};
    const float* base = key_blocks + b * block_size;
    for (int64_t d = 0; d < head_size; ++d) {
      const Vec q = Broadcast(query[d]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) acc[j] = q * Load(base + j * block_size + d * kKeyBlock) + acc[j];
    }
    for (int j = 0; j < 4; ++j) Store(scores + (b + j) * kKeyBlock, acc[j]);
  }
  for (; b < blocks; ++b) {
    Vec acc = Broadcast(0.0f);
    const float* base = key_blocks + b * block_size;
    for (int64_t d = 0; d < head_size; ++d) acc = Broadcast(query[d]) * Load(base + d * kKeyBlock) + acc;
    Store(scores + b * kKeyBlock, acc);
  }
}

// out[head_size] = sum over `count` rows of weight[i] * rows[i], four interleaved chains summed in a fixed tree.
template <int Vectors>
void WeightedSum(const float* weight, const float* rows, int64_t stride, int64_t count, float* out, bool add) {
  constexpr int kChains = Vectors <= 4 ? 4 : 2;
  Vec acc[kChains][Vectors];
  for (int c = 0; c < kChains; ++c) {
    for (int v = 0; v < Vectors; ++v) acc[c][v] = Broadcast(0.0f);
  }
  int64_t i = 0;
  for (; i + kChains <= count; i += kChains) {
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) {
      const Vec w = Broadcast(weight[i + c]);
      const float* row = rows + (i + c) * stride;
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) acc[c][v] = w * Load(row + v * kLanes) + acc[c][v];
    }
  }
  for (int c = 0; i + c < count; ++c) {
    const Vec w = Broadcast(weight[i + c]);
    const float* row = rows + (i + c) * stride;
    for (int v = 0; v < Vectors; ++v) acc[c][v] = w * Load(row + v * kLanes) + acc[c][v];
  }
  for (int v = 0; v < Vectors; ++v) {
    Vec sum = acc[0][v] + acc[1][v];
    if constexpr (kChains == 4) sum = sum + (acc[2][v] + acc[3][v]);
    Store(out + v * kLanes, add ? Load(out + v * kLanes) + sum : sum);
  }
}

// Any head size, 128 dimensions at a time.
void WeightedRows(const float* weight, const float* rows, int64_t stride, int64_t count, int64_t head_size,
                  float* out, bool add) {
  int64_t d = 0;
  while (d < head_size) {
    const int64_t vectors = std::min<int64_t>(8, (head_size - d) / kLanes);
    if (vectors >= 8) {
      WeightedSum<8>(weight, rows + d, stride, count, out + d, add);
      d += 8 * kLanes;
    } else if (vectors >= 4) {
      WeightedSum<4>(weight, rows + d, stride, count, out + d, add);
      d += 4 * kLanes;
    } else if (vectors >= 2) {
      WeightedSum<2>(weight, rows + d, stride, count, out + d, add);
      d += 2 * kLanes;
    } else {
      WeightedSum<1>(weight, rows + d, stride, count, out + d, add);
      d += kLanes;
    }
  }
}

// Scores of both spans with the lanes past `count` and before `skip` at -infinity; returns the number of padded scores.
int64_t SpanScores(const float* query, const KeySpan& first, const KeySpan& second, int64_t head_size, float scale,
                   float* scores) {
  const float low = -std::numeric_limits<float>::infinity();
  int64_t used = 0;
  for (const KeySpan* span : {&first, &second}) {
    if (span->count == 0) continue;
    const int64_t blocks = KeyBlocks(span->count);
    Scores(query, span->key_blocks, blocks, head_size, scores + used);
    for (int64_t i = 0; i < blocks * kKeyBlock; i += kLanes) {
      Store(scores + used + i, Load(scores + used + i) * Broadcast(scale));
    }
    for (int64_t i = 0; i < span->skip; ++i) scores[used + i] = low;
    for (int64_t i = span->count; i < blocks * kKeyBlock; ++i) scores[used + i] = low;
    used += blocks * kKeyBlock;
  }
  return used;
}

// Turns padded scores into exp(score - shift), zero in the padding (Exp alone would give 1e-38 there).
void Exponentiate(float* scores, int64_t used, float shift) {
  const Vec low = Broadcast(-std::numeric_limits<float>::infinity());
  for (int64_t i = 0; i < used; i += kLanes) {
    const Vec s = Load(scores + i);
    const Vec e = Exp(s - Broadcast(shift));
    Store(scores + i, s > low ? e : Broadcast(0.0f));
  }
}

struct GroupKeys {
  std::vector<float> blocks;
  std::vector<int64_t> offsets;  // of the prompt's blocks, then of each completion's
};

// Lays the keys (or values) of a group's rows out in transposed blocks; each span starts a new block.
void PackGroup(const RowGroup& group, const float* column, int64_t row_width, int64_t head_size, GroupKeys* keys) {
  keys->offsets.clear();
  int64_t total = 0;
  const auto reserve = [&](int64_t count) {
    keys->offsets.push_back(total);
    total += KeyBlocks(count) * kKeyBlock * head_size;
  };
  reserve(group.prompt);
  for (int64_t c : group.completions) reserve(c);
  keys->blocks.assign(total, 0.0f);
  int64_t row = group.begin;
  const auto fill = [&](int64_t span, int64_t count) {
    for (int64_t i = 0; i < count; ++i, ++row) {
      StoreKey(keys->blocks.data() + keys->offsets[span], i, column + row * row_width, head_size);
    }
  };
  fill(0, group.prompt);
  for (size_t c = 0; c < group.completions.size(); ++c) fill(c + 1, group.completions[c]);
}

// Weighted rows of both spans, of padded weights as SpanScores lays them out.
void WeightedSpans(const float* weights, const KeySpan& first, const KeySpan& second, int64_t head_size, float* out) {
  bool add = false;
  for (const KeySpan* span : {&first, &second}) {
    if (span->count == 0) continue;
    WeightedRows(weights + span->skip, span->values + span->skip * span->value_stride, span->value_stride,
                 span->count - span->skip, head_size, out, add);
    weights += KeyBlocks(span->count) * kKeyBlock;
    add = true;
  }
}

// Calls visit(row, first span, second span) for each row of a group.
template <typename Visit>
void ForEachRow(const RowGroup& group, const AttentionShape& shape, const float* values, const GroupKeys& keys,
                const Visit& visit) {
  const int64_t stride = shape.row_width(), size = shape.head_size;
  const KeySpan none{nullptr, nullptr, 0, 0};
  for (int64_t i = 0; i < group.prompt; ++i) {
    const KeySpan seen{keys.blocks.data(), values + group.begin * stride, stride, i + 1};
    visit(group.begin + i, From(seen, shape.first_seen(i), size), none);
  }
  const KeySpan prompt{keys.blocks.data(), values + group.begin * stride, stride, group.prompt};
  int64_t begin = group.begin + group.prompt;
  for (size_t c = 0; c < group.completions.size(); ++c) {
    const float* blocks = keys.blocks.data() + keys.offsets[c + 1];
    for (int64_t i = 0; i < group.completions[c]; ++i) {
      const int64_t first = shape.first_seen(group.prompt + i);
      const KeySpan own{blocks, values + begin * stride, stride, i + 1};
      visit(begin + i, From(prompt, first, size), From(own, first - group.prompt, size));
    }
    begin += group.completions[c];
  }
}

// Fills tiles with the queries of a group's rows, in order of rows and then of heads: make(row, head, first count, second span) makes one, and
// attend(first span, queries, count) is called for each tile. Rows that see a window may begin at different keys: those have a tile of their own.
template <typename Query, typename Make, typename Attend>
void ForEachTile(const RowGroup& group, const AttentionShape& shape, const float* values, const GroupKeys& keys, int64_t first_head, const Make& make, const Attend& attend) {
  Query queries[kTileQueries];
  int filled = 0;
  KeySpan tile{};
  const auto flush = [&] {
    if (filled > 0) attend(tile, queries, filled);
    filled = 0;
  };
  ForEachRow(group, shape, values, keys, [&](int64_t row, const KeySpan& first, const KeySpan& second) {
    if (first.key_blocks != tile.key_blocks || first.skip != tile.skip) flush();
    tile = first;
    for (int64_t h = first_head; h < first_head + shape.heads / shape.key_value_heads; ++h) {
      if (filled == kTileQueries) flush();
      queries[filled++] = make(row, h, first.count, second);
    }
  });
  flush();
}

// About how many operations the products of queries with keys are, forward.
int64_t Operations(const std::vector<RowGroup>& groups, const AttentionShape& shape) {
  int64_t pairs = 0;
  for (const RowGroup& group : groups) {
    pairs += group.prompt * group.prompt / 2;
    for (int64_t c : group.completions) pairs += c * (group.prompt + c / 2);
  }
  return 4 * pairs * shape.heads * shape.head_size;
}

}  // namespace

void SoftmaxAgain(float* scores, int64_t used, float log_sum_exp) { Exponentiate(scores, used, log_sum_exp); }

SoftmaxSums SoftmaxWeights(float* scores, int64_t used) {
  Vec highest = Load(scores);
  for (int64_t i = kLanes; i < used; i += kLanes) highest = Max(highest, Load(scores + i));
  const float shift = HorizontalMax(highest);
  Exponentiate(scores, used, shift);
  Vec total = Broadcast(0.0f);
  for (int64_t i = 0; i < used; i += kLanes) total = total + Load(scores + i);
  return {HorizontalSum(total), shift};
}

float AttendRow(const float* query, const KeySpan& first, const KeySpan& second, int64_t head_size, float scale,
                float* scores, float* out) {
  const int64_t used = SpanScores(query, first, second, head_size, scale, scores);
  const auto [sum, shift] = SoftmaxWeights(scores, used);
  WeightedSpans(scores, first, second, head_size, out);
  const Vec inverse = Broadcast(1.0f / sum);
  for (int64_t d = 0; d < head_size; d += kLanes) Store(out + d, Load(out + d) * inverse);
  return shift + std::log(sum);
}

void AttendGroups(const std::vector<RowGroup>& groups, const AttentionShape& shape, const float* qkv, float* out,
                  float* log_sum_exp) {
  const int64_t size = shape.head_size, width = shape.row_width(), shared = shape.heads / shape.key_value_heads;
  const int64_t tasks = static_cast<int64_t>(groups.size()) * shape.key_value_heads;
  ParallelTasks(tasks, Operations(groups, shape), [&](int64_t task) {
    const RowGroup& group = groups[task / shape.key_value_heads];
    const int64_t kv = task % shape.key_value_heads;
    thread_local GroupKeys keys;
    thread_local std::vector<float> scratch;
    PackGroup(group, qkv + (shape.heads + kv) * size, width, size, &keys);
    const float* values = qkv + (shape.heads + shape.key_value_heads + kv) * size;
    const auto query = [&](int64_t row, int64_t head, int64_t first_count, const KeySpan& second) {
      const int64_t at = row * shape.heads + head;
      return TileQuery{qkv + row * width + head * size, first_count, second, out + at * size, log_sum_exp ? log_sum_exp + at : nullptr};
    };
    ForEachTile<TileQuery>(group, shape, values, keys, kv * shared, query, [&](const KeySpan& first, const TileQuery* queries, int count) {
      AttendTile(first, queries, count, size, shape.scale, &scratch);
    });
  });
}

void AttendGroupsBackward(const std::vector<RowGroup>& groups, const AttentionShape& shape, const float* qkv,
                          const float* out, const float* log_sum_exp, const float* dout, float* dqkv) {
  const int64_t size = shape.head_size, width = shape.row_width(), shared = shape.heads / shape.key_value_heads;
  const int64_t key_column = shape.heads * size, value_column = key_column + shape.key_value_heads * size;
  const int64_t tasks = static_cast<int64_t>(groups.size()) * shape.key_value_heads;
  // A task owns a key/value head of a group: nobody else writes its rows' gradients of k, v and of its queries.
  ParallelTasks(tasks, 3 * Operations(groups, shape), [&](int64_t task) {
    const RowGroup& group = groups[task / shape.key_value_heads];
    const int64_t kv = task % shape.key_value_heads;
    thread_local GroupKeys keys, values;
    thread_local std::vector<float> scratch;
    const float* key_rows = qkv + key_column + kv * size;
    PackGroup(group, key_rows, width, size, &keys);
    PackGroup(group, qkv + value_column + kv * size, width, size, &values);
    float *dkeys = dqkv + key_column + kv * size, *dvalues = dqkv + value_column + kv * size;
    for (int64_t row = group.begin; row < group.begin + group.rows(); ++row) {
      std::memset(dkeys + row * width, 0, size * sizeof(float));
      std::memset(dvalues + row * width, 0, size * sizeof(float));
    }
    const TileGradients gradients{keys.blocks.data(), values.blocks.data(), key_rows, dkeys, dvalues};
    const auto query = [&](int64_t row, int64_t head, int64_t first_count, const KeySpan& second) {
      const int64_t at = row * shape.heads + head;
      Vec dot = Broadcast(0.0f);
      for (int64_t d = 0; d < size; d += kLanes) dot = Load(dout + at * size + d) * Load(out + at * size + d) + dot;
      return TileQueryGradient{qkv + row * width + head * size, dout + at * size, HorizontalSum(dot), log_sum_exp[at], first_count, second,
                               dqkv + row * width + head * size};
    };
    ForEachTile<TileQueryGradient>(group, shape, key_rows, keys, kv * shared, query, [&](const KeySpan& first, const TileQueryGradient* queries, int count) {
      AttendTileBackward(gradients, first, queries, count, size, shape.scale, &scratch);
    });
  });
}

}  // namespace azr
