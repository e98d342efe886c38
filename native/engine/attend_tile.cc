#include "engine/attend_tile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/vector_math.h"

namespace azr {
namespace {

constexpr int kBlocks = 4;   // blocks of keys at once: with six queries 24 accumulators of the 32 registers of AVX-512
constexpr int kVectors = 4;  // vectors of a value at once

// scores[q][16 * blocks] = query q . keys; packed[head_size][Queries] holds the queries. Each score is one chain over the head's dimensions.
template <int Queries, int Blocks>
void ScoreBlocks(const float* packed, const float* key_blocks, int64_t head_size, float* const* scores, int64_t offset) {
  Vec acc[Queries][Blocks];
  for (int q = 0; q < Queries; ++q) {
    for (int b = 0; b < Blocks; ++b) acc[q][b] = Broadcast(0.0f);
  }
  for (int64_t d = 0; d < head_size; ++d) {
    Vec key[Blocks];
#pragma GCC unroll 4
    for (int b = 0; b < Blocks; ++b) key[b] = Load(key_blocks + (b * head_size + d) * kKeyBlock);
#pragma GCC unroll 6
    for (int q = 0; q < Queries; ++q) {
      const Vec x = Broadcast(packed[d * Queries + q]);
#pragma GCC unroll 4
      for (int b = 0; b < Blocks; ++b) acc[q][b] = x * key[b] + acc[q][b];
    }
  }
  for (int q = 0; q < Queries; ++q) {
    for (int b = 0; b < Blocks; ++b) Store(scores[q] + offset + b * kKeyBlock, acc[q][b]);
  }
}

template <int Queries>
void Scores(const float* packed, const float* key_blocks, int64_t blocks, int64_t head_size, float* const* scores) {
  int64_t b = 0;
  for (; b + kBlocks <= blocks; b += kBlocks) {
    ScoreBlocks<Queries, kBlocks>(packed, key_blocks + b * head_size * kKeyBlock, head_size, scores, b * kKeyBlock);
  }
  for (; b < blocks; ++b) ScoreBlocks<Queries, 1>(packed, key_blocks + b * head_size * kKeyBlock, head_size, scores, b * kKeyBlock);
}

// out[q][16 * Vectors] (+)= sum over rows i < counts[q] of weights[q][i] * rows[i], as WeightedSum of attention.cc has it: `chains` interleaved chains
// over the rows, summed in a fixed tree. What all queries see is read once for all, chain by chain.
template <int Queries, int Vectors>
void WeightedPart(const float* const* weights, const float* rows, int64_t stride, const int64_t* counts, int chains, float* const* out, bool add) {
  constexpr int kMostChains = 4;
  Vec sums[kMostChains][Queries][Vectors];
  const int64_t common = *std::min_element(counts, counts + Queries);
  for (int c = 0; c < chains; ++c) {
    Vec acc[Queries][Vectors];
    for (int q = 0; q < Queries; ++q) {
      for (int v = 0; v < Vectors; ++v) acc[q][v] = Broadcast(0.0f);
    }
    int64_t i = c;
    for (; i < common; i += chains) {
      Vec value[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) value[v] = Load(rows + i * stride + v * kLanes);
#pragma GCC unroll 6
      for (int q = 0; q < Queries; ++q) {
        const Vec w = Broadcast(weights[q][i]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) acc[q][v] = w * value[v] + acc[q][v];
      }
    }
    for (int q = 0; q < Queries; ++q) {
      for (int64_t j = i; j < counts[q]; j += chains) {
        const Vec w = Broadcast(weights[q][j]);
        for (int v = 0; v < Vectors; ++v) acc[q][v] = w * Load(rows + j * stride + v * kLanes) + acc[q][v];
      }
      for (int v = 0; v < Vectors; ++v) sums[c][q][v] = acc[q][v];
    }
  }
  for (int q = 0; q < Queries; ++q) {
    for (int v = 0; v < Vectors; ++v) {
      Vec sum = sums[0][q][v] + sums[1][q][v];
      if (chains == 4) sum = sum + (sums[2][q][v] + sums[3][q][v]);
      float* place = out[q] + v * kLanes;
      Store(place, add ? Load(place) + sum : sum);
    }
  }
}

// The whole head, cut as WeightedRows of attention.cc cuts it: 128 dimensions in two chains, the rest in four.
template <int Queries>
void WeightedRows(const float* const* weights, const float* rows, int64_t stride, const int64_t* counts, int64_t head_size, float* const* out, bool add) {
  for (int64_t d = 0; d < head_size;) {
    const int64_t vectors = (head_size - d) / kLanes;
    const int chains = vectors >= 8 ? 2 : 4;
    for (const int64_t end = d + (vectors >= 8 ? 8 : std::min<int64_t>(vectors, kVectors)) * kLanes; d < end;) {
      float* part[Queries];
      for (int q = 0; q < Queries; ++q) part[q] = out[q] + d;
      const int64_t left = (end - d) / kLanes;
      if (left >= kVectors) {
        WeightedPart<Queries, kVectors>(weights, rows + d, stride, counts, chains, part, add);
        d += kVectors * kLanes;
      } else if (left >= 2) {
        WeightedPart<Queries, 2>(weights, rows + d, stride, counts, chains, part, add);
        d += 2 * kLanes;
      } else {
        WeightedPart<Queries, 1>(weights, rows + d, stride, counts, chains, part, add);
        d += kLanes;
      }
    }
  }
}

// Weights of a span's keys from its first on; those that it skips have no part in the chains.
template <int Queries>
void WeightedSpan(const KeySpan& span, const float* const* weights, const int64_t* counts, int64_t head_size, float* const* out, bool add) {
  const float* seen[Queries];
  int64_t left[Queries];
  for (int q = 0; q < Queries; ++q) {
    seen[q] = weights[q] + span.skip;
    left[q] = counts[q] - span.skip;
  }
  WeightedRows<Queries>(seen, span.values + span.skip * span.value_stride, span.value_stride, left, head_size, out, add);
}

// Scores of one span, unscaled, of the vectors at vector(query).
template <int Queries, typename Query, typename Vector>
void SpanProducts(const Query* queries, const Vector& vector, const float* blocks, const int64_t* counts, int64_t head_size, float* packed, float* const* scores) {
  for (int q = 0; q < Queries; ++q) {
    const float* from = vector(queries[q]);
    for (int64_t d = 0; d < head_size; ++d) packed[d * Queries + q] = from[d];
  }
  Scores<Queries>(packed, blocks, KeyBlocks(*std::max_element(counts, counts + Queries)), head_size, scores);
}

// Queries of one span: their scores from scores[q] on.
template <int Queries, typename Query>
void SpanScores(const Query* queries, const float* key_blocks, const int64_t* counts, int64_t skip, int64_t head_size, float scale, float* packed, float* const* scores) {
  SpanProducts<Queries>(queries, [](const Query& one) { return one.query; }, key_blocks, counts, head_size, packed, scores);
  for (int q = 0; q < Queries; ++q) {
    const int64_t used = KeyBlocks(counts[q]) * kKeyBlock;
    for (int64_t i = 0; i < used; i += kLanes) Store(scores[q] + i, Load(scores[q] + i) * Broadcast(scale));
    for (int64_t i = 0; i < skip; ++i) scores[q][i] = -std::numeric_limits<float>::infinity();
    for (int64_t i = counts[q]; i < used; ++i) scores[q][i] = -std::numeric_limits<float>::infinity();
  }
}

// Calls body(std::integral_constant) with the number of queries as a constant.
template <typename Body>
void ForCount(int count, const Body& body) {
  switch (count) {
    case 1: return body(std::integral_constant<int, 1>());
    case 2: return body(std::integral_constant<int, 2>());
    case 3: return body(std::integral_constant<int, 3>());
    case 4: return body(std::integral_constant<int, 4>());
    case 5: return body(std::integral_constant<int, 5>());
    default: return body(std::integral_constant<int, 6>());
  }
}

// Calls visit(first, count) for each run of queries whose second spans begin at the same key.
template <typename Query, typename Visit>
void ForEachSecond(const Query* queries, int count, const Visit& visit) {
  for (int begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && queries[end].second.key_blocks == queries[begin].second.key_blocks && queries[end].second.skip == queries[begin].second.skip;) {
      ++end;
    }
    if (queries[begin].second.count > 0) visit(begin, end - begin);
  }
}

// Where the scores of a tile lie: of each query those of its first span and, right after them, those of its second. What a span writes past a query's own
// keys is overwritten by the second span or lies in room of its own.
struct TileScores {
  template <typename Query>
  TileScores(const Query* queries, int count) {
    for (int q = 0; q < count; ++q) {
      first_counts[q] = queries[q].first_count;
      second_counts[q] = queries[q].second.count;
      longest = std::max(longest, first_counts[q]);
      longest_second = std::max(longest_second, second_counts[q]);
    }
    width = (KeyBlocks(longest) + KeyBlocks(longest_second)) * kKeyBlock;
  }

  // Floats of one set of scores.
  int64_t size(int count) const { return width * count; }
  int64_t used(int q) const { return (KeyBlocks(first_counts[q]) + KeyBlocks(second_counts[q])) * kKeyBlock; }
  void Place(float* at, int count, float** first, float** second) const {
    for (int q = 0; q < count; ++q) {
      first[q] = at + q * width;
      second[q] = first[q] + KeyBlocks(first_counts[q]) * kKeyBlock;
    }
  }

  int64_t first_counts[kTileQueries], second_counts[kTileQueries], longest = 0, longest_second = 0, width = 0;
};

// Scaled scores of both spans.
template <typename Query>
void TileSpanScores(const KeySpan& shared, const Query* queries, int count, const TileScores& scores, int64_t head_size, float scale, float* packed, float* const* first, float* const* second) {
  if (scores.longest > 0) {
    ForCount(count, [&](auto n) { SpanScores<n>(queries, shared.key_blocks, scores.first_counts, shared.skip, head_size, scale, packed, first); });
  }
  ForEachSecond(queries, count, [&](int begin, int size) {
    ForCount(size, [&](auto n) {
      const KeySpan& span = queries[begin].second;
      SpanScores<n>(queries + begin, span.key_blocks, scores.second_counts + begin, span.skip, head_size, scale, packed, second + begin);
    });
  });
}

// out[q] = sum over both spans of weights * rows.
template <typename Query>
void TileWeightedSpans(const KeySpan& shared, const Query* queries, int count, const TileScores& scores, int64_t head_size, float* const* first, float* const* second, float* const* out) {
  if (scores.longest > 0) ForCount(count, [&](auto n) { WeightedSpan<n>(shared, first, scores.first_counts, head_size, out, false); });
  ForEachSecond(queries, count, [&](int begin, int size) {
    ForCount(size, [&](auto n) {
      WeightedSpan<n>(queries[begin].second, second + begin, scores.second_counts + begin, head_size, out + begin, scores.longest > 0);
    });
  });
}

// rows[i] += weights[q][i] * vectors[q] for q in order, of the keys that each query sees; a part of `Vectors` vectors of the head.
template <int Queries, int Vectors>
void SpreadPart(const float* const* weights, const float* const* vectors, const int64_t* counts, int64_t skip, float* rows, int64_t stride) {
  Vec x[Queries][Vectors];
  for (int q = 0; q < Queries; ++q) {
    for (int v = 0; v < Vectors; ++v) x[q][v] = Load(vectors[q] + v * kLanes);
  }
  const int64_t common = *std::min_element(counts, counts + Queries), most = *std::max_element(counts, counts + Queries);
  for (int64_t i = skip; i < common; ++i) {
    float* row = rows + i * stride;
    Vec acc[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) acc[v] = Load(row + v * kLanes);
#pragma GCC unroll 6
    for (int q = 0; q < Queries; ++q) {
      const Vec w = Broadcast(weights[q][i]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) acc[v] = w * x[q][v] + acc[v];
    }
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) Store(row + v * kLanes, acc[v]);
  }
  for (int64_t i = std::max(skip, common); i < most; ++i) {
    float* row = rows + i * stride;
    for (int q = 0; q < Queries; ++q) {
      if (i >= counts[q]) continue;
      const Vec w = Broadcast(weights[q][i]);
      for (int v = 0; v < Vectors; ++v) Store(row + v * kLanes, w * Load(vectors[q] + v * kLanes) + Load(row + v * kLanes));
    }
  }
}

template <int Queries>
void Spread(const float* const* weights, const float* const* vectors, const int64_t* counts, int64_t skip, int64_t head_size, float* rows, int64_t stride) {
  const float* part[Queries];
  for (int64_t d = 0; d < head_size;) {
    for (int q = 0; q < Queries; ++q) part[q] = vectors[q] + d;
    if (head_size - d >= kVectors * kLanes) {
      SpreadPart<Queries, kVectors>(weights, part, counts, skip, rows + d, stride);
      d += kVectors * kLanes;
    } else {
      SpreadPart<Queries, 1>(weights, part, counts, skip, rows + d, stride);
      d += kLanes;
    }
  }
}

}  // namespace

void AttendTile(const KeySpan& shared, const TileQuery* queries, int count, int64_t head_size, float scale, std::vector<float>* scratch) {
  const TileScores scores(queries, count);
  const int64_t packed_size = kTileQueries * head_size;
  if (static_cast<int64_t>(scratch->size()) < packed_size + scores.size(count)) scratch->resize(packed_size + scores.size(count));
  float* packed = scratch->data();
  float *first[kTileQueries], *second[kTileQueries], *out[kTileQueries];
  scores.Place(packed + packed_size, count, first, second);
  for (int q = 0; q < count; ++q) out[q] = queries[q].out;
  TileSpanScores(shared, queries, count, scores, head_size, scale, packed, first, second);
  float sums[kTileQueries];
  for (int q = 0; q < count; ++q) {
    const auto [sum, highest] = SoftmaxWeights(first[q], scores.used(q));
    sums[q] = sum;
    if (queries[q].log_sum_exp) *queries[q].log_sum_exp = highest + std::log(sum);
  }
  TileWeightedSpans(shared, queries, count, scores, head_size, first, second, out);
  for (int q = 0; q < count; ++q) {
    const Vec inverse = Broadcast(1.0f / sums[q]);
    for (int64_t d = 0; d < head_size; d += kLanes) Store(out[q] + d, Load(out[q] + d) * inverse);
  }
}

void AttendTileBackward(const TileGradients& gradients, const KeySpan& shared, const TileQueryGradient* queries, int count, int64_t head_size, float scale,
                        std::vector<float>* scratch) {
  const TileScores scores(queries, count);
  const int64_t packed_size = kTileQueries * head_size, size = scores.size(count);
  if (static_cast<int64_t>(scratch->size()) < packed_size + 2 * size) scratch->resize(packed_size + 2 * size);
  float* packed = scratch->data();
  float *first[kTileQueries], *second[kTileQueries], *first_slopes[kTileQueries], *second_slopes[kTileQueries], *dquery[kTileQueries];
  const float *query[kTileQueries], *dout[kTileQueries];
  scores.Place(packed + packed_size, count, first, second);
  scores.Place(packed + packed_size + size, count, first_slopes, second_slopes);
  for (int q = 0; q < count; ++q) {
    query[q] = queries[q].query;
    dout[q] = queries[q].dout;
    dquery[q] = queries[q].dquery;
  }
  TileSpanScores(shared, queries, count, scores, head_size, scale, packed, first, second);
  const auto products = [&](const float* key_blocks, const TileQueryGradient* of, const int64_t* counts, int size, float* const* slopes) {
    const float* blocks = gradients.value_blocks + (key_blocks - gradients.key_blocks);
    ForCount(size, [&](auto n) { SpanProducts<n>(of, [](const TileQueryGradient& one) { return one.dout; }, blocks, counts, head_size, packed, slopes); });
  };
  if (scores.longest > 0) products(shared.key_blocks, queries, scores.first_counts, count, first_slopes);
  ForEachSecond(queries, count, [&](int begin, int run) { products(queries[begin].second.key_blocks, queries + begin, scores.second_counts + begin, run, second_slopes + begin); });
  for (int q = 0; q < count; ++q) {
    // slope = weight * (dout . v - dout . out): the softmax gradient, times the scale.
    SoftmaxAgain(first[q], scores.used(q), queries[q].log_sum_exp);
    const Vec mean = Broadcast(queries[q].dot);
    for (int64_t i = 0; i < scores.used(q); i += kLanes) {
      Store(first_slopes[q] + i, Load(first[q] + i) * (Load(first_slopes[q] + i) - mean) * Broadcast(scale));
    }
  }
  TileWeightedSpans(shared, queries, count, scores, head_size, first_slopes, second_slopes, dquery);
  const auto spread = [&](const KeySpan& span, int begin, const int64_t* counts, int run, float* const* weights, float* const* slopes) {
    const int64_t offset = span.values - gradients.keys;
    ForCount(run, [&](auto n) {
      Spread<n>(slopes, query + begin, counts, span.skip, head_size, gradients.dkeys + offset, span.value_stride);
      Spread<n>(weights, dout + begin, counts, span.skip, head_size, gradients.dvalues + offset, span.value_stride);
    });
  };
  if (scores.longest > 0) spread(shared, 0, scores.first_counts, count, first, first_slopes);
  ForEachSecond(queries, count, [&](int begin, int run) {
    spread(queries[begin].second, begin, scores.second_counts + begin, run, second + begin, second_slopes + begin);
  });
}

}  // namespace azr
